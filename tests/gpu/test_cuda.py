"""The frame path on a GPU: the same images as on a CPU, and nothing that would hold it up."""

import threading
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from torch.profiler import ProfilerActivity, profile, record_function

from bench.gpu.captures import (
    at_once_off,
    channels_off,
    failing_capture,
    form_off,
    section_off,
)
from bench.gpu.cases import CASES, PAIR, PLAIN, UNIVERSAL, Case, Machine
from bench.gpu.profiled import RANGE, WAITING, calls_within
from bench.gpu.sections import MODELS, MOST_RMS, images, network_off, tiles_off
from livesim.pipeline.cuda import Cuda
from livesim.pipeline.locked import LockedMemory
from livesim.pipeline.networks import load_networks
from livesim.pipeline.paths import path_for
from livesim.pipeline.pipeline import ReconstructionPipeline
from livesim_models.rcan.frozen import fusing_works
from tests.unit.pipeline.test_frame_path import STEPS, Stream, followed, weights_for
from tests.unit.pipeline.test_frame_path import images as images_of

GPU = torch.device("cuda", 0)
MACHINE = Machine(rehearsal=False)
ROUNDING = 2e-4
"""Of the brightest pixel: float32 without TF32, sums are in another order."""
SECTIONS = ("look", "judge", "begin", "combine", "refine", "arbitrate")


def on_gpu(stream, path=None):
    networks = load_networks(stream.settings, GPU)
    path = path or path_for(GPU)
    return ReconstructionPipeline(stream.settings, stream.pattern, None, networks, path)


def near(found, expected):
    for one, other in zip(found, expected, strict=True):
        for mine, theirs in zip(images_of(one), images_of(other), strict=True):
            np.testing.assert_allclose(mine, theirs, atol=ROUNDING * theirs.max())


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_gpu_makes_the_images_of_a_cpu(case):
    found = images(case, MACHINE)
    assert found["ok"], found


@pytest.mark.parametrize("precision", MOST_RMS)
@pytest.mark.parametrize(("name", "step"), MODELS)
def test_networks_give_float64_s_numbers_within_their_precision(name, step, precision):
    found = network_off(name, step, precision, MACHINE)
    assert found["ok"], found


@pytest.mark.parametrize(("name", "step"), MODELS)
def test_tiles_are_those_of_a_cpu(name, step):
    found = tiles_off(name, step, MACHINE)
    assert found["ok"], found


@pytest.mark.skipif(find_spec("triton") is None, reason="no Triton")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("features", [5, 32, 64])
def test_the_fused_kernel_works(features, dtype):
    assert fusing_works(GPU, dtype, features, 8)


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_every_section_can_be_captured_and_takes_fresh_inputs(case, section):
    found = section_off(case, section, MACHINE)
    assert found.get("ok", True), found


def test_a_form_that_is_known_is_not_captured_again():
    found = form_off(Case(PAIR), MACHINE)
    assert found["ok"], found
    assert found["same_form_again_s"] < found["prepare_s"]


def test_a_capture_that_fails_is_left_and_the_next_one_succeeds():
    found = failing_capture(MACHINE)
    assert found["ok"], found


@pytest.mark.parametrize("steps", [PLAIN, PAIR, UNIVERSAL], ids=["plain", "pair", "universal"])
def test_at_once_and_one_by_one_the_pixels_are_the_same_to_the_bit(steps):
    found = at_once_off(Case(steps), MACHINE)
    assert found["ok"], found


def test_two_channels_take_turns():
    found = channels_off((256, 256), MACHINE)
    assert found["ok"], found


def test_what_is_assembled_in_page_locked_memory_is_known_as_such():
    locked = torch.from_numpy(LockedMemory()((9, 8, 8), np.dtype(np.uint16)))
    assert Cuda(GPU).is_pinned(locked)
    assert not Cuda(GPU).is_pinned(torch.zeros(9, 8, 8, dtype=torch.uint16))


@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
def test_stacks_that_overlap_are_those_of_a_cpu(steps):
    stream = Stream(steps)
    mine, theirs = on_gpu(stream), stream.eager
    weights = [None, *(weights_for(theirs, seed) for seed in (1, 1, 2, 3, 3))]
    weights = weights if theirs.networks.any else None
    near(stream.made(mine, weights=weights), stream.made(theirs, weights=weights))


def test_a_stack_allocates_nothing_and_waits_for_two_events_alone():
    stream = Stream(STEPS["both"])
    pipeline = on_gpu(stream)
    stream.made(pipeline)
    held = [pipeline.begin(stack, followed).take() for stack in stream.stacks]
    del held  # their host memory is used again
    before = torch.cuda.memory_stats(GPU)["allocation.all.allocated"]
    both = [ProfilerActivity.CPU, ProfilerActivity.CUDA]
    with profile(activities=both) as seen, record_function(RANGE):
        for stack in stream.stacks:
            pipeline.begin(stack, followed).take()
    assert torch.cuda.memory_stats(GPU)["allocation.all.allocated"] == before
    calls = calls_within(seen)
    assert not {name: calls[name] for name in WAITING if name in calls}
    stacks = len(stream.stacks)
    # look, judge, denoise, combine, refine, arbitrate
    assert calls["cudaGraphLaunch"] == 6 * stacks
    assert calls["cudaEventSynchronize"] <= 3 * stacks  # the numbers, the images, a free slot


def test_where_memory_is_short_images_come_all_the_same():
    stream = Stream(STEPS["plain"])
    expected = stream.made(on_gpu(stream))
    torch.cuda.empty_cache()
    free = torch.cuda.mem_get_info(GPU)[0]
    held = torch.empty(free - (64 << 20), dtype=torch.uint8, device=GPU)
    try:
        short = on_gpu(stream)
    except torch.OutOfMemoryError:  # not even the plan
        short = None
    del held
    torch.cuda.empty_cache()
    short = short or on_gpu(stream)
    near(stream.made(short), expected)


def test_another_thread_may_use_the_gpu_while_a_graph_is_captured():
    stream, stop, wrong = Stream(STEPS["both"]), threading.Event(), []

    def busy():
        values = torch.ones(256, 256, device=GPU)
        while not stop.is_set():
            if float((values @ values).sum()) != 256.0**3:
                wrong.append(1)

    other = threading.Thread(target=busy)
    other.start()
    try:
        found = stream.made(on_gpu(stream))
    finally:
        stop.set()
        other.join()
    assert not wrong
    alone = stream.made(on_gpu(stream))
    for one, same in zip(found, alone, strict=True):
        np.testing.assert_array_equal(one.result.image, same.result.image)


def test_another_form_is_captured_while_stacks_are_replayed():
    stream = Stream(STEPS["both"])
    path = path_for(GPU)
    pipeline = on_gpu(stream, path)
    alone = stream.made(pipeline)
    prepared = []

    def prepare():
        with torch.inference_mode():
            prepared.append(on_gpu(Stream(STEPS["plain"]), path))

    other = threading.Thread(target=prepare)
    other.start()
    found = []
    while other.is_alive() or not found:
        found += stream.made(pipeline)
    other.join()
    assert prepared
    for number, one in enumerate(found):
        np.testing.assert_array_equal(one.result.image, alone[number % 6].result.image)
