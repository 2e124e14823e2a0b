"""Frames in any order -> complete raw stacks."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from livesim.engine.assemble import Assembler
from livesim.values.frames import FrameAxes, RawFrame, StackIndex


def frame(time=0, angle=0, phase=0, *, channel=0, z=0, shape=(2, 3), dtype=np.uint16, received=0):
    value = 100 * time + 50 * channel + 20 * z + 10 * angle + phase
    axes = FrameAxes(time=time, channel=channel, z=z, angle=angle, phase=phase)
    return RawFrame("s", 0, axes, np.full(shape, value, dtype), 5.0, received_ns=received)


def stack(time=0, angles=3, phases=3, **axes):
    return [frame(time, a, p, **axes) for a in range(angles) for p in range(phases)]


def run(frames, **limits):
    assembler = Assembler((3, 3), **limits)
    return assembler, [done for one in frames if (done := assembler.add(one)) is not None]


def test_in_order():
    assembler, done = run(stack(0) + stack(1))
    assert [one.index.time for one in done] == [0, 1]
    np.testing.assert_array_equal(done[1].pixels[2, 1], np.full((2, 3), 121))
    assert (done[0].stream, done[0].exposure_ms) == ("s", 5.0)
    assert (assembler.counts.frames, assembler.counts.stacks, assembler.open_stacks) == (18, 2, 0)


def test_the_last_frame_received_gives_the_time():
    frames = stack()
    times = [3, 9, 1, 4, 2, 5, 6, 7, 8]
    late = [
        RawFrame("s", 0, one.axes, one.pixels, received_ns=ns)
        for one, ns in zip(frames, times, strict=True)
    ]
    assert run(late)[1][0].last_received_ns == 9


@pytest.mark.parametrize("seed", range(5))
def test_shuffled_within_what_may_be_open(seed):
    frames = [one for time in range(3) for one in stack(time)]
    random.Random(seed).shuffle(frames)
    _, done = run(frames, patience=3)
    assert sorted(one.index.time for one in done) == [0, 1, 2]
    for one in done:
        for angle, phase in np.ndindex(3, 3):
            assert (one.pixels[angle, phase] == 100 * one.index.time + 10 * angle + phase).all()


@pytest.mark.parametrize("lost", range(9))
def test_a_lost_frame_costs_its_own_stack_only(lost):
    broken = stack(1)
    del broken[lost]
    assembler, done = run(stack(0) + broken + stack(2) + stack(3) + stack(4))
    assert [one.index.time for one in done] == [0, 2, 3, 4]
    assert assembler.counts.incomplete_stacks == 1
    assert assembler.open_stacks == 0


def test_a_late_frame_still_completes_its_stack_while_there_is_patience():
    *most, last = stack(0)
    _, done = run([*most, *stack(1), last])
    assert [one.index.time for one in done] == [1, 0]


def test_a_frame_after_patience_ran_out_is_late():
    *most, last = stack(0)
    assembler, done = run([*most, *stack(1), *stack(2), last])
    assert [one.index.time for one in done] == [1, 2]
    assert (assembler.counts.incomplete_stacks, assembler.counts.late_frames) == (1, 1)


def test_other_sequences_do_not_cost_patience():
    *most, last = stack(0, channel=0)
    other = [one for time in range(1, 6) for one in stack(time, channel=1)]
    _, done = run([*most, *other, last])
    assert [one.index.channel for one in done] == [1] * 5 + [0]


def test_interleaved_channels_and_planes():
    stacks = [stack(0, channel=channel, z=z) for channel in range(2) for z in range(3)]
    frames = [one for together in zip(*stacks, strict=True) for one in together]
    _, done = run(frames)
    assert {one.index for one in done} == {
        StackIndex(channel=channel, z=z) for channel in range(2) for z in range(3)
    }
    assert all(
        one.pixels[1, 2, 0, 0] == 50 * one.index.channel + 20 * one.index.z + 12 for one in done
    )


def test_repeated_frames_are_counted_before_and_after_completion():
    frames = stack(0)
    assembler, done = run([frames[0], *frames, *frames])
    assert len(done) == 1
    assert assembler.counts.repeated_frames == 10
    assert assembler.open_stacks == 0


@pytest.mark.parametrize("other", [{"shape": (3, 3)}, {"dtype": np.uint8}], ids=["shape", "dtype"])
def test_mixed_frames_cost_their_stack(other):
    frames = stack(0)
    frames[4] = frame(0, 1, 1, **other)
    assembler, done = run(frames + stack(1))
    assert [one.index.time for one in done] == [1]
    assert (assembler.counts.mixed_stacks, assembler.counts.late_frames) == (1, 4)


@pytest.mark.parametrize("lost", [5, 8])
def test_an_index_of_two_exposures_makes_no_stack_of_both(lost):
    """A frame of the first one is lost; the second one, of the same index, has it."""
    first, second = stack(0), [replace(one, pixels=one.pixels + 1) for one in stack(0)]
    assembler, done = run([*(one for one in first if one is not first[lost]), *second, *stack(1)])
    assert [one.index.time for one in done] == [1]
    counts = assembler.counts
    assert (counts.mixed_stacks, counts.repeated_frames, counts.incomplete_stacks) == (1, 0, 0)
    assert counts.late_frames == 8


def test_a_lost_frame_that_is_sent_again_with_the_others_completes_its_stack():
    frames = stack(0)
    assembler, done = run([*frames[:3], *frames[4:], *frames])
    assert [one.index.time for one in done] == [0]
    assert (assembler.counts.mixed_stacks, assembler.counts.repeated_frames) == (0, 8)


def test_frames_outside_the_pattern_are_counted():
    assembler, done = run([frame(0, 3, 0), frame(0, 0, 3), *stack(0)])
    assert len(done) == 1
    assert assembler.counts.misplaced_frames == 2


@pytest.mark.parametrize("limits", [{"open_stacks": 4}, {"open_bytes": 4 * 9 * 12}])
def test_memory_is_bounded_when_nothing_ever_completes(limits):
    assembler, done = run([frame(time) for time in range(100)], **limits)
    assert not done
    assert assembler.open_stacks == 4
    assert assembler.counts.incomplete_stacks == 96


def test_what_is_open_at_the_end_is_incomplete():
    assembler, _ = run(stack(0)[:5])
    assembler.finish()
    assert (assembler.open_stacks, assembler.counts.incomplete_stacks) == (0, 1)


def test_a_hexagonal_stack_is_one_angle():
    assembler = Assembler((1, 7))
    done = [assembler.add(frame(0, 0, phase)) for phase in range(7)]
    assert done[:6] == [None] * 6
    assert done[6].pixels.shape == (1, 7, 2, 3)
