"""A wave vector stays near the correlation's peak where the bands tell nothing of it."""

import pytest
import torch

from livesim.reconstruction.estimate.errors import telling_peaks
from livesim.reconstruction.estimate.frame_phases import PeakSeen
from livesim.reconstruction.estimate.parameters import Coordinates, Parameters
from livesim.reconstruction.estimate.peak import orders_information
from livesim.reconstruction.estimate.prior import Prior, Quadratic

SPREAD = torch.diag(torch.tensor([1.0, 100.0, 100.0], dtype=torch.float64))


@pytest.fixture
def own():
    return Coordinates(
        Parameters(
            k=torch.tensor([[4.0, 0.0]], dtype=torch.float64),
            phases=torch.zeros(1, 3, dtype=torch.float64),
            modulation=torch.tensor([0.7], dtype=torch.float64),
            intensity=torch.ones(3, dtype=torch.float64),
        )
    )


def peak(certainty):
    information = certainty * torch.diag(torch.tensor([1.0, 50.0, 50.0], dtype=torch.float64))
    return PeakSeen(certainty, (information, torch.zeros(3, dtype=torch.float64)))


def step(own, information, peaks):
    covariance = torch.linalg.inv(information + Prior().precision(own))
    held = orders_information(own, telling_peaks(covariance, own, peaks, SPREAD))
    pull = torch.zeros(own.size, dtype=torch.float64)
    pull[own.shift] = information[own.shift, own.shift].diagonal() * 0.3
    flat = own.flat()
    known = Quadratic(own, information, pull, flat, flat, held, 0.0, 0.1)
    return float(Prior().step(known)[own.shift].norm())


def test_bands_that_tell_little_do_not_move_it(own):
    """Their step alone is 0.3 cycles/µm along both axes: some spectral pixels."""
    little = torch.eye(own.size, dtype=torch.float64)
    assert step(own, little, [PeakSeen(0.0, None)]) == pytest.approx(0.3 * 2**0.5)
    assert step(own, little, [peak(100.0)]) < 0.001


def test_bands_that_tell_more_than_the_peak_are_followed(own):
    much = 1e6 * torch.eye(own.size, dtype=torch.float64)
    assert step(own, much, [peak(100.0)]) == pytest.approx(0.3 * 2**0.5)
