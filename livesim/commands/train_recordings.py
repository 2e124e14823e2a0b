"""Recordings of one's own in, measured scenes for a fine-tuning out, split by recording."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from livesim.build import calibrate
from livesim.commands.calibrate import otf_profile, spread_stacks, with_pixel
from livesim.commands.config_beside import settings_for
from livesim.frames import DataError
from livesim.io.open import open_recording
from livesim_models.data.scene import Scene
from livesim_models.training.recipe import Split

FEWEST = 3
"""Recordings: step one, step two and the validation have some each."""
_STACKS = 32
"""Time points taken of every recording, evenly spread."""


def split_recordings(raws: Sequence[Path]) -> dict[Split, list[Path]]:
    """Return which recordings are for what: every fifth for validation, the others in halves.

    Never by crop or time point: those of one recording are too much alike to test each other.

    Raises
    ------
    DataError
        If there are fewer than `FEWEST`.
    """
    if len(raws) < FEWEST:
        raise DataError(
            f"--data: expected {FEWEST} recordings or more, one each for step one, step two and "
            f"the validation, found {len(raws)}"
        )
    ordered = sorted(raws)
    validation = ordered[2::5]
    others = [raw for raw in ordered if raw not in validation]
    return {"one": others[0::2], "two": others[1::2], "validation": validation, "test": []}


def measured_scenes(raws: Sequence[Path], config: Path | None) -> list[Scene]:
    """Return every raw stack of recordings as a scene, its pattern calibrated.

    Raises
    ------
    DataError, SettingsError
        If a recording cannot be used, or shows no pattern.
    """
    return [scene for raw in raws for scene in _scenes(raw, config)]


def _scenes(raw: Path, config: Path | None) -> list[Scene]:
    settings = settings_for(raw, config)
    with open_recording(raw, settings.pattern) as recording:
        settings = with_pixel(settings, recording)
        stacks = spread_stacks(recording, _STACKS, min(i.channel for i in recording.indices))
        pattern = calibrate(stacks, settings, otf_profile(settings))
    if not all(angle.usable for angle in pattern.angles):
        raise DataError(f"{raw}: expected a pattern in every angle, found: {pattern.warnings[0]}")
    camera = settings.camera
    return [
        Scene(
            frames=(torch.from_numpy(stack.pixels.astype("f4")) - camera.offset) / camera.gain,
            truth=None,
            pattern=pattern,
            optics=settings.optics,
            structure="measured",
            recording=raw.name,
            read_noise=camera.read_noise,
        )
        for stack in stacks
    ]
