"""Axes of Micro-Manager's images, against the places that `livesim restore` gives them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from livesim.config.settings import PatternSettings
from livesim.io.read.layout import arrange
from livesim.io.read.planes import PlaneGrid
from livesim.values.errors import DataError
from livesim.values.frames import FrameAxes
from livesim_acquisition.hook.event_axes import EventAxes

HEXAGONAL = PatternSettings(layout="hexagonal")


@pytest.mark.parametrize(
    ("axes", "place"),
    [
        ({"angle": 2, "phase": 1, "time": 4}, FrameAxes(time=4, angle=2, phase=1)),
        ({"phase": 1, "z": 3, "angle": 0}, FrameAxes(z=3, phase=1)),
        ({"sim": 0}, FrameAxes()),
        ({"sim": 5, "time": 7}, FrameAxes(time=7, angle=1, phase=2)),
        ({"sim": np.int64(8), "position": 2}, FrameAxes(position=2, angle=2, phase=2)),
        ({"time": 9 * 4 + 5}, FrameAxes(time=4, angle=1, phase=2)),
        ({"time": 8, "z": 1}, FrameAxes(time=0, z=1, angle=2, phase=2)),
    ],
)
def test_where_an_image_belongs(axes, place):
    assert EventAxes(PatternSettings()).place(axes) == place


def test_names_are_numbered_as_they_come():
    axes = EventAxes(PatternSettings())
    channels = ["488", "561", "488", "640"]
    assert [axes.place({"sim": 0, "channel": one}).channel for one in channels] == [0, 1, 0, 2]
    assert axes.place({"sim": 0, "position": "561"}).position == 0


def test_seven_frames_need_no_angle():
    assert EventAxes(HEXAGONAL).place({"phase": 6}) == FrameAxes(phase=6)
    assert EventAxes(HEXAGONAL).place({"sim": 6}) == FrameAxes(phase=6)
    assert EventAxes(HEXAGONAL).place({"time": 15}) == FrameAxes(time=2, phase=1)


@pytest.mark.parametrize("order", [("phase", "angle"), ("angle", "phase"), ("angle", "phase", "z")])
@pytest.mark.parametrize("first", [0, 4])
@pytest.mark.parametrize("phases", [3, 5])
def test_counted_frames_are_placed_as_in_a_file(order, first, phases):
    pattern = PatternSettings(order=order, first_frame=first, phases=phases)
    count = pattern.stack_frames
    in_file = arrange(PlaneGrid(("sim",), np.arange(count)), pattern, Path("file"))
    for number in range(count):
        place = EventAxes(pattern).place({"sim": number})
        assert in_file[0, 0, 0, 0, place.angle, place.phase] == number


@pytest.mark.parametrize(
    ("axes", "words"),
    [
        ({"sim": 9}, "expected sim below 9, found 9"),
        ({"sim": -1}, "expected a number from 0 on along the axis sim, found -1"),
        ({"angle": 0, "time": 3}, "expected the axes angle and phase, found none called phase"),
        ({"phase": 0}, "found none called angle"),
        ({"angle": 0.5, "phase": 1}, "along the axis angle, found 0.5"),
        ({"angle": "0", "phase": 1}, "along the axis angle, found '0'"),
        ({"sim": 0, "z": -3}, "along the axis z, found -3"),
        ({"sim": 0, "row": 1, "column": 2}, "found column, row"),
        ({"z": 1}, "expected the axes angle and phase, or sim, or time, found z"),
        ({}, "found none"),
    ],
)
def test_what_has_no_place_is_said(axes, words):
    with pytest.raises(DataError, match=words):
        EventAxes(PatternSettings()).place(axes)
