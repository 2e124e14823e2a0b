"""The frame path on a GPU: the same images as on a CPU, and nothing that would hold it up."""

import threading

import numpy as np
import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from livesim.pipeline.cpu import EagerPath
from livesim.pipeline.networks import load_networks
from livesim.pipeline.pipeline import ReconstructionPipeline, path_for
from tests.unit.pipeline.test_frame_path import (
    STEPS,
    Stream,
    followed,
    images,
    overlapped,
    weights_for,
)

GPU, CPU = torch.device("cuda", 0), torch.device("cpu")
ROUNDING = 2e-4
"""Of the brightest pixel: TF32 is off, sums are in another order."""
WAITING = (
    "cudaMalloc",
    "cudaFree",
    "cudaHostAlloc",
    "cudaDeviceSynchronize",
    "cudaStreamSynchronize",
    "cudaMemcpy",
)


def on_gpu(stream, path=None):
    networks = load_networks(stream.settings, GPU)
    path = path or path_for(GPU)
    return ReconstructionPipeline(stream.settings, stream.pattern, None, networks, path)


@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
def test_a_gpu_makes_the_images_of_a_cpu(steps):
    stream = Stream(steps)
    count = len(stream.stacks)
    mine, theirs = on_gpu(stream), stream.pipeline(EagerPath(CPU))
    weights = [None, *(weights_for(theirs, seed) for seed in (1, 1, 2, 3, 3))]
    weights = weights if theirs.networks.any else None
    found = overlapped([mine] * count, stream.stacks, followed, weights=weights)
    expected = overlapped([theirs] * count, stream.stacks, followed, weights=weights)
    for one, other in zip(found, expected, strict=True):
        for mine, theirs in zip(images(one), images(other), strict=True):
            np.testing.assert_allclose(mine, theirs, atol=ROUNDING * theirs.max())


@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
def test_what_is_replayed_is_what_a_gpu_computes(steps):
    stream = Stream(steps)
    count = len(stream.stacks)
    found = overlapped([on_gpu(stream)] * count, stream.stacks, followed)
    eager = overlapped([on_gpu(stream, EagerPath(GPU))] * count, stream.stacks, followed)
    for one, other in zip(found, eager, strict=True):
        for mine, theirs in zip(images(one), images(other), strict=True):
            np.testing.assert_allclose(mine, theirs, atol=ROUNDING * theirs.max())


def test_a_stack_allocates_nothing_and_waits_for_two_events_alone():
    stream = Stream(STEPS["both"])
    pipeline = on_gpu(stream)
    overlapped([pipeline] * 6, stream.stacks, followed)
    held = [pipeline.begin(stack, followed).take() for stack in stream.stacks]
    del held  # their host memory is used again
    before = torch.cuda.memory_stats(GPU)["allocation.all.allocated"]
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as seen:
        for stack in stream.stacks:
            pipeline.begin(stack, followed).take()
    assert torch.cuda.memory_stats(GPU)["allocation.all.allocated"] == before
    calls = {one.key: one.count for one in seen.key_averages()}
    assert not {name: calls[name] for name in WAITING if name in calls}
    stacks = len(stream.stacks)
    # look, judge, denoise, combine, refine, arbitrate
    assert calls["cudaGraphLaunch"] == 6 * stacks
    assert calls["cudaEventSynchronize"] <= 3 * stacks  # the numbers, the images, a free slot


def test_another_thread_may_use_the_gpu_while_a_graph_is_captured():
    stream, stop = Stream(STEPS["both"]), threading.Event()

    def busy():
        values = torch.ones(256, 256, device=GPU)
        while not stop.is_set():
            assert float((values @ values).sum()) == 256.0**3

    other = threading.Thread(target=busy)
    other.start()
    try:
        found = overlapped([on_gpu(stream)] * 6, stream.stacks, followed)
    finally:
        stop.set()
        other.join()
    alone = overlapped([on_gpu(stream)] * 6, stream.stacks, followed)
    for one, same in zip(found, alone, strict=True):
        np.testing.assert_array_equal(one.result.image, same.result.image)
