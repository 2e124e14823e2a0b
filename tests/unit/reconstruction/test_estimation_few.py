"""A few filaments in a small field: their fringes look alike at wave vectors beside each other."""

import math

import numpy as np
import pytest
import torch

from livesim.config.settings import Camera, Optics, PatternSettings
from livesim.reconstruction.estimate.estimation import estimate_pattern
from livesim.reconstruction.estimate.peak import rival_in
from livesim.reconstruction.forward.model import camera_counts, expected_photons
from livesim.reconstruction.otf import Otf
from livesim.values.pattern import Pattern, PatternAngle

SIDE, PIXEL_NM = 64, 80.0
OPTICS = Optics(numerical_aperture=1.2, emission_nm=525.0, pixel_nm=PIXEL_NM)
CAMERA = Camera(offset=100.0, gain=1.0, read_noise=1.5)


def filaments(random):
    """Return two or three straight lines across a field, [y, x] of half pixels."""
    image, along = torch.zeros(2 * SIDE, 2 * SIDE), torch.arange(-2 * SIDE, 2 * SIDE, 0.5)
    for _ in range(random.integers(2, 4)):
        (y, x), turn = random.uniform(0.2, 0.8, 2) * 2 * SIDE, random.uniform(0.0, math.pi)
        rows, columns = (y + along * math.sin(turn)).long(), (x + along * math.cos(turn)).long()
        inside = (rows >= 0) & (rows < 2 * SIDE) & (columns >= 0) & (columns < 2 * SIDE)
        image[rows[inside], columns[inside]] = 1.0
    return image


def illumination(random):
    first, length = random.uniform(0.0, math.pi), 0.8 * OPTICS.cutoff_cycles_per_um
    angles = []
    for number in range(3):
        turn = (first + number * math.pi / 3.0) % math.pi - 0.5 * math.pi
        phases = random.uniform(0.0, 2.0 * math.pi) + 2.0 * math.pi / 3.0 * np.arange(3)
        k = (length * math.cos(turn), length * math.sin(turn))
        angles.append(PatternAngle(k, tuple(phases.tolist()), (0.7,)))
    return Pattern(PIXEL_NM, (SIDE, SIDE), tuple(angles))


def off_px(found, true):
    """Return by how many spectral pixels two wave vectors differ; they may point either way."""
    field = SIDE * PIXEL_NM / 1000.0
    k, other = np.array(found.k_cycles_per_um), np.array(true.k_cycles_per_um)
    return field * min(np.linalg.norm(k - other), np.linalg.norm(k + other))


@pytest.mark.parametrize("seed", [6, 9, 23, 27])
def test_a_wave_vector_beside_the_true_one_is_not_believed(seed):
    random = np.random.default_rng(seed)
    true, otf = illumination(random), Otf.theoretical(OPTICS)
    light = expected_photons(filaments(random), true, otf)
    counts = camera_counts(
        20000.0 * light / light.max(), CAMERA, torch.Generator().manual_seed(seed)
    )
    found = estimate_pattern(counts[None], OPTICS, PatternSettings(), CAMERA, PIXEL_NM)
    usable = [
        (one, other) for one, other in zip(found.angles, true.angles, strict=True) if one.usable
    ]
    assert all(off_px(one, other) < 0.3 for one, other in usable)


def test_the_highest_maximum_beside_a_peak_is_its_rival_and_no_shoulder_of_its_own():
    away = 0.2 * torch.arange(-18, 19)
    y, x = away[:, None], away[None, :]

    def bump(at_x, at_y):
        return torch.exp(-4.0 * ((x - at_x) ** 2 + (y - at_y) ** 2))

    alone = rival_in(bump(0.1, 0.0) + 0.3 * bump(0.6, 0.0))
    assert alone.height < 1e-3
    two = rival_in(bump(0.1, 0.0) + 0.8 * bump(-1.4, 2.2) + 0.4 * bump(2.0, 0.0))
    assert two.height == pytest.approx(0.8, rel=0.05)
    assert two.away == pytest.approx((-1.4, 2.2))
