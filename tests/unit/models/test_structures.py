"""Structures that a network draws are shown as far as photons that it has not seen show them."""

import pytest
import torch
from torch import Tensor

from livesim_models.trust.structures import Drawn, class_belief, supported

SIZE = 192
SIGMA = 10.0


def lines(height: float) -> Tensor:
    """Return upright threads of a height in standard deviations of the noise."""
    at = torch.arange(float(SIZE))
    profile = torch.exp(-((((at + 12.0) % 24.0) - 12.0) ** 2) / 8.0)
    return height * SIGMA * profile.expand(SIZE, SIZE).clone()


def noise(seed: int, strength: float = 1.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return strength * SIGMA * torch.randn(SIZE, SIZE, generator=generator)


def drawn(network: Tensor, true: Tensor) -> list[Drawn]:
    return [Drawn(network, network, true + noise(k, 3.0**0.5)) for k in range(2)]


def spectrum() -> Tensor:
    return torch.stack([torch.fft.rfft2(noise(k)).abs().square() for k in range(9)]).mean(dim=0)


def believed(network: Tensor, true: Tensor) -> Tensor:
    flat = torch.full((SIZE, SIZE), SIGMA**2)
    return supported(network, drawn(network, true), flat, spectrum(), excess=2.0)


@pytest.mark.parametrize("height", [1.0, 2.0, 6.0])
def test_threads_that_the_photons_show_are_shown(height):
    assert float(believed(lines(height), lines(height)).min()) > 0.9


@pytest.mark.parametrize("height", [1.0, 2.0, 6.0])
def test_threads_of_noise_are_not_shown_on_their_crests(height):
    there = believed(lines(height), torch.zeros(SIZE, SIZE))
    crest = lines(height) > 0.9 * height * SIGMA
    assert float(there[crest].max()) < 0.2


def test_a_place_without_a_crest_is_left_alone():
    network = lines(2.0)
    network[:, 96:] = 0.0
    there = believed(network, torch.zeros(SIZE, SIZE))
    assert float(there[:, 130:170].min()) > 0.99


def test_strong_threads_do_not_vouch_for_faint_ones():
    network, true = lines(6.0), lines(6.0)
    network[:, 96:], true[:, 96:] = lines(1.0)[:, 96:], 0.0
    there = believed(network, true)
    on = lines(1.0) > 0.9 * SIGMA
    assert float(there[:, :88][on[:, :88]].min()) > 0.9
    assert float(there[:, 104:][on[:, 104:]].max()) < 0.3


def test_belief_is_a_share_and_one_number_a_class():
    sigma = torch.full((SIZE, SIZE), SIGMA)
    belief = class_belief(drawn(lines(1.0), lines(0.6)), sigma, spectrum(), excess=2.0)
    assert belief.ndim == 1
    assert float(belief.min()) >= 0.0
    assert float(belief.max()) <= 1.0
