import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from livesim.config.settings import PatternSettings
from livesim.reconstruction.estimate.estimation import _pointing_right, estimate_pattern
from livesim.values.pattern import Pattern
from tests.support.scenes import CAMERA, OPTICS, Scene, pattern_errors, simulate

K_PX, PHASE_DEG, MODULATION = 0.01, 0.5, 0.02
"""What is asked for at 1000 photons, 256 x 256."""


def estimate(scene: Scene, counts: torch.Tensor | None = None, **changes) -> Pattern:
    counts = scene.counts if counts is None else counts
    settings = scene.settings.model_copy(update=changes)
    return estimate_pattern(counts, scene.optics, settings, scene.camera, 80.0)


def errors(scene: Scene, counts: torch.Tensor | None = None) -> np.ndarray:
    """Return [angle, (k px, phase deg, modulation)]."""
    found = estimate(scene, counts)
    assert all(angle.usable for angle in found.angles), found.warnings
    return np.array(pattern_errors(found.angles, scene.pattern))


def assert_accurate(scene: Scene, phase_deg: float = PHASE_DEG) -> None:
    k, phase, modulation = errors(scene).max(axis=0)
    assert k < K_PX
    assert phase < phase_deg
    assert modulation < MODULATION


@pytest.mark.parametrize("seed", range(3))
def test_the_pattern_is_found_without_any_prior(seed):
    assert_accurate(simulate(seed))


@pytest.mark.parametrize("seed", range(2))
def test_every_frame_has_a_phase_of_its_own(seed):
    assert_accurate(simulate(seed, phase_error_deg=10.0), phase_deg=1.5)


def test_noise_is_not_taken_for_uneven_steps():
    """Where the correlation's own noise is underrated, steps come out uneven."""
    steps = []
    for seed in range(6):
        found = estimate(simulate(seed, (128, 128), peak=1000.0))
        phases = np.array([angle.phases_rad for angle in found.angles])
        uneven = np.diff(phases, axis=1) * 3.0  # a whole turn, where they are even
        steps.append(np.rad2deg(np.angle(np.exp(1j * uneven))) / 3.0)
    assert np.sqrt(np.mean(np.square(steps))) < 0.1


def test_uneven_steps_as_of_real_microscopes_are_found():
    scene = simulate(4)
    steps = np.deg2rad([0.0, 127.0, 258.0])
    uneven = tuple(
        replace(angle, phases_rad=tuple((angle.phases_rad[0] + steps).tolist()))
        for angle in scene.pattern.angles
    )
    scene = simulate(4, pattern=replace(scene.pattern, angles=uneven))
    assert_accurate(scene, phase_deg=1.5)


@pytest.mark.parametrize(
    ("settings", "shape"),
    [
        (PatternSettings(phases=5), (256, 256)),
        (PatternSettings(phases=5, harmonics=2), (256, 256)),
        (PatternSettings(angles=2), (256, 256)),
        (PatternSettings(layout="hexagonal"), (256, 256)),
        (PatternSettings(), (200, 301)),
    ],
    ids=["5 phases", "2 harmonics", "2 angles", "hexagonal", "non-square"],
)
def test_other_layouts_are_found_as_well(settings, shape):
    assert_accurate(simulate(0, shape, settings=settings))


def test_a_brighter_frame_is_noticed():
    scene = simulate(0)
    brighter = replace(scene.pattern.angles[0], intensity=(1.1, 1.0, 0.9))
    pattern = replace(scene.pattern, angles=(brighter, *scene.pattern.angles[1:]))
    found = estimate(simulate(0, pattern=pattern))
    assert found.angles[0].intensity == pytest.approx((1.1, 1.0, 0.9), abs=0.01)


def test_many_weak_stacks_tell_more_than_one():
    scene = simulate(0, peak=20.0, times=8)
    single = np.mean([errors(scene, scene.counts[n : n + 1]) for n in range(8)], axis=(0, 1))
    together = errors(scene).mean(axis=0)
    assert (together < 0.8 * single).all()


def test_weak_light_does_not_pull_k_towards_zero():
    """Every k once came out 0.02 px short, however many stacks there were."""
    for seed in range(2):
        scene = simulate(seed, peak=20.0, times=16)
        short = []
        for one, true in zip(estimate(scene).angles, scene.pattern.angles, strict=True):
            lengths = [math.hypot(*angle.k_cycles_per_um) for angle in (one, true)]
            short.append((lengths[1] - lengths[0]) * 256 * 0.08)
        assert abs(np.mean(short)) < 0.008


@pytest.mark.parametrize("seed", [1, 66])
def test_in_a_small_field_no_side_lobe_is_taken_for_the_peak(seed):
    """The sample that stands out most once belonged to a lobe more than a sample away."""
    scene = simulate(seed, (96, 112), optics=OPTICS.model_copy(update={"emission_nm": 620.0}))
    assert errors(scene)[:, 0].max() < 0.2


def test_k_points_to_the_right():
    for angle in estimate(simulate(1, (128, 128))).angles:
        assert angle.k_cycles_per_um[0] >= 0.0


def test_attainable_resolution_is_that_of_the_farthest_band():
    found = estimate(simulate(1))
    assert found.attainable_resolution_nm == pytest.approx(
        1000.0 / (1.9 * OPTICS.cutoff_cycles_per_um), rel=1e-3
    )


def unmodulated(seed: int) -> Scene:
    scene = simulate(seed)
    flat = tuple(replace(angle, modulation=(0.0,)) for angle in scene.pattern.angles)
    return simulate(seed, pattern=replace(scene.pattern, angles=flat))


@pytest.mark.parametrize("seed", range(3))
def test_light_without_a_pattern_is_said_to_have_none(seed):
    found = estimate(unmodulated(seed))
    assert not any(angle.usable for angle in found.angles)
    assert all(angle.modulation == (0.0,) for angle in found.angles)
    assert len(found.warnings) == 3
    assert "no significant pattern" in found.warnings[0]
    assert found.attainable_resolution_nm == pytest.approx(1000.0 / OPTICS.cutoff_cycles_per_um)


def test_one_angle_without_pattern_leaves_the_others_usable():
    scene = simulate(2)
    flat = replace(scene.pattern.angles[1], modulation=(0.0,))
    angles = (scene.pattern.angles[0], flat, scene.pattern.angles[2])
    found = estimate(simulate(2, pattern=replace(scene.pattern, angles=angles)))
    assert [angle.usable for angle in found.angles] == [True, False, True]
    assert found.warnings[0].startswith("angle 1:")


def noise() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return 200.0 + 3.0 * torch.randn(1, 3, 3, 128, 128, generator=generator)


@pytest.mark.parametrize(
    "counts",
    [
        noise(),
        torch.full((1, 3, 3, 128, 128), 300.0),
        torch.zeros(1, 3, 3, 128, 128),
        torch.full((1, 3, 3, 128, 128), 65535, dtype=torch.uint16),
        torch.full((1, 3, 3, 128, 128), 50.0),
        torch.full((1, 3, 3, 128, 128), 100.0),
        torch.full((1, 3, 3, 16, 16), 300.0),
    ],
    ids=["noise", "constant", "zero", "saturated", "below the offset", "at the offset", "tiny"],
)
def test_images_that_hold_no_pattern_are_unusable_and_no_accident(counts):
    found = estimate_pattern(counts, OPTICS, PatternSettings(), CAMERA, 80.0)
    assert len(found.warnings) == 3
    for angle in found.angles:
        assert not angle.usable
        numbers = (*angle.k_cycles_per_um, *angle.phases_rad, *angle.intensity)
        assert all(map(math.isfinite, (*numbers, angle.peak_to_noise, angle.mcnr)))


def test_a_partly_saturated_recording_gives_the_right_pattern_or_none():
    scene = simulate(0)
    found = estimate(scene, scene.counts.double().clamp(max=400.0))
    pairs = zip(found.angles, pattern_errors(found.angles, scene.pattern), strict=True)
    assert all(error[0] < 0.5 for angle, error in pairs if angle.usable)


def degrees(scene: Scene) -> tuple[float, ...]:
    return tuple(
        math.degrees(math.atan2(*angle.k_cycles_per_um[::-1])) for angle in scene.pattern.angles
    )


def test_a_prior_that_is_right_finds_what_is_there():
    scene = simulate(3)
    period = scene.pattern.angles[0].period_nm
    found = estimate(scene, expected_period_nm=1.03 * period, expected_angles_deg=degrees(scene))
    assert np.array(pattern_errors(found.angles, scene.pattern)).max(axis=0)[0] < K_PX


def test_a_prior_keeps_the_search_away_from_the_pattern_elsewhere():
    scene = simulate(3)
    turned = tuple(degree + 30.0 for degree in degrees(scene))
    for found in estimate(scene, expected_angles_deg=turned).angles:
        direction = math.degrees(math.atan2(*found.k_cycles_per_um[::-1]))
        apart = min(abs((direction - degree + 90.0) % 180.0 - 90.0) for degree in turned)
        assert apart < 11.0
        assert not found.usable


def test_a_period_that_is_not_there_is_not_found():
    scene = simulate(3)
    period = scene.pattern.angles[0].period_nm
    far = estimate(scene, expected_period_nm=1.4 * period)
    for angle in far.angles:
        assert 1.25 * period < angle.period_nm < 1.6 * period
        assert not angle.usable


@pytest.mark.parametrize("shape", [(1, 2, 3, 64, 64), (1, 3, 5, 64, 64), (1, 1, 7, 64, 64)])
def test_stacks_of_another_pattern_are_refused_in_a_sentence(shape):
    with pytest.raises(ValueError, match=r"expected stacks of \(angles, phases\) = \(3, 3\)"):
        estimate_pattern(torch.zeros(shape), OPTICS, PatternSettings(), CAMERA, 80.0)


@pytest.mark.parametrize("k", [(3.0, -2.0), (-3.0, 2.0), (0.0, 4.0), (0.0, -4.0), (-0.5, 0.0)])
def test_a_wave_vector_points_to_the_right_and_the_light_stays_the_same(k):
    phases = torch.tensor([0.3, 2.4, 7.0], dtype=torch.float64)
    found, turned = _pointing_right(torch.tensor(k, dtype=torch.float64), phases)
    assert found[0] > 0 or (found[0] == 0 and found[1] > 0)
    assert ((turned >= 0) & (turned < 2 * math.pi)).all()
    points = torch.rand(50, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)

    def light(vector, phase):
        return torch.cos(2 * math.pi * (points @ vector)[:, None] + phase)

    before = light(torch.tensor(k, dtype=torch.float64), phases)
    torch.testing.assert_close(light(found, turned), before, atol=1e-12, rtol=0)


def test_frames_that_are_no_numbers_are_said():
    """Not a StopIteration, which nobody expects of data."""
    scene = simulate(0, (64, 64))
    counts = scene.counts.to(torch.float32)
    counts[0, 1, 1, 5, 7] = math.nan
    with pytest.raises(ValueError, match="expected raw frames of finite counts, found NaN"):
        estimate(scene, counts)
