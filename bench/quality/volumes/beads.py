"""Measure how wide and where lone beads are shown."""

from __future__ import annotations

import numpy as np
import torch
from scipy.interpolate import CubicSpline

from bench.quality.volumes.scene import PIXEL_NM, STEP_NM, settings
from bench.report import Row
from livesim.config.settings import VOLUME_BEND, Apodization, Reconstruction
from livesim.reconstruction.forward.pupil import Pupil
from livesim.reconstruction.volume.estimate import estimate_volume_pattern
from livesim.reconstruction.volume.forward import expected_volume
from livesim.reconstruction.volume.plan import make_volume_plan
from livesim.reconstruction.volume.reconstructor import VolumeReconstructor
from livesim.reconstruction.volume.stack import VolumeOptics
from livesim_acquisition.microscope.volume_microscope import VolumeMicroscope

_HALF = 6
"""Steps on either side of a bead."""


def beads(
    photons: float = 3000.0, size: int = 96, planes: int = 24, bend: float = VOLUME_BEND
) -> Row:
    """Return width and bias of lone points: (lateral, axial) in nm; `bend`: of the apodization."""
    chosen = settings(size, planes, 0)
    pattern = VolumeMicroscope(chosen).pattern
    random, places = np.random.default_rng(3), []  # a jittered lattice, so that none overlap
    specimen = torch.zeros(planes, 2 * size, 2 * size, dtype=torch.float64)
    for row in range(30, 2 * size - 30, 28):
        for column in range(30, 2 * size - 30, 28):
            place = (
                int(random.integers(8, 16)),
                *(np.array([row, column]) + random.integers(-5, 6, 2)),
            )
            specimen[place] = 1.0
            places.append(place)
    light = expected_volume(specimen, pattern, Pupil(chosen.optics))
    light = photons * light / light.mean(dim=(1, 2)).max()
    counts = torch.poisson(light, generator=torch.Generator().manual_seed(1)).float() + 100.0
    found = estimate_volume_pattern(
        counts, VolumeOptics(chosen.optics, 488.0, PIXEL_NM, STEP_NM), chosen.camera
    )
    plan = make_volume_plan(
        found, chosen.optics, chosen.camera, Reconstruction(apodization=Apodization(bend=bend))
    )
    image = VolumeReconstructor(plan)(counts).double().numpy()
    fits = [[_fit(image, place, axis) for axis in range(3)] for place in places]
    widths, off = np.array(fits)[..., 0], np.array(fits)[..., 1]
    return {
        "lateral": float(np.median(widths[:, 1:])),
        "axial": float(np.median(widths[:, 0])),
        "bias lateral": float(np.abs(off[:, 1:].mean(axis=0)).max()),
        "bias axial": float(abs(off[:, 0].mean())),
        "beads": len(places),
    }


def _fit(image: np.ndarray, place: tuple[int, ...], axis: int) -> tuple[float, float]:
    """Return (full width at half maximum, distance from its place) of a bead on an axis, nm."""
    step = (STEP_NM, PIXEL_NM / 2.0, PIXEL_NM / 2.0)[axis]
    line = [slice(n, n + 1) for n in place]
    line[axis] = slice(place[axis] - _HALF, place[axis] + _HALF + 1)
    profile = CubicSpline(step * np.arange(-_HALF, _HALF + 1), image[tuple(line)].ravel())
    peaks = profile.derivative().roots(extrapolate=False)
    middle = max(peaks, key=profile)
    crossings = profile.solve(0.5 * float(profile(middle)), extrapolate=False)
    left, right = crossings[crossings < middle].max(), crossings[crossings > middle].min()
    return float(right - left), float(middle)
