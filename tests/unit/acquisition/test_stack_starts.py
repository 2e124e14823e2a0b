"""Live images that begin anywhere: where their raw stacks begin, given or found."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
import torch

from livesim.commands.live_mode import start_finder
from livesim.config.settings import PatternSettings
from livesim.reconstruction.doctor.start import find_start
from livesim.values.errors import DataError
from livesim.values.finding import Fault
from livesim_acquisition.live_mode.images import LiveImage
from livesim_acquisition.live_mode.stack_starts import MOST_PIXELS, StackStarts
from tests.support.faults import FAULTS, SETTINGS, Light, expected_angles, sequence

WAIT_S = 60.0
PATTERN = PatternSettings()
LIGHT = Light(100.0, 128)


def image(number, sequence=0, size=4):
    return LiveImage(number, np.full((size, size), number, np.uint16), {}, sequence)


def places(placed):
    return [(one.image.number, one.axes["time"], one.axes["sim"]) for one in placed]


@pytest.mark.parametrize(
    ("first", "begins", "expected"),
    [
        (0, 0, (0, 0, 0)),
        (0, 40, (45, 0, 0)),
        (4, 40, (40, 0, 0)),
        (50, 40, (50, 0, 0)),
        (3, 5, (12, 0, 0)),
    ],
)
def test_a_known_start_gives_whole_stacks_from_the_next_one_on(first, begins, expected):
    starts = StackStarts(PATTERN, first)
    placed = places(starts.place(image(number) for number in range(begins, begins + 40)))
    assert placed[0] == expected
    assert placed[9] == (expected[0] + 9, 1, 0)
    assert starts.before == expected[0] - begins
    assert len(placed) + starts.before == 40


def test_a_gap_costs_its_own_stack_alone():
    starts = StackStarts(PATTERN, 0)
    placed = places(starts.place(image(number) for number in (0, 1, 5, 6, 31)))
    assert placed == [(0, 0, 0), (1, 0, 1), (5, 0, 5), (6, 0, 6), (31, 3, 4)]


def test_the_next_sequence_continues_the_time():
    starts = StackStarts(PATTERN, 0)
    first = starts.place(image(number) for number in range(12))
    second = starts.place(image(number, 1) for number in range(12))
    assert places(first)[-1] == (11, 1, 2)
    assert places(second)[0] == (0, 2, 0)


class Finder:
    """Finds the place that each answer says, when it is let."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []
        self.let = threading.Event()

    def __call__(self, images):
        assert self.let.wait(WAIT_S)
        self.asked.append([int(one[0, 0]) for one in images])
        answer = self.answers.pop(0)
        if isinstance(answer, str):
            raise DataError(answer)
        return answer


def feed(starts, numbers, until):
    """Feed images, and go on feeding until something holds; return what was placed."""
    placed, deadline = [], time.monotonic() + WAIT_S
    for number in numbers:
        placed += starts.place([image(number)])
        if until():
            return placed, number
        if number > 40:
            time.sleep(0.001)
        assert time.monotonic() < deadline
    raise AssertionError("expected an end")


def test_images_go_on_coming_while_the_start_is_found():
    finder = Finder(2)  # image 7 is frame 2: stacks begin with 5, 14, 23, ...
    starts = StackStarts(PATTERN, finder)
    assert starts.place(image(number) for number in range(7, 90)) == []
    assert not starts.known
    finder.let.set()
    placed, last = feed(starts, range(90, 10_000), lambda: starts.known)
    assert finder.asked == [list(range(7, 34))]
    placed += starts.place(image(number) for number in range(last + 1, last + 20))
    first = placed[0].image.number
    assert first % 9 == 5
    assert places(placed)[0][1:] == (0, 0)
    assert starts.before == first - 7


def test_a_refusal_is_told_and_more_images_are_taken():
    finder = Finder("nothing to be seen", 0)
    finder.let.set()
    starts = StackStarts(PATTERN, finder)
    _, last = feed(starts, range(10_000), lambda: starts.fault)
    assert starts.fault == "nothing to be seen"
    feed(starts, range(last + 1, 10_000), lambda: starts.known)
    assert starts.fault is None
    assert [len(asked) for asked in finder.asked] == [27, 54]


def test_only_consecutive_images_are_used_and_their_middle():
    finder = Finder(0)
    starts = StackStarts(PATTERN, finder)
    starts.place(image(number) for number in range(20))
    big = [image(number, size=MOST_PIXELS + 100) for number in range(30, 57)]
    shapes = []
    finder.let.set()
    original = finder.__call__

    def watched(images):
        shapes.extend({one.shape for one in images})
        return original(images)

    starts._search._find = watched
    starts.place(big)
    feed(starts, range(57, 10_000), lambda: starts.known)
    assert finder.asked == [list(range(30, 57))]
    assert shapes == [(MOST_PIXELS, MOST_PIXELS)]


@pytest.mark.parametrize(("peak", "first"), [(1000.0, 1), (100.0, 0), (20.0, 2), (20.0, 1)])
def test_the_start_is_found_in_the_frames(peak, first):
    frames = sequence(40 + first, Light(peak, 128), 4, shift_px=1.0)[first : first + 27]
    start = find_start(frames, SETTINGS)
    assert start.is_sure
    assert start.place % 3 == first


@pytest.mark.parametrize("first", [0, 4, 8])
def test_where_angles_are_named_the_first_angle_is_found_too(first):
    frames = sequence(50, LIGHT, 4)[first : first + 27]
    assert find_start(frames, expected_angles(50, LIGHT)).place == first


def test_an_axis_order_whose_starts_are_all_alike_needs_none():
    settings = SETTINGS.model_copy(update={"pattern": PatternSettings(order=("angle", "phase"))})
    frames = sequence(51, LIGHT, 4).unflatten(0, (4, 3, 3)).transpose(1, 2).flatten(0, 2)
    start = find_start(frames[5:32], settings)
    assert (start.is_sure, start.place) == (True, 0)


@pytest.mark.parametrize(
    ("fault", "found"), [("no modulation", None), ("lost frame", Fault.LOST_FRAME)]
)
def test_what_does_not_tell_is_refused(fault, found):
    for seed in range(60, 62):
        case = FAULTS[fault](seed, LIGHT)
        start = find_start(case.frames, case.settings)
        assert not start.is_sure
        if found is not None:
            assert start.fault is found


def test_a_refusal_says_why():
    noise = torch.randn(27, 64, 64, generator=torch.Generator().manual_seed(1)) * 10.0 + 200.0
    with pytest.raises(DataError, match=r"no start is sure, the likeliest to \d\d %"):
        start_finder(SETTINGS)(list(noise.numpy()))
