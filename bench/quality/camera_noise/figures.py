"""Hold gain, offset and read noise, as found, against those of cameras of many gains."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from bench.quality.camera_noise.simulated import drawn_object
from bench.report import Row
from livesim.config.settings import Camera, Optics, PatternSettings
from livesim.io.camera_map import CameraMap
from livesim.reconstruction.camera_noise import (
    CameraNoise,
    NoiseUnknownError,
    measure_camera_noise,
)
from livesim.reconstruction.forward.sensor import Sensor
from livesim.reconstruction.otf import Otf
from tests.support.scenes import mean_photons, random_pattern

GAINS = (0.1, 0.3, 1.0, 3.0, 10.0)
FIGURES = {"gain off %": 100.0, "offset off": 1.0, "read noise off": 1.0}
FIGURE_LIGHTS = (50.0, 500.0)
"""Of which gain, offset and read noise are compared one by one."""


def figures(seeds: range) -> list[Row]:
    """Return gain, offset and read noise found, over those of cameras of many gains."""
    return [
        _figures(kind, gain, light, seeds)
        for kind in ("even", "sCMOS with its map", "EMCCD")
        for gain in GAINS
        for light in FIGURE_LIGHTS
    ]


def _figures(kind: str, gain: float, light: float, seeds: range) -> Row:
    """Return the errors of one kind of camera; the median and the largest over recordings."""
    errors: list[tuple[float, float, float]] = []
    for seed in seeds:
        found, camera = _figured(kind, gain, light, seed)
        if found is None or not found.told:
            continue
        off = found.gain / camera.gain - 1.0
        offset = found.offset(camera.read_noise)[0] - camera.offset
        errors.append((off, offset, found.read_noise(camera.offset)[0] - camera.read_noise))
    row: Row = {"camera": kind, "gain": gain, "light": light, "told": f"{len(errors)}/{len(seeds)}"}
    for place, (name, unit) in enumerate(FIGURES.items()):
        sizes = [abs(one[place]) * unit for one in errors]
        row[name] = float(np.median(sizes)) if sizes else None
        row[f"{name}, most"] = max(sizes, default=None)
    return row


def _figured(kind: str, gain: float, light: float, seed: int) -> tuple[CameraNoise | None, Camera]:
    """Return the noise measured in one recording of filaments, and the camera."""
    optics = Optics(numerical_aperture=1.2, emission_nm=525.0, pixel_nm=80.0)
    size = 256
    pattern = random_pattern(seed, (size, size), PatternSettings(), optics)
    there = drawn_object("dense", size, optics, np.random.default_rng(seed))
    mean = mean_photons(there, pattern, Otf.theoretical(optics)).flatten(0, 1).clamp(min=0.0)
    mean = light * (mean / mean.max() + 0.05)
    camera = Camera(offset=100.0, gain=gain, read_noise=1.5)
    sensor = Sensor.of(camera)
    if kind == "sCMOS with its map":
        sensor = Sensor.scmos(
            camera, (size, size), seed, offset_spread=5.0 * gain, gain_spread=0.03
        )
    if kind == "EMCCD":
        # Its excess noise counts as gain, of which half as many photo-electrons are the same light.
        sensor = replace(sensor, electron_multiplying=True)
        camera = Camera(offset=100.0, gain=2.0 * gain, read_noise=0.75)
    counts = sensor.counts(mean, torch.Generator().manual_seed(seed)).float()
    if kind == "sCMOS with its map":
        pages = (sensor.offset.float().numpy(), sensor.gain.float().numpy())
        counts = torch.from_numpy(CameraMap(camera, *pages).equalised(counts.numpy()))
        camera = camera.model_copy(
            update={"read_noise": float(sensor.read_noise.square().mean().sqrt())}
        )
    cutoff = optics.cutoff_cycles_per_um
    try:
        return measure_camera_noise(counts, 0.08, cutoff), camera
    except NoiseUnknownError:
        return None, camera
