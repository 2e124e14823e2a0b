"""The parts of a field tell how far off fringes are, whatever made them so."""

import math

import pytest
import torch

from livesim.reconstruction.estimate.field_parts import FieldParts

SIDE = 64
PLACE = torch.arange(SIDE, dtype=torch.float64) - SIDE / 2
SPREAD = torch.diag(torch.tensor([1.0, *[float((2.0 * math.pi * PLACE).square().mean())] * 2]))
SPREAD = SPREAD.double()


def parts_of(phase, seed=0):
    """Return the parts of an even product with the phase [y, x]."""
    noise = 0.1 * torch.randn(SIDE, SIDE, generator=torch.Generator().manual_seed(seed))
    return FieldParts.of(torch.exp(1j * (phase + noise).double()), PLACE[None], PLACE[:, None])


def test_parts_that_agree_know_the_fringes_as_well_as_their_noise_does():
    expected = 0.1 * math.sqrt(3.0) / SIDE  # of phase, kx and ky
    found = [math.sqrt(parts_of(torch.zeros(1), seed).variance(SPREAD)) for seed in range(5)]
    assert expected / 2.0 < sum(found) / len(found) < 2.0 * expected


def test_parts_that_differ_say_so():
    half = torch.where(PLACE * PLACE[:, None] > 0.0, 0.4, -0.4)
    assert math.sqrt(parts_of(half).variance(SPREAD)) > math.radians(4.0)


def test_a_phase_that_all_parts_find_elsewhere_counts():
    off = math.sqrt(parts_of(torch.full((1,), 0.4)).variance(SPREAD))
    assert off == pytest.approx(0.4, abs=0.01)


@pytest.mark.parametrize(("off", "noise"), [(0.0, 1.0), (0.3, 1.0)])
def test_frames_that_find_their_phases_elsewhere_say_so_beyond_their_noise(off, noise):
    generator = torch.Generator().manual_seed(2)
    own = off * torch.tensor([1.0, -1.0, 0.0])[:, None, None]
    phase = own + noise * torch.randn(3, SIDE, SIDE, generator=generator)
    parts = FieldParts.of(torch.exp(1j * phase.double()), PLACE[None], PLACE[:, None])
    expected = math.sqrt(2.0 / 3.0) * off
    assert math.sqrt(parts.steps_variance()) == pytest.approx(expected, abs=0.04)


def test_parts_are_moved_as_the_fringes_are():
    step = torch.tensor([0.3, 0.004, -0.002], dtype=torch.float64)
    ramp = step[0] + 2.0 * math.pi * (step[1] * PLACE + step[2] * PLACE[:, None])
    assert math.sqrt(parts_of(ramp).variance(SPREAD)) > 0.15
    assert math.sqrt(parts_of(ramp).moved(step).variance(SPREAD)) < 0.05


def test_parts_without_anything_in_common_say_that_the_fringes_are_anywhere():
    random = 6.3 * torch.rand(SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    assert parts_of(random).variance(SPREAD) > 1.0
