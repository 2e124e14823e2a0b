"""Simulate recordings whose cameras, optics, specimens, light and fields are drawn at random."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from bench.quality.arbitration import PHOTOGRAPHS, specimen
from livesim.config.settings import Camera, Optics, PatternSettings
from livesim.reconstruction.forward.sensor import Sensor
from livesim.reconstruction.noise_model import NoiseModel
from livesim.reconstruction.otf import Otf
from livesim_acquisition.specimens.filaments import Filaments
from tests.support.scenes import mean_photons, random_pattern

CAMERAS = ("sCMOS", "sCMOS, uneven", "EMCCD", "CCD", "8 bits")
SPECIMENS = ("dense", "sparse", "beads", "fractal noise", *PHOTOGRAPHS)
SIZES = (64, 96, 128, 256, 512)
LIGHTS = (2.0, 10.0, 50.0, 300.0, 5000.0)
"""Photo-electrons at the brightest pixel."""
HOT = 1e-3
"""Share of hot pixels in every second recording."""


@dataclass(frozen=True, eq=False)
class Recorded:
    """A simulated recording with all that is true of its noise."""

    frames: Tensor
    """[frame, y, x] counts."""
    photons: Tensor
    """[frame, y, x] mean photo-electrons."""
    variance: Tensor
    """[frame, y, x] of the photo-electrons, the mean over like pixels of the sensor."""
    camera: Camera
    """The true one; the noise of an EMCCD is twice what it says."""
    optics: Optics
    kind: str
    specimen: str
    light: float

    @property
    def pixel_um(self) -> float:
        """Raw pixel in the specimen."""
        return float(self.optics.pixel_nm or 0.0) / 1000.0


def recorded(seed: int) -> Recorded:
    """Return a recording that follows from a seed."""
    random = np.random.default_rng(seed)
    kind, what = CAMERAS[seed % len(CAMERAS)], str(random.choice(SPECIMENS))
    size, light = int(random.choice(SIZES)), float(random.choice(LIGHTS))
    optics = Optics(
        numerical_aperture=float(random.choice([0.7, 0.95, 1.2, 1.4, 1.49])),
        emission_nm=float(random.uniform(500.0, 680.0)),
        pixel_nm=float(random.uniform(40.0, 110.0)),
    )
    there = drawn_object(what, size, optics, random)
    pattern = random_pattern(seed, (size, size), PatternSettings(), optics, reach=0.85)
    mean = mean_photons(there, pattern, Otf.theoretical(optics)).flatten(0, 1).clamp(min=0.0)
    mean = mean / mean.max() + float(random.uniform(0.01, 0.3))
    fading = float(random.choice([1.0, 0.95, 0.8])) ** (torch.arange(9.0) / 9.0)
    mean = light * mean / mean.max() * fading[:, None, None]
    camera, sensor = _camera(kind, light, size, random)
    counts = sensor.counts(mean, torch.Generator().manual_seed(seed)).float()
    if seed % 2:
        counts = _with_hot_pixels(counts, sensor, random)
    variance = _variance(mean, sensor)
    return Recorded(counts, mean, variance, camera, optics, kind, what, light)


def drawn_object(what: str, size: int, optics: Optics, random: np.random.Generator) -> Tensor:
    """Return an object [2 size, 2 size]."""
    fine, pixel = 2 * size, float(optics.pixel_nm or 0.0) / 2.0
    if what in ("dense", "sparse"):
        count = max(round((60 if what == "dense" else 6) * size**2 / 256**2), 2)
        made = Filaments((fine, fine), pixel, count=count, seed=int(random.integers(1 << 30)))
        return torch.from_numpy(made.density()).double()
    if what == "beads":
        there = np.zeros((fine, fine))
        at = random.integers(0, fine, (2, max(round(200 * size**2 / 256**2), 5)))
        there[at[0], at[1]] = random.uniform(0.3, 1.0, at.shape[1])
        return torch.from_numpy(there)
    return torch.from_numpy(np.array(specimen(what, fine, random))).double()


def _camera(
    kind: str, light: float, size: int, random: np.random.Generator
) -> tuple[Camera, Sensor]:
    """Return a camera that holds the light, and its sensor."""
    if kind == "EMCCD":
        gain = min(float(random.choice([30.0, 300.0])), 40000.0 / light)
        camera = Camera(offset=500.0, gain=gain, read_noise=50.0 / max(gain, 50.0))
        return camera, replace(Sensor.of(camera), electron_multiplying=True)
    if kind == "8 bits":
        camera = Camera(offset=20.0, gain=min(180.0 / light, 4.0), read_noise=1.5)
        return camera, replace(Sensor.of(camera), bits=8)
    if kind == "CCD":
        camera = Camera(offset=300.0, gain=0.5, read_noise=6.0)
        return camera, Sensor.of(camera)
    camera = Camera(offset=100.0, gain=2.0, read_noise=1.2)
    offsets, gains = (8.0, 0.03) if kind == "sCMOS, uneven" else (2.0, 0.008)
    seed = int(random.integers(1 << 30))
    return camera, Sensor.scmos(
        camera, (size, size), seed, offset_spread=offsets, gain_spread=gains
    )


def _with_hot_pixels(counts: Tensor, sensor: Sensor, random: np.random.Generator) -> Tensor:
    """Return the counts with hot pixels, half of them flickering."""
    hot = torch.from_numpy(random.random(counts.shape[1:]) < HOT)
    flicker = torch.from_numpy(random.random(counts.shape) < 0.5)
    steady = torch.from_numpy(random.random(counts.shape[1:]) < 0.5)
    height = 0.3 * (float(counts.max()) - float(counts.min())) + 20.0
    warm = counts + height * (hot & (flicker | steady))
    return warm.clamp(max=float(sensor.most_counts))


def _variance(mean: Tensor, sensor: Sensor) -> Tensor:
    """Return the true variance with the sensor's mean read noise."""
    even = replace(
        sensor,
        gain=sensor.gain.mean(),
        offset=sensor.offset.mean(),
        read_noise=sensor.read_noise.square().mean().sqrt(),
    )
    return even.variance(mean)


def compared(model: NoiseModel, one: Recorded, camera: Camera) -> tuple[float, float]:
    """Return believed over true variance: of the typical and of the worst twentieth of pixels.

    `camera` is the one with which the model counts photo-electrons.
    """
    counts = one.photons * one.camera.gain + one.camera.offset
    light = (counts - camera.offset) / camera.gain
    true = one.variance * (one.camera.gain / camera.gain) ** 2
    ratio = (model.variance(light) / true).flatten()
    low, middle, high = np.quantile(ratio.numpy(), [0.05, 0.5, 0.95]).tolist()
    return middle, high if abs(np.log(high)) > abs(np.log(low)) else low
