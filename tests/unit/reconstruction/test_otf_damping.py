import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import ndimage

from livesim.config.settings import ASSUMED_DAMPING, Optics, PatternSettings
from livesim.io.pattern_file import pattern_from_json, pattern_to_json
from livesim.reconstruction.estimate.estimation import estimate_pattern
from livesim.reconstruction.forward.model import camera_counts
from livesim.reconstruction.grid import frequency_axes
from livesim.reconstruction.otf import Otf, optics_under
from livesim.reconstruction.otf_damping.estimate import (
    DampingUnknownError,
    find_damping,
    with_otf_damping,
)
from livesim.reconstruction.otf_damping.fit import fit_line
from livesim.reconstruction.otf_damping.shared_light import shared_light
from livesim.values.pattern import OtfDamping, Pattern
from tests.support.scenes import CAMERA, OPTICS, Scene, mean_photons, random_pattern, simulate

AUTO = OPTICS.model_copy(update={"otf_damping": "auto"})
SMALL = (128, 128)


def scene_of(damping: float, seed: int = 0, shape=SMALL, peak: float = 1000.0, **more) -> Scene:
    optics = OPTICS.model_copy(update={"otf_damping": damping})
    return simulate(seed, shape, peak, optics=optics, **more)


def photons_of(counts: torch.Tensor) -> torch.Tensor:
    """Return the mean raw stack [frame, y, x] in photo-electrons."""
    return ((counts.float() - CAMERA.offset) / CAMERA.gain).mean(dim=0).flatten(0, 1)


def estimated(scene: Scene, optics: Optics = AUTO) -> Pattern:
    """Return the pattern as a calibration finds it."""
    found = estimate_pattern(scene.counts, optics, scene.settings, CAMERA, 80.0)
    return with_otf_damping(found, photons_of(scene.counts), len(scene.counts), optics)


def off(found: Pattern, true: float) -> tuple[float, float]:
    """Return the error of the damping: relative, and in standard errors."""
    told = found.otf_damping
    assert told is not None, found.warnings
    return told.value / true - 1.0, (told.value - true) / told.error


def modulation_error(found: Pattern, true: Pattern) -> float:
    errors = [
        np.subtract(one.modulation, other.modulation)
        for other in true.angles
        for one in [
            min(
                found.angles,
                key=lambda f: math.dist(f.k_cycles_per_um, other.k_cycles_per_um),
            )
        ]
    ]
    return float(np.abs(errors).max())


@pytest.mark.parametrize("damping", [0.1, 0.25, 0.5, 0.9])
def test_damping_and_modulation_are_found_whatever_was_assumed(damping):
    scene = scene_of(damping)
    found = estimated(scene)
    relative, sigmas = off(found, damping)
    assert abs(relative) < 0.1
    assert abs(sigmas) < 3.0
    assert modulation_error(found, scene.pattern) < 0.05


def test_modulation_was_wrong_before():
    scene = scene_of(0.9)
    before = estimate_pattern(scene.counts, AUTO, scene.settings, CAMERA, 80.0)
    assert modulation_error(before, scene.pattern) > 0.1


@pytest.mark.parametrize(
    "settings",
    [PatternSettings(phases=5, harmonics=2), PatternSettings(layout="hexagonal")],
    ids=["two harmonics", "hexagonal"],
)
def test_damping_is_found_in_every_layout(settings):
    scene = scene_of(0.4, 1, (192, 192), settings=settings)
    found = estimated(scene)
    relative, _ = off(found, 0.4)
    assert abs(relative) < 0.1
    assert modulation_error(found, scene.pattern) < 0.05


def test_noise_does_not_bias_it_and_its_error_is_right():
    values = [off(estimated(scene_of(0.4, seed, peak=60.0)), 0.4) for seed in range(6)]
    relative, sigmas = np.transpose(values)
    assert abs(relative.mean()) < 0.08
    assert 0.3 < np.sqrt(np.mean(sigmas**2)) < 2.0


def test_so_many_samples_of_light_in_common_are_no_more_than_their_root_above_chance():
    """However strong the light: speckle of n samples scatters by 1 / sqrt(n)."""
    scene = scene_of(0.4, peak=1e5)
    photons = photons_of(scene.counts)
    light, _ = shared_light(photons, scene.pattern, OPTICS.cutoff_cycles_per_um)
    samples = torch.bincount(light.order, light.samples)
    found = fit_line(light).significance
    assert torch.all(found < samples.sqrt())
    assert torch.all(found > 0.3 * samples.sqrt())


def test_the_zero_order_is_averaged_over_all_directions():
    """Over half of them: those opposite to each other show the same."""
    scene = scene_of(0.4)
    _, rings = shared_light(photons_of(scene.counts), scene.pattern, OPTICS.cutoff_cycles_per_um)
    fy, fx = frequency_axes(SMALL, scene.pattern.pixel_nm / 1000.0)
    radius = (torch.hypot(fy, fx) / OPTICS.cutoff_cycles_per_um).flatten()
    whole = torch.histc(radius, len(rings.samples), 0.0, 1.0)
    assert torch.all(rings.samples >= 0.5 * whole)
    assert float(rings.samples.sum()) < 0.52 * float(whole.sum())


def test_several_stacks_tell_it_better():
    one, many = scene_of(0.4, 2, peak=30.0), scene_of(0.4, 2, peak=30.0, times=8)
    first, second = estimated(one).otf_damping, estimated(many).otf_damping
    assert first is not None
    assert second is not None
    assert second.error < 0.7 * first.error
    assert second.value == pytest.approx(0.4, abs=3.0 * second.error)


def test_light_out_of_focus_does_not_pull_it():
    scene = scene_of(1.0, 3, (192, 192))
    haze = ndimage.gaussian_filter(scene.expected.mean(dim=(0, 1)).numpy(), 8.0)
    expected = scene.expected + 300.0 * torch.from_numpy(haze / haze.max())
    generator = torch.Generator().manual_seed(0)
    counts = torch.poisson(expected, generator=generator) + CAMERA.offset
    relative, _ = off(estimated(replace(scene, counts=counts[None])), 1.0)
    assert abs(relative) < 0.1


def test_a_fixed_pattern_of_the_camera_is_noise():
    scene = scene_of(0.3, 4, times=8)
    generator = torch.Generator().manual_seed(0)
    offsets = 6.0 * torch.randn(SMALL, generator=generator)
    relative, _ = off(estimated(replace(scene, counts=scene.counts + offsets)), 0.3)
    assert abs(relative) < 0.15


def test_noise_over_signal_is_that_of_an_estimate_with_the_true_otf():
    scene = scene_of(0.9, 1, (192, 192), peak=100.0)
    known = estimate_pattern(scene.counts, scene.optics, scene.settings, CAMERA, 80.0)
    found, expected = estimated(scene).noise_to_signal, known.noise_to_signal
    assert found is not None
    assert expected is not None
    for relative in (0.2, 0.5, 0.8):
        ratio = [n.at_cutoff * relative**n.exponent for n in (found, expected)]
        assert ratio[0] == pytest.approx(ratio[1], rel=0.3)


def test_a_damping_that_is_set_stays_and_what_the_frames_say_is_told():
    scene = scene_of(0.6)
    optics = OPTICS.model_copy(update={"otf_damping": 0.2})
    found = estimated(scene, optics)
    plain = estimate_pattern(scene.counts, optics, scene.settings, CAMERA, 80.0)
    assert found.otf_damping is None
    assert found.angles == plain.angles
    assert any("0.2 is set, the frames show 0.6" in words for words in found.warnings)


def test_a_damping_that_is_set_rightly_is_not_doubted():
    scene = scene_of(0.6)
    assert estimated(scene, scene.optics).warnings == ()


def test_frames_without_shared_light_do_not_tell_it():
    scene = scene_of(0.4)
    generator = torch.Generator().manual_seed(0)
    noise = torch.poisson(torch.full_like(scene.expected, 100.0), generator=generator)
    with pytest.raises(DampingUnknownError, match="4 times the noise, found"):
        find_damping(noise.float().flatten(0, 1), 1, scene.pattern, AUTO)


def test_bands_that_show_different_things_do_not_tell_it():
    scene = scene_of(0.4)
    unlit = scene_of(0.4, 5).expected.mean(dim=(0, 1))  # another object, without fringes
    counts = scene.counts + 3.0 * unlit.float()
    with pytest.raises(DampingUnknownError, match="60 % or more of their light where they overlap"):
        find_damping(photons_of(counts), 1, scene.pattern, AUTO)


@pytest.mark.parametrize(("optics", "start"), [(AUTO, "is assumed"), (OPTICS, "is set")])
def test_bands_that_show_different_things_are_a_doubt_of_the_pattern(optics, start):
    scene = scene_of(0.4)
    unlit = scene_of(0.4, 5).expected.mean(dim=(0, 1))
    photons = photons_of(scene.counts + 3.0 * unlit.float())
    found = with_otf_damping(scene.pattern, photons, 1, optics)
    (doubt,) = found.doubts
    assert doubt.startswith("expected bands that share 60 % or more")
    assert found.warnings == (f"OTF damping: {optics.damping:g} {start}; {doubt}",)
    same = pattern_from_json(pattern_to_json(found))
    assert same.doubts == found.doubts
    assert "doubts" not in pattern_to_json(scene.pattern)


def test_too_little_light_to_tell_the_damping_is_no_doubt():
    scene = scene_of(0.4)
    noise = torch.poisson(
        torch.full_like(scene.expected, 100.0), generator=torch.Generator().manual_seed(0)
    )
    found = with_otf_damping(scene.pattern, noise.float().flatten(0, 1), 1, AUTO)
    assert "is assumed; expected light in the overlap" in found.warnings[0]
    assert found.doubts == ()


def wall(side: int, seed: int) -> np.ndarray:
    """Return bricks of random brightness: a specimen with strong periods of its own."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side]
    course = y // 32
    x = x + course % 2 * 32
    bricks = random.uniform(0.6, 1.0, (side // 32 + 1, side // 64 + 2))[course, x // 64]
    bricks[(y % 32 < 4) | (x % 64 < 4)] = 0.1
    return bricks + 0.05 * random.standard_normal((side, side)).clip(-2.0, 2.0)


@pytest.mark.parametrize("seed", [0, 4])
def test_a_specimen_of_strong_periods_is_fitted_to_the_end(seed):
    """Steps as long as the score's variance suggests went to and fro there, up to 20 % off."""
    optics = OPTICS.model_copy(update={"otf_damping": 1.0})
    pattern = random_pattern(seed, SMALL, PatternSettings(), optics)
    light = mean_photons(torch.from_numpy(wall(256, seed)), pattern, Otf.theoretical(optics))
    light = (1000.0 * light / light.max() + 50.0).clamp(min=0.0)
    counts = camera_counts(light, CAMERA, torch.Generator().manual_seed(seed))[None]
    found = estimate_pattern(counts, AUTO, PatternSettings(), CAMERA, 80.0)
    found = with_otf_damping(found, photons_of(counts), 1, AUTO)
    assert found.otf_damping.value > 0.93


def test_an_angle_with_a_wrong_wave_vector_does_not_spoil_it():
    scene = scene_of(0.5)
    found = estimate_pattern(scene.counts, AUTO, scene.settings, CAMERA, 80.0)
    first = found.angles[0]
    turned = replace(first, k_cycles_per_um=(first.k_cycles_per_um[0] + 0.8, 0.3))
    wrong = replace(found, angles=(turned, *found.angles[1:]))
    told = with_otf_damping(wrong, photons_of(scene.counts), 1, AUTO).otf_damping
    assert told is not None
    assert told.value == pytest.approx(0.5, rel=0.1)


def test_frames_that_were_smoothed_are_refused_in_a_sentence():
    scene = scene_of(0.3, peak=5000.0)
    smooth = ndimage.gaussian_filter(scene.counts.float().numpy(), (0, 0, 0, 1.6, 1.6))
    found = with_otf_damping(scene.pattern, photons_of(torch.from_numpy(smooth)), 1, AUTO)
    assert found.otf_damping is None
    assert found.angles == scene.pattern.angles
    assert f"{ASSUMED_DAMPING:g} is assumed; expected 0.03 to 1, found" in found.warnings[0]


def test_a_pattern_without_usable_angles_is_left_alone():
    pattern = random_pattern(0, SMALL, PatternSettings())
    dark = replace(pattern, angles=tuple(replace(a, usable=False) for a in pattern.angles))
    assert with_otf_damping(dark, torch.zeros(9, *SMALL), 1, AUTO) is dark


def test_the_otf_of_a_pattern_is_the_one_found_unless_one_is_set():
    pattern = replace(random_pattern(0, SMALL, PatternSettings()), otf_damping=OtfDamping(0.4, 0.1))
    assert Otf.under(pattern, AUTO).damping == 0.4
    assert Otf.under(pattern, OPTICS).damping == OPTICS.otf_damping
    assert Otf.under(replace(pattern, otf_damping=None), AUTO).damping == ASSUMED_DAMPING
    assert optics_under(pattern, AUTO).numerical_aperture == AUTO.numerical_aperture


def test_equal_frames_have_equal_patterns():
    scene = scene_of(0.4, peak=100.0)
    first, *others = (estimated(replace(scene, counts=scene.counts.clone())) for _ in range(4))
    assert all(other == first for other in others)
