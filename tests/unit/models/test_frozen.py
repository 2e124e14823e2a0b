"""A frozen network gives the same numbers as the trained one, in strips and in plain torch."""

import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.util import find_spec
from types import SimpleNamespace

import pytest
import torch
from torch.nn.functional import conv2d, conv3d
from torch.utils.flop_counter import FlopCounterMode

from bench.speed.network_speed_page import PAGE, written_page
from livesim_models.flops import flops
from livesim_models.rcan import strips as strip_form
from livesim_models.rcan.frozen import InferenceRcan, fast_dtypes, frozen, fusing_works
from livesim_models.rcan.model import RcanArchitecture
from livesim_models.rcan.strips import StripRcan, sums_by_tap
from tests.unit.models.test_rcan import SMALL, trained

strips = pytest.mark.skipif(torch.float32 not in fast_dtypes(), reason="no oneDNN")
Narrow = partial(StripRcan, strip_bytes=2000)
FORMS = [InferenceRcan, pytest.param(Narrow, marks=strips)]
SHAPES = [
    (RcanArchitecture(**SMALL, inputs=3, outputs=3), (2, 3, 40, 23)),
    (RcanArchitecture(**SMALL, inputs=4, outputs=1), (1, 4, 17, 16)),
    (RcanArchitecture(**SMALL, space_to_depth=2), (2, 1, 33, 31)),
    (RcanArchitecture(groups=1, blocks=1, features=5, reduction=8), (1, 1, 1, 1)),
    (RcanArchitecture(**SMALL, dimensions=3), (1, 1, 7, 9, 12)),
    (RcanArchitecture(**SMALL, dimensions=3, space_to_depth=2), (2, 1, 5, 8, 9)),
]


def answer(network, image):
    with torch.inference_mode():
        return network(image)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("architecture", "shape"), SHAPES)
def test_the_same_numbers_in_float32(form, architecture, shape):
    network, image = trained(architecture), torch.rand(*shape)
    torch.testing.assert_close(
        answer(form(network, torch.float32), image), network(image), atol=2e-6, rtol=1e-5
    )


@pytest.mark.parametrize(
    ("form", "dtype"),
    [(InferenceRcan, torch.float16), (InferenceRcan, torch.bfloat16)]
    + [(Narrow, dtype) for dtype in fast_dtypes() if dtype is not torch.float32],
)
def test_the_same_within_the_rounding_of_a_precision(form, dtype):
    network, image = trained(SHAPES[0][0]), torch.rand(2, 3, 40, 23)
    found, exact = answer(form(network, dtype), image), network(image)
    assert found.dtype == torch.float32
    # Half the last bit of the features, some tens of times.
    assert 0.0 < (found - exact).abs().max() < 4.0 * torch.finfo(dtype).eps


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shape", [(1, 1, 20, 24), (2, 1, 33, 31)])
def test_operations_are_counted_as_those_of_the_trained_network(form, shape):
    network = trained(RcanArchitecture(**SMALL, space_to_depth=2))
    ice, image = form(network, torch.float32), torch.rand(*shape)
    with FlopCounterMode(display=False) as counter:
        network(image)
    # All but the attention's products, some thousands.
    assert flops(lambda: ice(image)) == pytest.approx(counter.get_total_flops(), rel=0.01)


@strips
def test_here_the_processor_s_own_form_is_chosen():
    network = trained(RcanArchitecture(**SMALL))
    for dtype in fast_dtypes():
        assert isinstance(frozen(network, dtype), StripRcan)
    assert isinstance(frozen(network, torch.float16), InferenceRcan)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_without_a_device_it_still_knows_its_shapes(dimensions):
    network = trained(RcanArchitecture(**SMALL, dimensions=dimensions, space_to_depth=2)).to("meta")
    image = torch.empty(2, 1, *(9,) * dimensions, device="meta")
    found = answer(frozen(network, torch.float16), image)
    assert (found.shape, found.dtype) == (image.shape, torch.float32)


@pytest.mark.parametrize("form", FORMS)
def test_freezing_copies(form):
    network, image = trained(RcanArchitecture(**SMALL)), torch.rand(1, 1, 12, 12)
    ice = form(network, torch.float32)
    before = answer(ice, image)
    network(image).sum().backward()
    assert all(p.grad is not None and p.requires_grad for p in network.parameters())
    for parameter in network.parameters():
        torch.nn.init.ones_(parameter)
    assert torch.equal(answer(ice, image), before)


@strips
def test_fields_of_other_sizes_and_other_threads_do_not_meet():
    network = trained(RcanArchitecture(**SMALL))
    images = [torch.rand(1, 1, rows, 64) for rows in (40, 41, 40, 80) * 3]
    alone = [answer(Narrow(network, torch.float32), image) for image in images]
    shared = Narrow(network, torch.float32)
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(shared, images))
    assert all(torch.equal(a, b) for a, b in zip(found, alone, strict=True))


@strips
def test_the_number_of_threads_changes_no_number():
    network, image, threads = trained(SHAPES[0][0]), torch.rand(1, 3, 90, 64), (1, 2, 3)
    before = torch.get_num_threads()
    try:
        for dtype in fast_dtypes():
            found = []
            for count in threads:
                torch.set_num_threads(count)
                found.append(answer(Narrow(network, dtype), image))
            assert all(torch.equal(one, found[0]) for one in found)
    finally:
        torch.set_num_threads(before)


@strips
def test_large_maps_are_given_back(monkeypatch):
    ice, image = Narrow(trained(RcanArchitecture(**SMALL)), torch.float32), torch.rand(1, 1, 16, 16)
    kept = answer(ice, image)
    assert len(ice._spare) == 1
    monkeypatch.setattr(strip_form, "MOST_KEPT_BYTES", ice._spare[0].nbytes - 1)
    assert torch.equal(answer(ice, image), kept)
    assert not ice._spare


@strips
def test_a_field_comes_out_the_same_alone_and_in_a_batch():
    for dtype in fast_dtypes():
        ice = Narrow(trained(RcanArchitecture(**SMALL)), dtype)
        images = torch.rand(3, 1, 30, 22)
        assert torch.equal(ice(images)[1:2], ice(images[1:2]))


@pytest.mark.parametrize("size", [(6, 5), (1, 4), (3, 4, 5)])
def test_the_mean_of_a_convolution_from_the_sums_of_its_input(size):
    generator = torch.Generator().manual_seed(0)
    features = torch.rand(*size, 4, dtype=torch.float64, generator=generator)
    weight = torch.rand(3, 4, *(3,) * len(size), dtype=torch.float64, generator=generator)
    convolution = conv2d if len(size) == 2 else conv3d
    there = convolution(features.movedim(-1, 0)[None], weight, padding=1)[0].flatten(1).sum(1)
    sums = sums_by_tap(features.sum(-2), features)
    torch.testing.assert_close(weight.movedim(1, -1).flatten(1) @ sums.flatten(), there)


def test_the_page_on_speed_is_what_the_kept_result_makes():
    assert PAGE.read_text(encoding="utf-8") == written_page()


@pytest.mark.skipif(find_spec("triton") is None, reason="no Triton")
def test_where_triton_cannot_launch_plain_torch_does_the_work_and_it_is_said_once(caplog):
    """Without a driver a launch fails as it does without a C compiler."""
    fusing_works.cache_clear()
    for _ in range(2):
        assert not fusing_works(torch.device("cpu"), torch.float32, 8, 4)
    (record,) = caplog.records
    assert record.getMessage().startswith("networks run without their fused kernel on cpu: ")


def test_a_kernel_that_gives_other_numbers_is_not_used(monkeypatch, caplog):
    class Wrong(torch.nn.Module):
        def __init__(self, attention):
            super().__init__()

        def forward(self, features, change):
            return features

    fusing_works.cache_clear()
    monkeypatch.setitem(
        sys.modules, "livesim_models.rcan.fused", SimpleNamespace(FusedAttention=Wrong)
    )
    assert not fusing_works(torch.device("cpu"), torch.float32, 8, 4)
    assert "expected plain torch's numbers" in caplog.text
    fusing_works.cache_clear()
