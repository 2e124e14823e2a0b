"""The carrier of an order: what light that is even shows of a wave vector."""

from __future__ import annotations

import math

import pytest
import torch

from livesim.reconstruction.estimate.carrier import Carrier
from livesim.reconstruction.estimate.grid import estimation_grid
from livesim.reconstruction.estimate.parameters import Parameters
from livesim.reconstruction.estimate.separated import Separated
from livesim.reconstruction.estimate.spectra import prepare
from livesim.reconstruction.estimate.zero_order import frames_of
from livesim.reconstruction.otf import Otf

SHAPE, PIXEL_UM, OTF = (96, 112), 0.08, Otf(cutoff=4.6, damping=1.0)
K, PHASES, MODULATION, LIGHT = (2.9, 1.4), (0.3, 2.4, 4.5), 0.6, 200.0


def carrier_of(k, seed):
    """Return the carrier that is looked for at `k`, of a field that is even."""
    grid = estimation_grid(SHAPE, PIXEL_UM, OTF)
    seen = MODULATION * float(OTF(torch.tensor(math.hypot(*K))))
    turns = 2.0 * math.pi * (K[0] * grid.x + K[1] * grid.y)
    frames = torch.stack([LIGHT * (1.0 + seen * torch.cos(turns + phase)) for phase in PHASES])
    drawn = torch.poisson(frames, generator=torch.Generator().manual_seed(seed)).float()
    spectra = prepare(drawn[None, None], grid)
    at = Parameters(
        k=torch.tensor([k], dtype=torch.float64),
        phases=torch.tensor([PHASES], dtype=torch.float64),
        modulation=torch.tensor([MODULATION], dtype=torch.float64),
        intensity=torch.ones(len(PHASES), dtype=torch.float64),
    )
    (own,) = frames_of(spectra, [at])
    return Carrier(Separated(own, grid, at), 0)


@pytest.mark.parametrize("seed", range(3))
def test_even_light_shows_by_how_much_a_wave_vector_is_wrong(seed):
    step = 1.0 / (PIXEL_UM * SHAPE[1])
    assert carrier_of(K, seed).apart(K) < 0.1 * step
    off = (K[0] + 0.2 * step, K[1])
    found = carrier_of(off, seed)
    assert found.apart(off) == pytest.approx(0.2 * step, rel=0.25)
    assert found.apart(K) < 0.1 * step
