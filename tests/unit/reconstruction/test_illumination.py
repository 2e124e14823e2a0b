import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from livesim.config.settings import PatternSettings
from livesim.reconstruction.forward.illumination import Illumination, illumination
from livesim.reconstruction.separation import Group, groups
from livesim.values.pattern import PatternAngle
from tests.support.scenes import random_pattern

HEXAGONAL = PatternSettings(layout="hexagonal")


def light_of(*angles: PatternAngle) -> Illumination:
    return Illumination.of(Group(tuple(range(len(angles[0].phases_rad))), angles))


@pytest.mark.parametrize(("kx", "ky"), [(12, 0), (0, 9), (7, -11)])
def test_the_light_has_plus_and_minus_k_with_the_phase_asked_for(kx, ky):
    n, pixel_um, phase = 64, 0.08, 0.7
    k = (kx / (n * pixel_um), ky / (n * pixel_um))
    light = illumination(light_of(PatternAngle(k, (phase,), (0.8,))), (n, n), pixel_um)[0]
    spectrum = torch.fft.fft2(light) / n**2
    assert abs(complex(spectrum[ky % n, kx]) - 0.4 * np.exp(1j * phase)) < 1e-12
    assert abs(complex(spectrum[-ky % n, -kx % n]) - 0.4 * np.exp(-1j * phase)) < 1e-12
    assert float(spectrum.abs().sum()) == pytest.approx(1.8)


def test_a_second_harmonic_turns_twice_as_fast():
    angle = PatternAngle((2.0, 1.0), (0.3, 1.1), (0.5, 0.25))
    light = illumination(light_of(angle), (4, 5), 0.1)
    carrier = 2 * math.pi * (2.0 * 0.4 + 1.0 * 0.3) + 1.1
    expected = 1 + 0.5 * math.cos(carrier) + 0.25 * math.cos(2 * carrier)
    assert float(light[1, 3, 4]) == pytest.approx(expected)


def test_hexagonal_light_is_one_and_the_sum_of_three_fringes():
    pattern = random_pattern(4, (9, 12), HEXAGONAL)
    together = illumination(Illumination.of(groups(pattern)[0]), (9, 12), 0.08)
    single = [illumination(light_of(angle), (9, 12), 0.08) - 1.0 for angle in pattern.angles]
    assert together.shape == (7, 9, 12)
    torch.testing.assert_close(together, 1.0 + sum(single))
    assert float(together.min()) < 0.4


def test_one_frame_of_many_is_lit_as_among_them():
    angle = PatternAngle((2.0, 1.0), (0.3, 1.1, 2.9), (0.5, 0.25), intensity=(1.1, 1.0, 0.7))
    light = light_of(angle)
    frames = [illumination(light.frame(n), (6, 5), 0.1)[0] for n in range(light.frames)]
    torch.testing.assert_close(torch.stack(frames), illumination(light, (6, 5), 0.1))
    assert float(frames[2].mean() / frames[0].mean()) != pytest.approx(1.0, abs=0.1)


def test_visibility_scales_the_fringes_pixel_by_pixel_and_leaves_their_mean():
    light = light_of(PatternAngle((2.0, 1.0), (0.3,), (0.5, 0.25)))
    visibility = torch.linspace(0.0, 1.0, 30, dtype=torch.float64).reshape(5, 6)
    full = illumination(light, (5, 6), 0.1)[0]
    faded = illumination(light, (5, 6), 0.1, visibility=visibility)[0]
    torch.testing.assert_close(faded - 1.0, visibility * (full - 1.0))


def test_single_precision_is_as_good_far_from_the_origin():
    light = light_of(PatternAngle((4.1, 0.7), (0.3,), (0.8,)))
    double = illumination(light, (3, 4096), 0.04)
    single = illumination(light, (3, 4096), 0.04, dtype=torch.float32)
    assert single.dtype == torch.float32
    assert float((single - double).abs().max()) < 1e-6


def test_the_light_can_be_differentiated_in_all_it_is_made_of():
    """Two vectors with two harmonics each, three frames with phases of their own."""
    random = torch.Generator().manual_seed(3)

    def draw(*shape: int) -> torch.Tensor:
        values = torch.rand(*shape, generator=random, dtype=torch.float64) + 0.3
        return values.requires_grad_()

    def lit(k, phases, modulation, intensity, visibility):
        light = Illumination(k, phases, modulation, intensity)
        return illumination(light, (3, 4), 0.3, visibility=visibility)

    assert torch.autograd.gradcheck(lit, (draw(2, 2), draw(2, 3), draw(4), draw(3), draw(3, 4)))


def test_the_mean_light_of_equal_steps_is_even():
    light = light_of(PatternAngle((2.0, 1.0), tuple(np.arange(5) * 2 * np.pi / 5), (0.5, 0.4)))
    torch.testing.assert_close(
        illumination(light, (6, 5), 0.1).mean(0), torch.ones(6, 5, dtype=torch.float64)
    )
    brighter = replace(light, intensity=2.0 * light.intensity)
    assert float(illumination(brighter, (6, 5), 0.1).mean()) == pytest.approx(2.0)
