"""Read the raw stacks of recordings as evidence to adapt a network by."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from livesim.commands.calibrate import spread_stacks, with_pixel
from livesim.config.settings import Settings
from livesim.io.otf import otf_profile
from livesim.io.read.open import open_recording
from livesim.io.settings_beside import settings_for
from livesim.pipeline.build import calibrate
from livesim.pipeline.defects import equalised
from livesim.pipeline.evidence import evidence_of
from livesim.pipeline.networks import why_none
from livesim.pipeline.pipeline import ReconstructionPipeline
from livesim.reconstruction.doctor.examine import middle
from livesim.values.errors import DataError
from livesim.values.frames import RawStack
from livesim_models.shipped import NONE
from livesim_models.trust.evidence import Evidence

MOST_STACKS = 16
"""Time points taken of every recording, evenly spread."""
MOST_PIXELS = 512
"""Rows and columns taken of a frame, from its middle."""


def evidence_in(
    raws: Sequence[Path],
    config: Path | None,
    changes: Sequence[str],
    model: str,
    step: Callable[[], None],
) -> list[Evidence]:
    """Return what the first channel of recordings says of networks on plain images.

    Parameters
    ----------
    raws
        The recordings.
    config
        Settings; None = the TOML file beside each.
    changes
        That win over the settings.
    model
        Name or path of the network.
    step
        Called after every raw stack.

    Raises
    ------
    DataError, SettingsError
        If a recording cannot be used, shows no pattern, or does not tell its noise.
    """
    return [one for raw in raws for one in _evidence(raw, config, changes, model, step)]


def _evidence(
    raw: Path,
    config: Path | None,
    changes: Sequence[str],
    model: str,
    step: Callable[[], None],
) -> Iterator[Evidence]:
    settings = settings_for(raw, config, changes)
    with open_recording(raw, settings.pattern) as recording:
        settings = with_pixel(settings, recording)
        channel = min(index.channel for index in recording.indices)
        settings = on_plain(settings.of_channel(channel), model)
        stacks = [
            middle_of(one, settings) for one in spread_stacks(recording, MOST_STACKS, channel)
        ]
    profile = otf_profile(settings)
    pattern = calibrate(stacks, settings, profile)
    if why_none(pattern):
        raise DataError(f"{raw}: {why_none(pattern)}")
    pipeline = ReconstructionPipeline(settings, pattern, profile)
    for stack in stacks:
        yield evidence_of(pipeline, stack, raw.name)
        step()


def on_plain(settings: Settings, model: str) -> Settings:
    """Return the settings with the network on the plain image, and no other."""
    steps = settings.steps.model_copy(update={"one": NONE, "two": model})
    return settings.model_copy(update={"steps": steps})


def middle_of(stack: RawStack, settings: Settings) -> RawStack:
    """Return the middle of a raw stack, its pixels made equal before by the camera's map."""
    (whole,) = equalised([stack], settings)
    rows, columns = middle(whole.pixels.shape[-2:], MOST_PIXELS)
    return replace(whole, pixels=np.ascontiguousarray(whole.pixels[..., rows, columns]))
