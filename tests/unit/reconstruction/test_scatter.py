"""The scatter of pixels over their light: read noise, photons, and pixels of unequal gain."""

from __future__ import annotations

import pytest
import torch

from livesim.reconstruction.defects.noise import light_of, scatter_of


@pytest.mark.parametrize("unequal", [0.0, 0.05])
def test_scatter_is_told_apart_into_what_does_and_does_not_grow_with_the_light(unequal):
    generator = torch.Generator().manual_seed(1)
    light = torch.linspace(20.0, 2000.0, 256).repeat(256, 1).expand(9, -1, -1)
    variance = 9.0 + 2.0 * light + (unequal * light).square()
    remainders = torch.randn(light.shape, generator=generator) * (1.3 * variance).sqrt()
    found = scatter_of(remainders, light_of(light), 2.0, noise_gain=1.3)
    if not unequal:
        assert found.slope == pytest.approx(2.0, rel=0.1)
        assert found.square < 1e-4
    for level in (200.0, 1000.0, 1800.0):
        expected = 9.0 + 2.0 * level + (unequal * level) ** 2
        assert float(found.variance(torch.tensor(level))) == pytest.approx(expected, rel=0.2)
