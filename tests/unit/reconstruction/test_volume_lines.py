"""Lines of volumes that were found are looked at once more."""

import math
import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from livesim.config.settings import Camera, Optics
from livesim.reconstruction.forward.pupil import Pupil
from livesim.reconstruction.volume.closer import CloserLook
from livesim.reconstruction.volume.estimate import estimate_volume_pattern
from livesim.reconstruction.volume.forward import expected_volume
from livesim.reconstruction.volume.stack import VolumeOptics, VolumeStack
from livesim.values.pattern import Pattern, PatternAngle
from livesim.values.volume_pattern import VolumePattern

OPTICS = Optics(numerical_aperture=1.4, emission_nm=525.0, refractive_index=1.515)
SIZE, PLANES, STEP_NM, PIXEL_NM = 64, 12, 125.0, 80.0
PIXEL = 1000.0 / (SIZE * PIXEL_NM)
SEEDS = 3


def volume(
    seed: int,
    psi: float,
    photons: float,
    specimen: torch.Tensor | None = None,
    optics: Optics = OPTICS,
    last: Callable[[PatternAngle], PatternAngle] = lambda angle: angle,
) -> tuple[VolumePattern, torch.Tensor]:
    """Return three beams at three angles, and frames [z, angle, phase, y, x]; None: of points."""
    angles = []
    for number in range(3):
        turn, k = math.radians(-50.0 + 60.0 * number + 3.0 * (seed % 3)), 1000.0 / 407.0
        phases = tuple(0.3 + number + 2.0 * math.pi * step / 5.0 for step in range(5))
        angles.append(PatternAngle((k * math.cos(turn), k * math.sin(turn)), phases, (1.2, 0.6)))
    angles[-1] = last(angles[-1])
    lateral = Pattern(PIXEL_NM, (SIZE, SIZE), tuple(angles))
    pattern = VolumePattern(lateral, PLANES, STEP_NM, 488.0, 1.515, (psi,) * 3)
    generator = torch.Generator().manual_seed(seed)
    if specimen is None:
        specimen = (torch.rand(PLANES, 2 * SIZE, 2 * SIZE, generator=generator) > 0.99).double()
    light = expected_volume(specimen, pattern, Pupil(optics))
    return pattern, torch.poisson(photons * light / light.max(), generator=generator)


def off(
    pattern: VolumePattern, frames: torch.Tensor, *, of_all: bool = True, second: float = 1.0
) -> np.ndarray:
    """Return how far k is off, [angle, (along, across)] in spectral pixels."""
    stack = VolumeStack(
        VolumeOptics(OPTICS, 488.0, PIXEL_NM, STEP_NM), PLANES, pattern.lateral.shape
    )
    steps = 2.0 * torch.pi / 5.0 * torch.arange(5, dtype=torch.float64)
    waves = torch.stack([torch.polar(torch.full_like(steps, 0.4), -n * steps) for n in (1, 2)])
    bands = torch.einsum("bp,zapyx->abzyx", waves, frames.to(waves.dtype))
    errors = []
    for number, angle in enumerate(pattern.lateral.angles):
        k = np.array(angle.k_cycles_per_um)
        zero = frames.mean(dim=(1, 2)) if of_all else frames[:, number].mean(dim=1)
        orders = (bands[number, 0], second * bands[number, 1])
        begun = (float(k[0]) + 0.1 * PIXEL, float(k[1]) - 0.05 * PIXEL)
        error = (np.array(CloserLook(stack, zero, orders, begun)()) - k) / PIXEL
        along = k / np.hypot(*k)
        errors.append((error @ along, error @ (-along[1], along[0])))
    return np.array(errors)


def rms(errors: list[np.ndarray]) -> float:
    return float(np.sqrt(np.square(np.concatenate(errors)).sum(axis=1).mean()))


def test_transfer_functions_do_not_pull_the_lines_along():
    """Each band weighed by the other's transfer function came out 0.034 pixels too long."""
    errors = [off(*volume(seed, 0.3, 1e5)) for seed in range(SEEDS)]
    assert abs(np.concatenate(errors)[:, 0].mean()) < 0.01
    assert rms(errors) < 0.02


@pytest.mark.parametrize("psi", [0.0, 0.8, 1.5])
def test_the_first_order_tells_the_lines_whatever_its_axial_phase(psi):
    errors = [off(*volume(seed, psi, 1000.0), second=0.0) for seed in range(SEEDS)]
    assert rms(errors) < 0.03


def test_the_zero_orders_of_all_angles_tell_the_lines_better_than_one():
    volumes = [volume(seed, 0.3, 20.0) for seed in range(SEEDS)]
    every, own = (rms([off(*one, of_all=of_all) for one in volumes]) for of_all in (True, False))
    assert every < 0.9 * own


@pytest.mark.parametrize("seed", [5, 6, 7])
def test_the_lines_of_eight_beads_are_not_outshone_by_shorter_ones(seed):
    random = np.random.default_rng(seed)
    beads = torch.zeros(PLANES, 2 * SIZE, 2 * SIZE, dtype=torch.float64)
    places = (random.integers(low, high, 8) for low, high in ((2, 10), (16, 112), (16, 112)))
    for z, y, x in zip(*places, strict=True):
        beads[z - 1 : z + 2, y - 3 : y + 4, x - 3 : x + 4] += 1.0
    dim = OPTICS.model_copy(update={"otf_damping": 0.15})
    pattern, frames = volume(seed, 0.5, 1000.0, beads, dim)
    known = VolumeOptics(dim, 488.0, PIXEL_NM, STEP_NM)
    camera = Camera(offset=0.0, gain=1.0, read_noise=0.0)
    found = estimate_volume_pattern(frames, known, camera)
    assert found.lateral.warnings == ()
    for ours, theirs in zip(found.lateral.angles, pattern.lateral.angles, strict=True):
        error = np.subtract(ours.k_cycles_per_um, theirs.k_cycles_per_um)
        assert np.hypot(*error) < 0.2 * PIXEL


def farther_apart(angle: PatternAngle) -> PatternAngle:
    ky, kx = angle.k_cycles_per_um
    return replace(angle, k_cycles_per_um=(0.8 * ky, 0.8 * kx))


def with_a_weak_second_order(angle: PatternAngle) -> PatternAngle:
    return replace(angle, modulation=(1.3, 0.03))


@pytest.mark.parametrize(
    ("last", "words"),
    [
        (farther_apart, "its lines are 50[0-9] nm apart, those of the other angles 407 nm"),
        (with_a_weak_second_order, "at least 0.0[5-9] of the second order"),
    ],
)
def test_an_angle_that_is_like_no_other_or_like_no_three_beams_is_refused(last, words):
    """In little light peaks of the specimen were taken for lines, and such an angle believed."""
    _, frames = volume(1, 0.3, 1e5, last=last)
    known = VolumeOptics(OPTICS, 488.0, PIXEL_NM, STEP_NM)
    camera = Camera(offset=0.0, gain=1.0, read_noise=0.0)
    found = estimate_volume_pattern(frames, known, camera).lateral
    assert [angle.usable for angle in found.angles] == [True, True, False]
    assert re.search(words, found.warnings[-1])
