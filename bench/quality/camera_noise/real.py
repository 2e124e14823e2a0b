"""Measure the noise of the cameras of real recordings."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bench.report import Row
from livesim.config.settings import Camera, Settings, load_settings
from livesim.io.read.open import open_recording
from livesim.reconstruction.camera_noise import (
    CameraNoise,
    NoiseUnknownError,
    measure_camera_noise,
)
from livesim.reconstruction.doctor.examine import in_order
from livesim.reconstruction.grid import frequency_axes
from livesim.reconstruction.noise_model import NoiseModel, believed_noise, settings_noise

NUMBERS = ("gain", "error", "offset", "ripple", "dark", "bright")


def recordings() -> Iterator[tuple[Path, Settings, Tensor]]:
    """Yield the recordings in the folder that LIVESIM_DATA names, frames [frame, y, x] in order."""
    folder = os.environ.get("LIVESIM_DATA")
    for path in sorted(Path(folder).glob("*.tif")) if folder else []:
        settings = load_settings(path.with_suffix(".toml"))
        with open_recording(path, settings.pattern) as recording:
            pixels = np.stack([recording.stack(index).pixels for index in recording.indices])
        stacks = torch.from_numpy(pixels.astype(np.float32))
        yield path, settings, in_order(stacks, settings.pattern)


def recording_row(path: Path, settings: Settings, frames: Tensor) -> Row:
    """Return what one real recording tells of its camera."""
    pixel_um = float(settings.optics.pixel_nm or 0.0) / 1000.0
    cutoff, camera = settings.optics.cutoff_cycles_per_um, settings.camera
    model = believed_noise(frames, camera, pixel_um, cutoff)
    try:
        found = measure_camera_noise(frames, pixel_um, cutoff)
    except NoiseUnknownError:
        numbers: Row = dict.fromkeys((*NUMBERS, "inside"))
    else:
        numbers = _numbers(found, model, camera)
        numbers["inside"] = _inside(frames, settings, found)
    return {"recording": path.stem, **numbers, "words": model.words}


def _inside(frames: Tensor, settings: Settings, found: CameraNoise) -> float | None:
    """Return the noise between 0.8 and 1 of the cut-off over that measured beyond.

    The sums over the phases of two angles show the same widefield image, so near to the cut-off,
    where little of it is left, their difference is noise, and what brightness and drift leave.
    """
    angles, phases = settings.pattern.stack_shape
    if angles < 2:
        return None
    sums = frames[: angles * phases].double().unflatten(0, (angles, phases)).sum(dim=1)
    window = torch.kaiser_window(sums.shape[1], False, 9.0)[:, None]
    window = (window * torch.kaiser_window(sums.shape[2], False, 9.0)).double()
    variance = phases * found.variance(frames.double().mean(dim=0))
    fy, fx = frequency_axes((sums.shape[1], sums.shape[2]), 1.0)
    cutoff = settings.optics.cutoff_cycles_per_um * float(settings.optics.pixel_nm or 0.0) / 1000.0
    ring = (torch.hypot(fy, fx) / cutoff - 0.9).abs() < 0.1
    ratios = []
    for one, other in itertools.combinations(sums, 2):
        scale = (one * other).sum() / other.square().sum()
        moved = one - scale * other
        power = torch.fft.fft2((moved - moved.mean()) * window).abs().square()[ring].mean()
        expected = (1.0 + scale**2) * (variance * window.square()).sum()
        ratios.append(float(power / expected))
    return float(np.mean(ratios))


def _numbers(found: CameraNoise, model: NoiseModel, camera: Camera) -> Row:
    light = (torch.tensor(found.light, dtype=torch.float64) - camera.offset) / camera.gain
    ratio = (model.variance(light) / settings_noise(camera).variance(light)).tolist()
    told = found.told
    return {
        "gain": found.gain if told else None,
        "error": found.gain_error if told else None,
        "offset": found.offset(camera.read_noise)[0] if told else None,
        "ripple": found.ripple,
        "dark": ratio[0],
        "bright": ratio[1],
    }
