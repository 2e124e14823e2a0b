"""Two halves of the photons: half as bright, half the variance, and independent of each other."""

import numpy as np
import pytest

from livesim.config.settings import Camera
from livesim.values.frames import RawStack, StackIndex
from livesim.values.pattern import Levels, NoiseToSignal, Pattern, PatternAngle
from livesim_models.evaluation.halves import halved, split

CAMERA = Camera(offset=100.0, gain=2.0, read_noise=2.0)


@pytest.mark.parametrize("photons", [0.5, 5.0, 200.0])
def test_halves_of_a_uniform_stack(photons):
    random = np.random.default_rng(0)
    seen = random.poisson(photons, (3, 3, 128, 128)) + 2.0 * random.standard_normal(
        (3, 3, 128, 128)
    )
    counts = np.rint(CAMERA.offset + CAMERA.gain * seen).astype(np.uint16)
    one, other = (
        (half.pixels - CAMERA.offset) / CAMERA.gain
        for half in split(RawStack("test", StackIndex(), counts), CAMERA, 0)
    )
    variance = photons + CAMERA.read_noise**2
    assert one.mean() == pytest.approx(photons / 2.0, abs=0.02 * np.sqrt(variance))
    assert one.var() == pytest.approx(variance / 2.0, rel=0.03)
    assert other.var() == pytest.approx(variance / 2.0, rel=0.03)
    assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.02
    assert one + other == pytest.approx((counts - 100.0) / 2.0, abs=1e-3)


def test_half_the_light_has_half_the_levels_and_twice_the_noise_to_signal():
    angle = PatternAngle((4.0, 0.0), (0.0, 2.0, 4.0), (0.8,))
    pattern = Pattern(80.0, (64, 64), (angle,))
    assert halved(pattern) == pattern
    known = halved(
        Pattern(
            80.0,
            (64, 64),
            (angle,),
            noise_to_signal=NoiseToSignal(0.1, 3.0),
            levels=Levels(2.0, 50.0),
        )
    )
    assert known.noise_to_signal == NoiseToSignal(0.2, 3.0)
    assert known.levels == Levels(1.0, 25.0)
