"""Read from a raw stack what networks on its plain image can be taught and judged by."""

from __future__ import annotations

import torch

from livesim.pipeline.pipeline import ReconstructionPipeline
from livesim.pipeline.review import generator_of, variance_of
from livesim.values.errors import DataError
from livesim.values.frames import RawStack
from livesim_models.trust.arbitration import ETA
from livesim_models.trust.evidence import LIGHT, Evidence
from livesim_models.trust.fission import fission

DRAWS = 4
"""Noises drawn for a stack; sums of them are further ones."""


@torch.inference_mode()
def evidence_of(pipeline: ReconstructionPipeline, stack: RawStack, recording: str) -> Evidence:
    """Return what one raw stack says of networks on its plain image.

    Parameters
    ----------
    pipeline
        With a network on the plain image.
    stack
        Lit by the pipeline's pattern.
    recording
        Its name.

    Raises
    ------
    DataError
        If no network runs, or the stack does not tell its noise.
    """
    reviewer = pipeline.reviewer
    if reviewer is None or reviewer.conditions is None:
        raise DataError(f"{recording}: expected raw stacks on which a network runs, found none")
    work = pipeline.compute(stack).to(reviewer.share.device)
    noise = reviewer.noise(work)
    if noise.refusal is not None:
        raise DataError(f"{recording}: its photons cannot be split: {noise.refusal}")
    photons, generator = reviewer.photons(work), generator_of(work)
    variance = variance_of(photons, noise)
    drawn = [
        reviewer.plain(fission(photons, variance, ETA, generator).noise, work) for _ in range(DRAWS)
    ]
    at = stack.index
    return Evidence(
        recording=recording,
        place=f"position {at.position}, z {at.z}",
        plain=work.plain,
        noises=torch.stack(drawn),
        conditions=reviewer.conditions.in_light(LIGHT),
        share=reviewer.share,
    )
