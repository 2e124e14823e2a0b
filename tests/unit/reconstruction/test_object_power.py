"""The object's power over frequency, as an estimate of the pattern weighs with it."""

from __future__ import annotations

import pytest
import torch

from livesim.reconstruction.estimate.grid import EstimationGrid
from livesim.reconstruction.estimate.spectra import _object_power
from livesim.reconstruction.otf import Otf


@pytest.mark.parametrize("steepness", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("times", [2, 9])
def test_the_power_of_an_object_is_found_behind_the_optics_and_under_the_noise(steepness, times):
    grid, noise = EstimationGrid((192, 256), 0.08, Otf(cutoff=4.5)), 0.1
    behind = grid.transfer.square() * grid.radius.clamp(min=grid.step) ** -steepness
    chance = torch.distributions.Gamma(float(times), float(times))  # of so many spectra's mean
    torch.manual_seed(3)
    measured = (behind + noise) * chance.sample(behind.shape)
    found = _object_power(measured, noise, grid, times)
    frequency = torch.arange(len(found)) * grid.step
    strong = (frequency > 0.7) & (frequency < 2.0)
    expected = frequency[strong] ** -steepness
    torch.testing.assert_close(found[strong], expected, rtol=0.3, atol=0.0)
