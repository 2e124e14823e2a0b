"""Stripes that an image has and its widefield has not; noise and regular specimens are none."""

from __future__ import annotations

import pytest
import torch

from livesim_models.trust.stripes import find_stripes

Y, X = torch.meshgrid(torch.arange(192.0), torch.arange(256.0), indexing="ij")


def blobs(seed=0):
    """A field of soft spots [192, 256], 0 to about 1."""
    generator = torch.Generator().manual_seed(seed)
    centres = torch.rand(60, 2, generator=generator) * torch.tensor([192.0, 256.0])
    return sum(
        torch.exp(-((Y - y) ** 2 + (X - x) ** 2) / 18.0) for y, x in centres.tolist()
    ) + 0.02 * torch.randn(192, 256, generator=generator)


def raw(image):
    return torch.nn.functional.avg_pool2d(image[None], 2)[0]


def striped(image, strength, period=7.3):
    """Add stripes that many pixels of the doubled grid apart, turned by 37 degrees."""
    return image + strength * torch.cos(2.0 * torch.pi * (0.8 * X + 0.6 * Y) / period)


def test_a_field_of_noise_and_spots_has_none():
    assert all(find_stripes(blobs(seed), raw(blobs(seed))) is None for seed in range(3))


@pytest.mark.parametrize(("period", "strength"), [(3.1, 0.05), (7.3, 0.05), (15.0, 0.2)])
def test_stripes_are_measured(period, strength):
    """The slower they are, the stronger they have to be to stand out from the specimen."""
    found = find_stripes(striped(blobs(), strength, period), raw(blobs()))
    assert found is not None
    assert found.period == pytest.approx(period / 2.0, rel=0.05)
    image = striped(blobs(), strength, period)
    dark, bright = torch.quantile(image, torch.tensor([0.02, 0.99])).tolist()
    assert found.amplitude == pytest.approx(strength / (bright - dark), rel=0.25)
    assert f"{found.period:.1f} raw pixels apart" in found.words


def test_stripes_that_nobody_sees_are_not_told():
    assert find_stripes(striped(blobs(), 0.002), raw(blobs())) is None


@pytest.mark.parametrize("period", [7.3, 15.0])
def test_a_regular_specimen_is_in_the_widefield_too(period):
    image = striped(blobs(), 0.2, period)
    assert find_stripes(image, raw(image)) is None
