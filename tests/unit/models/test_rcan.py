"""RCAN: shapes, what an untrained one does, and that every weight takes part."""

import pytest
import torch

from livesim_models.rcan.model import Rcan, RcanArchitecture

SMALL = {"groups": 2, "blocks": 2, "features": 8, "reduction": 4}


def trained(architecture, seed=0):
    """A network whose last layer no longer is zero."""
    torch.manual_seed(seed)
    network = Rcan(architecture)
    torch.nn.init.normal_(network.tail.weight, std=0.1)
    return network.eval()


@pytest.mark.parametrize("shape", [(16, 16), (17, 22)])
@pytest.mark.parametrize("side", [1, 2, 3])
def test_any_field_comes_back_in_its_size(side, shape):
    network = trained(RcanArchitecture(**SMALL, inputs=3, outputs=3, space_to_depth=side))
    assert network(torch.rand(2, 3, *shape)).shape == (2, 3, *shape)


@pytest.mark.parametrize("side", [1, 2])
def test_volumes_come_back_in_their_size(side):
    architecture = RcanArchitecture(**SMALL, dimensions=3, space_to_depth=side)
    assert trained(architecture)(torch.rand(1, 1, 5, 8, 9)).shape == (1, 1, 5, 8, 9)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_an_untrained_network_changes_nothing(dimensions):
    image = torch.rand(1, 1, *(8,) * dimensions)
    network = Rcan(RcanArchitecture(**SMALL, dimensions=dimensions, space_to_depth=2))
    torch.testing.assert_close(network(image), image)


def test_every_weight_learns():
    network = trained(RcanArchitecture(**SMALL, space_to_depth=2))
    network(torch.rand(1, 1, 16, 16)).square().mean().backward()
    still = [name for name, value in network.named_parameters() if not value.grad.abs().max() > 0]
    # Behind the squeeze's ReLU single units may rest; whole layers may not.
    assert still == []


def test_the_report_s_networks():
    flat = Rcan(RcanArchitecture(groups=5, blocks=3, features=32))
    deep = Rcan(RcanArchitecture(groups=5, blocks=5, features=32, dimensions=3))
    convolutions = [sum(p.ndim > 2 for p in n.parameters()) for n in (flat, deep)]
    assert convolutions == [2 * 15 + 5 + 3, 2 * 25 + 5 + 3]


def test_attention_sees_the_whole_field():
    network = trained(RcanArchitecture(groups=1, blocks=1, features=8, reduction=4))
    image = torch.rand(1, 1, 64, 64)
    changed = image.clone()
    changed[..., 48:, 48:] += 10.0
    # Farther away than the convolutions reach, the change still has an effect: by the means.
    assert (network(image) - network(changed))[..., :16, :16].abs().max() > 0.0
