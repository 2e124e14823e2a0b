"""Measure for the card how much each step gains on samples that training never saw."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import torch

from livesim_models.data.samples import Batch
from livesim_models.evaluation.similarity import similarity
from livesim_models.network import Network
from livesim_models.normalisation import unstabilised
from livesim_models.steps import StepOne, StepTwo
from livesim_models.training.module import reconstructed

STAGES = ("plain", "one", "one and two")


@torch.inference_mode()
def verdict(one: Network, two: Network, batch: Batch, groups: Sequence[str]) -> dict[str, float]:
    """Return mean PSNR (dB) and SSIM against the targets, by group and stage.

    Parameters
    ----------
    one, two
        The networks.
    batch
        The samples.
    groups
        Of each sample, such as its light; means are taken within.
    """
    plain = reconstructed(batch.plans, batch.low)
    stable = StepOne(one).stable(batch.low, batch.read_noise)
    between = reconstructed(batch.plans, unstabilised(stable, batch.read_noise))
    images = (plain, between, StepTwo(two)(between, batch.levels))
    found: defaultdict[str, list[float]] = defaultdict(list)
    for number, group in enumerate(groups):
        aim = batch.target[number].double().numpy()
        for stage, image in zip(STAGES, images, strict=True):
            like = similarity(image[number].double().numpy(), aim)
            found[f"PSNR dB, {group}, {stage}"].append(like.psnr_db)
            found[f"SSIM, {group}, {stage}"].append(like.ssim)
    return {name: round(float(np.mean(values)), 4) for name, values in found.items()}
