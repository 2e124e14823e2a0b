"""Make training scenes of the user's recordings, split by recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from livesim.commands.calibrate import spread_stacks, with_pixel
from livesim.config.settings import Camera, Settings
from livesim.io.otf import otf_profile
from livesim.io.read.open import open_recording
from livesim.io.settings_beside import settings_for
from livesim.pipeline.calibration import calibrate
from livesim.reconstruction.otf import optics_under
from livesim.values.errors import DataError
from livesim.values.frames import RawStack
from livesim_models.data.recipe import Split
from livesim_models.data.scene import Scene

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


def measured_scenes(
    raws: Sequence[Path], config: Path | None, low: Mapping[Path, Path]
) -> list[Scene]:
    """Return every raw stack of recordings as a scene, its pattern calibrated.

    Parameters
    ----------
    raws
        With much light.
    config
        Settings; None = the TOML file beside each.
    low
        The recordings of the same fields in less light, by those with much; where there is none,
        photons are thinned.

    Raises
    ------
    DataError, SettingsError
        If a recording cannot be used, shows no pattern, or has no equal in less light.
    """
    return [scene for raw in raws for scene in _scenes(raw, config, low.get(raw))]


def pairs(high: Sequence[Path], low: Sequence[Path]) -> dict[Path, Path]:
    """Return the recordings in less light by those with much, which come in the same order.

    Raises
    ------
    DataError
        If there are some, but not as many.
    """
    if low and len(low) != len(high):
        raise DataError(
            f"--low: expected {len(high)} recordings, as many as of --data, found {len(low)}"
        )
    return dict(zip(high, low, strict=False))


def _scenes(raw: Path, config: Path | None, low: Path | None) -> list[Scene]:
    settings = settings_for(raw, config)
    with open_recording(raw, settings.pattern) as recording:
        settings = with_pixel(settings, recording)
        stacks = spread_stacks(recording, _STACKS, min(i.channel for i in recording.indices))
        pattern = calibrate(stacks, settings, otf_profile(settings))
    dim = stacks if low is None else _stacks_like(stacks, low, settings)
    if not all(angle.usable for angle in pattern.angles):
        raise DataError(f"{raw}: expected a pattern in every angle, found: {pattern.warnings[0]}")
    camera = settings.camera
    return [
        Scene(
            frames=_photons(stack, camera),
            low=None if low is None else _photons(other, camera),
            truth=None,
            pattern=pattern,
            optics=optics_under(pattern, settings.optics),
            structure="measured",
            recording=raw.name,
            read_noise=camera.read_noise,
        )
        for stack, other in zip(stacks, dim, strict=True)
    ]


def _stacks_like(stacks: Sequence[RawStack], low: Path, settings: Settings) -> list[RawStack]:
    """Read those stacks of a recording that have the same place as `stacks`, and the same size."""
    with open_recording(low, settings.pattern) as recording:
        missing = [stack.index for stack in stacks if stack.index not in recording.indices]
        if missing or recording.frame_shape != stacks[0].pixels.shape[-2:]:
            raise DataError(
                f"{low}: expected the same fields and times as with much light, frames of "
                f"{stacks[0].pixels.shape[-2:]}, found frames of {recording.frame_shape} and "
                f"{len(missing)} of {len(stacks)} raw stacks missing"
            )
        return [recording.stack(stack.index) for stack in stacks]


def _photons(stack: RawStack, camera: Camera) -> Tensor:
    return (torch.from_numpy(stack.pixels.astype("f4")) - camera.offset) / camera.gain
