"""What goes to a GPU and what comes back: no copy that nobody needs."""

import gc

import numpy as np
import pytest
import torch

from livesim.engine.assemble import Assembler
from livesim.pipeline.cpu import EagerPath
from livesim.pipeline.graphs import ReplayedPath
from livesim.pipeline.locked import LockedMemory
from livesim.pipeline.pipeline import ReconstructionPipeline
from livesim.values.frames import FrameAxes, RawFrame
from livesim_models.rcan import frozen
from tests.doubles.gpu import LateGpu
from tests.unit.pipeline.test_frame_path import CPU, STEPS, Stream, followed, same


@pytest.fixture(autouse=True)
def networks_as_on_a_gpu(monkeypatch):
    monkeypatch.setattr(frozen, "fast_dtypes", lambda: ())


def ordinary(size):
    return torch.empty(size, dtype=torch.uint8)


def assembled(stacks, memory):
    """Return raw stacks as the engine assembles them of frames."""
    assembler, found = Assembler((3, 3), memory), []
    for stack in stacks:
        for angle, phase in np.ndindex(3, 3):
            axes = FrameAxes(time=stack.index.time, angle=angle, phase=phase)
            found.append(assembler.add(RawFrame("s", 0, axes, stack.pixels[angle, phase])))
    return [one for one in found if one is not None]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_stack_that_lies_in_page_locked_memory_goes_up_from_there(seed):
    stream, late = Stream(STEPS["step one"]), LateGpu(seed)
    memory = LockedMemory(lambda size: late.pinned((size,), torch.uint8))
    stacks = assembled(stream.stacks, memory)
    pipeline = stream.pipeline(ReplayedPath(late))
    found = stream.made(pipeline, stacks=stacks)
    copies = [one for one in late.pinned_for if one.dtype == torch.uint16]
    assert not copies
    stream.made(pipeline)
    copies = [one for one in late.pinned_for if one.dtype == torch.uint16]
    assert len(copies) == 2, "others go through two that are used in turn"
    same(found, stream.made(stream.eager))


def test_no_more_memory_is_locked_than_the_limit_and_what_is_free_counts_no_more():
    asked = []
    memory = LockedMemory(lambda size: asked.append(size) or ordinary(size), most_bytes=1500)
    first, second = (memory((3, 10, 10), np.dtype(np.uint8)) for _ in range(2))
    frame = first[1]
    del first
    gc.collect()
    third = memory((4, 10, 10), np.dtype(np.uint16))
    assert asked == [512, 512], "a frame of the first one is still in use"
    assert (third.shape, third.dtype) == ((4, 10, 10), np.uint16)
    del frame, second
    gc.collect()
    memory((4, 10, 10), np.dtype(np.uint16))
    assert asked == [512, 512, 1024]


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(
    ("steps", "stay", "go"),
    [("plain", 2, 2), ("on the plain image", 3, 4), ("both", 3, 5)],
)
def test_images_that_nobody_looks_at_stay_on_the_gpu(steps, stay, go, seed):
    """Image, plain and widefield come down, or image and widefield where that is plain itself."""
    stream, late, looked_at = Stream(STEPS[steps]), LateGpu(seed), [False]
    path = ReplayedPath(late)
    pipeline = ReconstructionPipeline(
        stream.settings, stream.pattern, None, stream.networks, path, None, lambda: looked_at[0]
    )

    def made(number):
        before = len([one for one in late.pinned_for if one.dtype == torch.float32])
        found = pipeline.begin(stream.stacks[number], followed).take()
        return found, len([o for o in late.pinned_for if o.dtype == torch.float32]) - before

    (first, kept), looked_at[0] = made(0), True
    second, all_of_them = made(1)
    assert (kept, all_of_them) == (stay, go)
    eager = stream.pipeline(EagerPath(CPU))
    expected = [eager.begin(stack, followed).take() for stack in stream.stacks[:2]]
    np.testing.assert_array_equal(first.result.image, expected[0].result.image)
    if steps == "both":
        assert (first.step_one, first.network) == (None, None)
    same([second], expected[1:])


def test_a_review_does_not_need_what_stayed_on_the_gpu():
    stream = Stream(STEPS["both"])
    path, eager = ReplayedPath(LateGpu(1)), stream.pipeline(EagerPath(CPU))
    pipeline = ReconstructionPipeline(
        stream.settings, stream.pattern, None, stream.networks, path, stages=lambda: False
    )
    found = pipeline.begin(stream.stacks[0], followed).take()
    expected = eager.begin(stream.stacks[0], followed).take()
    one, other = (made.review(lambda done: None) for made in (found, expected))
    assert one.weights == other.weights
    assert one.numbers == other.numbers
