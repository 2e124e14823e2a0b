"""Whole fields and tiles of them give the same image, in every precision."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from livesim_models.checkpoint import read_model
from livesim_models.field import FieldRunner, spans
from livesim_models.rcan.model import RcanArchitecture
from livesim_models.shipped import model_file
from tests.unit.models.test_rcan import trained

NARROW = RcanArchitecture(groups=2, blocks=2, features=8, reduction=4)


@pytest.mark.parametrize(("length", "tile", "overlap"), [(100, 40, 8), (41, 40, 8), (512, 128, 32)])
def test_tiles_cover_everything_and_overlap_enough(length, tile, overlap):
    found = list(spans(length, tile, overlap))
    assert found[0].start == 0
    assert found[-1].stop == length
    assert all(span.stop - span.start == tile for span in found)
    assert all(a.stop - b.start >= overlap for a, b in pairwise(found))


def test_a_short_field_is_one_tile():
    assert list(spans(30, 40, 8)) == [slice(0, 30)]


def test_tiles_without_attention_give_the_whole_field():
    network = trained(NARROW)
    for name, value in network.named_parameters():
        if "excite" in name:  # the same weight whatever the field's mean is
            torch.nn.init.zeros_(value)
    image = torch.rand(1, 1, 150, 170)
    whole = FieldRunner(network)(image)
    # Every output sees 2 x (2 x 2 + 1) + 3 = 13 pixels to each side; 16 of the 32 count less.
    tiled = FieldRunner(network, tile=96)(image)
    error = (whole - tiled).abs()
    assert error.max() < 0.05 * (whole - image).abs().max()
    assert error.median() < 1e-6


def test_the_shipped_network_shows_no_seam():
    network = read_model(model_file("pair", "two")).network
    rows, columns = np.mgrid[:320, :320]
    image = torch.from_numpy(np.sin(rows / 5.0) * np.cos(columns / 7.0) * 0.4 + 0.5).float()
    image = (image + 0.1 * torch.randn(320, 320, generator=torch.Generator().manual_seed(0)))[
        None, None
    ]
    whole = FieldRunner(network)(image)
    difference = (FieldRunner(network, tile=128)(image) - whole)[0, 0]
    # A seam is a step between neighbouring columns where tiles meet.
    steps = difference.diff(dim=1).abs().mean(dim=0)
    own = whole[0, 0].diff(dim=1).abs().mean()
    assert steps.max() < 0.05 * own
    assert difference.abs().max() < 0.05


def test_half_precision_changes_little():
    network = trained(NARROW)
    image = torch.rand(1, 1, 64, 64)
    exact = FieldRunner(network)(image)
    rough = FieldRunner(network, "bfloat16")(image)
    assert rough.dtype == torch.float32
    assert 0.0 < (exact - rough).abs().max() < 0.05


def test_a_tile_must_be_longer_than_its_borders():
    with pytest.raises(ValueError, match="expected a tile above 64 pixels, found 64"):
        FieldRunner(trained(NARROW), tile=64)


class NothingFromTheHost(TorchDispatchMode):
    """Refuses operations on what is on the CPU: inside a CUDA graph nothing can be copied up."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        for one in (*args, *(kwargs or {}).values()):
            assert not (isinstance(one, torch.Tensor) and one.device.type == "cpu"), func
        return func(*args, **(kwargs or {}))


def test_tiles_are_weighed_by_what_is_on_the_device_already():
    network = trained(NARROW).to("meta")
    runner = FieldRunner(network, tile=96)
    image = torch.empty(1, 1, 150, 170, device="meta")
    runner(image)  # as a section runs before it is captured
    with NothingFromTheHost():
        assert runner(image).shape == image.shape


def test_on_a_gpu_a_network_fits_three_times_into_what_is_free(monkeypatch):
    """As it is tried, as it is captured, and in a review."""
    free = 1 << 30
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, free))

    class OnGpu:
        device = torch.device("cuda", 0)
        ndim = 4

        def __len__(self):
            return 1

    side = FieldRunner(trained(NARROW))._affordable(OnGpu())
    needed = side**2 * NARROW.live_values * torch.float32.itemsize
    assert free / 5 < needed < free / 3
