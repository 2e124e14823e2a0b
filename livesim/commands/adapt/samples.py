"""Read the raw stacks of recordings as evidence to adapt a network by."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from livesim.commands.calibrate import spread_stacks, with_pixel
from livesim.commands.evaluate.report import labels
from livesim.config.settings import Settings
from livesim.io.otf import otf_profile
from livesim.io.read.open import open_recording
from livesim.io.recording_files import RAW_NAME, finished_name
from livesim.io.settings_beside import settings_for
from livesim.pipeline.calibration import calibrate
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
    found = []
    for raw, name in zip(raws, names_of(raws), strict=True):
        own = raw if raw.exists() else finished_name(raw)
        for one in _evidence(own, name, settings_for(own, config, changes), model):
            found.append(one)
            step()
    return found


def names_of(raws: Sequence[Path]) -> list[str]:
    """Return a short name for each recording; one of livesim's own bears that of its folder."""
    return labels(
        [raw.resolve().parent if finished_name(raw).name == RAW_NAME else raw for raw in raws]
    )


def _evidence(raw: Path, name: str, settings: Settings, model: str) -> Iterator[Evidence]:
    settings, stacks = _read_growing(raw, settings)
    settings = on_plain(settings, model)
    profile = otf_profile(settings)
    pattern = calibrate(stacks, settings, profile)
    if why_none(pattern):
        raise DataError("; ".join((f"{raw}: {why_none(pattern)}", *pattern.warnings)))
    for words in pattern.doubts:
        print(f"livesim: {raw}: {words}", file=sys.stderr)
    pipeline = ReconstructionPipeline(settings, pattern, profile)
    for stack in stacks:
        yield evidence_of(pipeline, stack, name)


def _read_growing(raw: Path, settings: Settings) -> tuple[Settings, list[RawStack]]:
    """Return as `_read`, of a recording that may be closed, and so renamed, meanwhile."""
    finished = finished_name(raw)
    try:
        found = _read(raw, settings)
    except DataError:
        if raw.exists() or not finished.exists():
            raise
        return _read(finished, settings)
    # What Zarr does not find any more it reads as zeros.
    return found if raw.exists() or not finished.exists() else _read(finished, settings)


def _read(raw: Path, settings: Settings) -> tuple[Settings, list[RawStack]]:
    """Return the settings of a recording's first channel, and raw stacks of that."""
    with open_recording(raw, settings.pattern) as recording:
        settings = with_pixel(settings, recording)
        channel = min(index.channel for index in recording.indices)
        settings = settings.of_channel(channel)
        stacks = spread_stacks(recording, MOST_STACKS, channel)
        return settings, [middle_of(one, settings) for one in stacks]


def on_plain(settings: Settings, model: str) -> Settings:
    """Return the settings with the network on the plain image, and no other."""
    steps = settings.steps.model_copy(update={"one": NONE, "two": model})
    return settings.model_copy(update={"steps": steps})


def middle_of(stack: RawStack, settings: Settings, most: int = MOST_PIXELS) -> RawStack:
    """Return the middle of a raw stack, its pixels made equal before by the camera's map."""
    (whole,) = equalised([stack], settings)
    rows, columns = middle(whole.pixels.shape[-2:], most)
    return replace(whole, pixels=np.ascontiguousarray(whole.pixels[..., rows, columns]))
