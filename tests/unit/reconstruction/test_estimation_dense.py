"""Estimate patterns on objects that fill the field, and on fields and steps that once misled."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from livesim.config.settings import Camera, PatternSettings
from livesim.reconstruction.estimate.estimation import estimate_pattern
from livesim.reconstruction.forward.model import camera_counts, expected_photons
from livesim.reconstruction.otf import Otf
from livesim.values.pattern import Pattern
from tests.support.scenes import CAMERA, OPTICS, pattern_errors, random_pattern, simulate

SIDE = 128


def smooth(seed: int, side: int = SIDE) -> torch.Tensor:
    """Return something like a dye in the cytosol, [2 y, 2 x]: no detail but a few spots."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[: 2 * side, : 2 * side] / (2.0 * side)
    image = 1.0 + 0.4 * np.sin(2.1 * np.pi * x + 1.0) * np.cos(1.7 * np.pi * y)
    for _ in range(40):
        row, column = random.uniform(0.0, 1.0, 2)
        image += 0.3 * np.exp(-((y - row) ** 2 + (x - column) ** 2) / 2e-4)
    return torch.from_numpy(image)


def grainy(seed: int, side: int = SIDE) -> torch.Tensor:
    """Return noise whose amplitude falls with the frequency, [2 y, 2 x]."""
    random = np.random.default_rng(seed)
    at = np.fft.fftfreq(2 * side)
    frequency = np.hypot(at[:, None], at)
    frequency[0, 0] = np.inf
    image = np.fft.ifft2(np.fft.fft2(random.standard_normal(frequency.shape)) / frequency**1.2)
    return torch.from_numpy(image.real - image.real.min())


def taken(density: torch.Tensor, pattern: Pattern, peak: float, damping: float = 1.0):
    light = expected_photons(density, pattern, Otf(OPTICS.cutoff_cycles_per_um, damping))
    generator = torch.Generator().manual_seed(0)
    return camera_counts(peak * light / light.max(), CAMERA, generator)[None]


def found_in(counts: torch.Tensor, settings: PatternSettings | None = None) -> Pattern:
    return estimate_pattern(counts, OPTICS, settings or PatternSettings(), CAMERA, 80.0)


@pytest.mark.parametrize("draw", [smooth, grainy])
@pytest.mark.parametrize("seed", range(2))
def test_on_objects_that_fill_the_field_the_pattern_is_right(draw, seed):
    """Carrier and detail at d once correlated at k + d more than the details at k."""
    pattern = random_pattern(seed, (SIDE, SIDE), PatternSettings())
    found = found_in(taken(draw(seed), pattern, 1000.0))
    assert all(angle.usable for angle in found.angles), found.warnings
    k, phase, modulation = np.array(pattern_errors(found.angles, pattern)).max(axis=0)
    assert k < 0.05
    assert phase < 4.0
    assert modulation < 0.15


@pytest.mark.parametrize(("draw", "most_px"), [(smooth, 0.25), (grainy, 0.1)])
@pytest.mark.parametrize(("phases", "damping"), [(3, 1.0), (5, 0.4)])
def test_much_light_makes_no_wave_vector_worse(draw, most_px, phases, damping):
    """The peak of the correlation, moved by the object's details, was believed to 0.002 pixels."""
    settings, usable = PatternSettings(phases=phases), 0
    optics = OPTICS.model_copy(update={"otf_damping": damping})
    for seed in range(310, 314):
        pattern = random_pattern(seed, (64, 64), settings, phase_error_deg=30.0)
        otf = Otf(OPTICS.cutoff_cycles_per_um, damping)
        light = expected_photons(draw(seed, 64), pattern, otf)
        generator, expected = torch.Generator().manual_seed(seed), light / light.max() + 0.1
        counts = [camera_counts(20_000.0 * expected, CAMERA, generator) for _ in range(8)]
        found = estimate_pattern(torch.stack(counts), optics, settings, CAMERA, 80.0)
        errors = [k for k, _, _ in pattern_errors(found.angles, pattern)]
        own = [k for k, one in zip(errors, found.angles, strict=True) if one.usable]
        assert max(own, default=0.0) < most_px
        usable += len(own)
    assert usable >= 7, "of twelve angles"


def test_sums_of_two_wave_vectors_are_not_taken_for_a_third():
    """Steps of 0/161/199 degrees leave fringes in the mean of all frames."""
    pattern = random_pattern(3, (SIDE, SIDE), PatternSettings())
    steps = np.deg2rad([[0.0, 161.0, 199.0], [0.0, 106.0, 225.0], [0.0, 120.0, 240.0]])
    angles = tuple(
        replace(angle, phases_rad=tuple((angle.phases_rad[0] + own).tolist()))
        for angle, own in zip(pattern.angles, steps, strict=True)
    )
    pattern = replace(pattern, angles=angles)
    found = found_in(taken(grainy(1), pattern, 2000.0))
    errors = pattern_errors(found.angles, pattern)
    for angle, (k, phase, _) in zip(found.angles, errors, strict=True):
        assert angle.usable
        assert k < 0.05
        assert phase < 6.0


SHAPES = [(1, 1), (2, 2), (1, 64), (64, 1), (3, 5), (5, 7), (12, 16), (25, 31), (47, 113), (48, 64)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(
    "settings",
    [
        PatternSettings(),
        PatternSettings(phases=5, harmonics=2),
        PatternSettings(layout="hexagonal"),
    ],
    ids=["3 x 3", "2 harmonics", "hexagonal"],
)
def test_noise_in_small_fields_is_no_pattern_and_no_accident(settings, shape):
    generator = torch.Generator().manual_seed(0)
    mean = torch.full((1, *settings.stack_shape, *shape), 50.0)
    found = found_in(100.0 + torch.poisson(mean, generator=generator), settings)
    for angle in found.angles:
        assert not angle.usable
        numbers = (*angle.k_cycles_per_um, *angle.phases_rad, *angle.intensity)
        assert all(map(math.isfinite, (*numbers, angle.peak_to_noise, angle.mcnr)))


def test_a_usable_modulation_is_never_at_the_bound_of_the_fit():
    for seed in range(4):
        pattern = random_pattern(seed, (64, 64), PatternSettings())
        weak = tuple(replace(angle, modulation=(0.1,)) for angle in pattern.angles)
        found = estimate_pattern(
            simulate(seed, (64, 64), 50.0, pattern=replace(pattern, angles=weak)).counts,
            OPTICS,
            PatternSettings(),
            Camera(offset=100.0, gain=1.0, read_noise=1.5),
            80.0,
        )
        assert all(angle.modulation[0] > 0.021 for angle in found.angles if angle.usable)


def test_an_angle_that_is_not_known_well_enough_says_why():
    found = estimate_pattern(
        simulate(0, (96, 96), 5.0).counts, OPTICS, PatternSettings(), CAMERA, 80.0
    )
    assert found.warnings
    for warning in found.warnings:
        assert "expected" in warning
        assert warning.endswith("its frames count as widefield only")


def test_a_wrong_otf_raises_the_floor_of_the_automatic_filter():
    """With little noise the filter would amplify what a wrong OTF makes of the bands."""
    counts = simulate(0, (SIDE, SIDE), 20000.0).counts
    believed = OPTICS.model_copy(update={"otf_damping": 0.15})
    right = found_in(counts).noise_to_signal
    wrong = estimate_pattern(counts, believed, PatternSettings(), CAMERA, 80.0).noise_to_signal
    assert right is not None
    assert wrong is not None
    assert right.at_cutoff < 0.001
    assert wrong.at_cutoff == pytest.approx(0.0025)


def bricks(side: int, seed: int) -> torch.Tensor:
    """Return a wall, [2 y, 2 x]: periods of its own, whose sums with the fringes' stand out."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[: 2 * side, : 2 * side]
    course = y // 32
    x = x + course % 2 * 32
    each = random.uniform(0.6, 1.0, (side // 16 + 1, side // 32 + 2))[course, x // 64]
    each[(y % 32 < 4) | (x % 64 < 4)] = 0.1
    return torch.from_numpy(np.clip(each + 0.05 * random.standard_normal(x.shape), 0.0, None))


@pytest.mark.parametrize("seed", [10, 27])
def test_periods_of_the_object_are_not_taken_for_fringes(seed):
    """Angles were usable 18 spectral pixels away, at the difference with a period of the bricks."""
    side = 96
    pattern = random_pattern(seed, (side, side), PatternSettings())
    angles = tuple(replace(angle, modulation=(0.3,)) for angle in pattern.angles)
    pattern = replace(pattern, angles=angles)
    counts = taken(bricks(side, seed), pattern, 5000.0, 0.15)
    optics = OPTICS.model_copy(update={"otf_damping": 0.15})
    found = estimate_pattern(counts, optics, PatternSettings(), CAMERA, 80.0)
    assert any(angle.usable for angle in found.angles)
    errors = pattern_errors(found.angles, pattern)
    for angle, (k, _, _) in zip(found.angles, errors, strict=True):
        assert not angle.usable or k < 0.1
