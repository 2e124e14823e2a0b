"""What is let into a stream, and what is left out with which sentence."""

from __future__ import annotations

import re

import numpy as np
import pytest

from livesim.engine import entrance as module
from livesim.engine.entrance import SPARSE, Entrance
from livesim.values.frames import FrameAxes, RawFrame, RawStack, StackIndex


def frame(pixels=None, **axes):
    pixels = np.zeros((16, 12), np.uint16) if pixels is None else pixels
    return RawFrame("s", 0, FrameAxes(**axes), pixels)


def stack(shape=(16, 12), dtype=np.uint16, **index):
    return RawStack("s", StackIndex(**index), np.zeros((3, 3, *shape), dtype))


def odd(value):
    pixels = np.zeros((16, 12), np.float32)
    pixels[3, 5] = value
    return pixels


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (frame(channel=10**9), "expected the axis channel to count from 0 to 63, found 1000000000"),
        (frame(position=10**6), "expected the axis position to count from 0 to 4095"),
        (frame(z=2**63 - 1), "expected the axis z to count from 0 to 4095"),
        (frame(np.zeros((7, 900), np.uint8)), "at least 8 x 8 pixels, found 7 x 900 of uint8"),
        (frame(np.zeros((1, 1), np.uint8)), "at least 8 x 8 pixels"),
        (frame(odd(np.nan)), "in every pixel, found NaN or infinity"),
        (frame(odd(-np.inf)), "in every pixel, found NaN or infinity"),
        (frame(odd(1e30)), r"expected counts of at most 4\.29.*e\+09 in every pixel, found 1e\+30"),
        (frame(np.zeros((16, 12), np.int32)), "of 8 or 16 bits, or floating-point .* found int32"),
        (frame(np.full((16, 12), -5000, np.int16)), "expected counts from -4096 on, found -5000"),
        (frame(np.broadcast_to(np.uint16(0), (16384, 16384))), "at most 2 GiB, found one of 9"),
    ],
)
def test_a_frame_that_cannot_be_used_is_left_out(wrong, words):
    entrance = Entrance((3, 3))
    assert entrance.refusal(frame()) is None
    refusal = entrance.refusal(wrong)
    assert refusal is not None
    assert re.search(words, refusal)


@pytest.mark.parametrize("time", [0, 1_764_393_630_123, 2**63 - 1])
def test_any_time_is_let_in(time):
    assert Entrance((3, 3)).refusal(frame(time=time)) is None


def test_the_first_stack_says_what_frames_are_like():
    entrance = Entrance((3, 3))
    large, other = frame(np.zeros((64, 64), np.uint16)), frame(np.zeros((16, 12), np.int16))
    assert entrance.refusal(large) is None, "nothing is known before the first whole stack"
    entrance.admit(stack())
    words = "expected 16 x 12 pixels of uint16 as in the first stack, found "
    assert entrance.refusal(large) == f"{words}64 x 64 of uint16"
    assert entrance.refusal(other) == f"{words}16 x 12 of int16"
    assert entrance.refusal(frame()) is None


def test_a_stack_far_from_all_others_is_left_out_and_the_next_ones_are_not():
    entrance = Entrance((3, 3))
    for time in range(300):
        assert entrance.admit(stack(time=time)).index.time == time
    refusal = entrance.admit(stack(time=300, position=4000))
    assert refusal == (
        "expected stacks that fill a recording, found one at position 4000, time 300, channel 0, "
        "z 0, with which 301 stack(s) would need 4001 x 301 x 1 x 1 places: number positions, "
        "channels and z from 0 without gaps"
    )
    assert entrance.admit(stack(time=300)).index.time == 300


def test_every_stack_brings_room_for_so_many_places_itself_included(monkeypatch):
    monkeypatch.setattr(module, "SPARSE_PLACES", 1)
    monkeypatch.setattr(module, "SPARSE", 4)
    entrance = Entrance((3, 3))
    assert isinstance(entrance.admit(stack(position=4)), str)
    assert isinstance(entrance.admit(stack(position=3)), RawStack)
    assert isinstance(entrance.admit(stack(position=8)), str)
    assert isinstance(entrance.admit(stack(position=7)), RawStack)


@pytest.mark.parametrize("order", ["time last", "time first"])
def test_stacks_without_gaps_are_let_in_however_many(order, monkeypatch):
    monkeypatch.setattr(module, "SPARSE_PLACES", 2 * SPARSE)
    entrance = Entrance((3, 3))
    places = [(p, t, z) for p in range(7) for t in range(30) for z in range(5)]
    if order == "time first":
        places.sort(key=lambda place: (place[1], place[2], place[0]))
    tiny = np.zeros((1, 1, 8, 8), np.uint8)
    for position, time, z in places:
        admitted = entrance.admit(RawStack("s", StackIndex(position, time, 0, z), tiny))
        assert admitted.index == StackIndex(position, time, 0, z)


def test_a_label_goes_with_its_stack():
    entrance = Entrance((3, 3))
    first, again = (entrance.admit(stack(time=10**12, channel=channel)) for channel in range(2))
    assert [(one.index.time, one.label) for one in (first, again)] == [(0, 10**12)] * 2
    assert entrance.row(10**12 + 5) == 1
    assert Entrance((3, 3)).admit(stack(time=7)).label is None
