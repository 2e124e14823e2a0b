from dataclasses import replace

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from livesim.config.settings import Reconstruction
from livesim.reconstruction import blocks as module
from livesim.reconstruction.blocks import blocks, lay
from livesim.reconstruction.plan import Plan, make_plan
from livesim.reconstruction.reconstructor import Reconstructor
from tests.support.scenes import Scene, simulate


def plan_of(scene: Scene, unusable: tuple[int, ...] = ()) -> Plan:
    angles = tuple(
        replace(angle, usable=number not in unusable)
        for number, angle in enumerate(scene.pattern.angles)
    )
    pattern = replace(scene.pattern, angles=angles)
    return make_plan(pattern, scene.otf, scene.camera, Reconstruction())


@pytest.mark.parametrize("shape", [(0, 5), (1, 1), (512, 512), (2, 700, 333), (50, 1 << 20)])
def test_blocks_are_all_rows_once_and_in_order(shape):
    array = torch.empty(1, 1).expand(shape) if shape[0] else torch.empty(shape)
    rows = [row for block in blocks(array) for row in range(block.start, block.stop)]
    assert rows == list(range(shape[-2]))


def test_a_block_of_a_field_is_a_part_of_it_and_on_other_devices_the_whole():
    shape = (512, 512)
    assert len(blocks(torch.empty(shape))) > 1
    assert blocks(torch.empty(shape, device="meta")) == [slice(0, 512)]


@pytest.mark.parametrize(("rows", "first"), [(1, 0), (16, 3), (37, 5)])
def test_rows_are_laid_on_their_side_and_nothing_else_is_touched(rows, first):
    spectra = torch.randn(2, rows, 23, dtype=torch.complex64)
    target = torch.full((2, 23, 50), -1.0 + 0j, dtype=torch.complex64)
    expected = target.clone()
    expected[..., first : first + rows] = spectra.mT
    lay(spectra, target, first)
    assert torch.equal(target, expected)


@pytest.mark.parametrize("unusable", [(), (1,), (0, 1, 2)], ids=["none", "one", "all"])
def test_in_blocks_the_image_is_that_of_whole_arrays(monkeypatch, unusable):
    scene = simulate(5, (81, 65), times=2)
    plan = plan_of(scene, unusable)
    whole = Reconstructor(plan).differentiable(scene.counts.float())
    monkeypatch.setattr(module, "_NUMBERS", 1)
    found = Reconstructor(plan)(scene.counts)
    assert len(blocks(scene.counts[0, 0])) > 5
    assert float((found.image - whole).norm() / whole.norm()) < 1e-6
    assert float((found.widefield[1] - found.widefield[0]).abs().max()) > 1.0


def test_a_call_in_between_changes_no_gradient():
    scene = simulate(5, (65, 81))
    reconstruct = Reconstructor(plan_of(scene))
    photons = scene.counts.float().requires_grad_()
    reconstruct.differentiable(photons)[..., 40, 60].sum().backward()
    before = photons.grad.clone()
    photons.grad = None
    reconstruct(scene.counts)
    reconstruct.differentiable(photons)[..., 40, 60].sum().backward()
    assert float(before.abs().max()) > 0.0
    assert torch.equal(photons.grad, before)


def test_nothing_large_is_allocated_for_a_stack():
    scene = simulate(5, (512, 512))
    reconstruct = Reconstructor(plan_of(scene))
    frames, image = scene.counts[0].flatten(0, 1), torch.empty(1024, 1024)
    with torch.inference_mode():
        reconstruct.make(reconstruct.look(frames)[0], None, image)
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
            reconstruct.make(reconstruct.look(frames)[0], None, image)
    largest = max(event.self_cpu_memory_usage for event in profiled.events())
    assert 0 < largest <= 2 * frames.numel()  # bytes: half of the frames as float32
