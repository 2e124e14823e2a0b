"""A file's axes and `[pattern] order` against the places where known frames must end up."""

from pathlib import Path

import numpy as np
import pytest

from livesim.config.settings import PatternSettings
from livesim.io.read.layout import arrange
from livesim.io.read.planes import NO_PLANE, PlaneGrid, consecutive
from livesim.values.errors import DataError

SOURCE = Path("raw.tif")


def settings(order=("phase", "angle"), angles=3, phases=3, **more):
    return PatternSettings(order=order, angles=angles, phases=phases, **more)


# names and sizes as in the file (slowest first), settings,
# then [position, time, channel, z, angle, phase] and where plane number 1 and the last belong.
CASES = {
    "nine pages": (
        ("",), (9,), settings(),
        (1, 1, 1, 1, 3, 3), (0, 0, 0, 0, 0, 1),
    ),
    "angle fastest": (
        ("",), (9,), settings(("angle", "phase")),
        (1, 1, 1, 1, 3, 3), (0, 0, 0, 0, 1, 0),
    ),
    "left-over frames are time": (
        ("",), (27,), settings(),
        (1, 3, 1, 1, 3, 3), (0, 0, 0, 0, 0, 1),
    ),
    "time named": (
        ("",), (27,), settings(("phase", "angle", "time")),
        (1, 3, 1, 1, 3, 3), (0, 0, 0, 0, 0, 1),
    ),
    "time fastest": (
        ("",), (18,), settings(("time", "phase", "angle")),
        (1, 2, 1, 1, 3, 3), (0, 1, 0, 0, 0, 0),
    ),
    "OMX: phase, z, angle in z": (
        ("channel", "time", "z"), (1, 1, 135), settings(("phase", "z", "angle"), phases=5),
        (1, 1, 1, 9, 3, 5), (0, 0, 0, 0, 0, 1),
    ),
    "OMX, one plane": (
        ("channel", "time", "z"), (1, 1, 15), settings(("phase", "z", "angle"), phases=5),
        (1, 1, 1, 1, 3, 5), (0, 0, 0, 0, 0, 1),
    ),
    "OMX, two colours, four times": (
        ("channel", "time", "z"), (2, 4, 45), settings(("phase", "z", "angle"), phases=5),
        (1, 4, 2, 3, 3, 5), (0, 0, 0, 0, 0, 1),
    ),
    "frames in the z of ImageJ": (
        ("time", "z"), (4, 9), settings(),
        (1, 4, 1, 1, 3, 3), (0, 0, 0, 0, 0, 1),
    ),
    "a number of times that could be frames by chance": (
        ("time", "z"), (18, 9), settings(),
        (1, 18, 1, 1, 3, 3), (0, 0, 0, 0, 0, 1),
    ),
    "frames in the time of ImageJ": (
        ("time", "z"), (18, 5), settings(),
        (1, 2, 1, 5, 3, 3), (0, 0, 0, 1, 0, 0),
    ),
    "frames in the channel of ImageJ": (
        ("time", "z", "channel"), (4, 2, 9), settings(),
        (1, 4, 1, 2, 3, 3), (0, 0, 0, 0, 0, 1),
    ),
    "frames in time, two channels": (
        ("time", "channel"), (9, 2), settings(),
        (1, 1, 2, 1, 3, 3), (0, 0, 1, 0, 0, 0),
    ),
    "z and frames in z, beside time": (
        ("time", "z"), (4, 18), settings(),
        (1, 4, 1, 2, 3, 3), (0, 0, 0, 0, 0, 1),
    ),
    "nine planes that are z, for the order says z is fastest": (
        ("time", "z"), (18, 9), settings(("z", "phase", "angle")),
        (1, 2, 1, 9, 3, 3), (0, 0, 0, 1, 0, 0),
    ),
    "angle in time, phase in z, of different sizes": (
        ("time", "z"), (3, 5), settings(phases=5),
        (1, 1, 1, 1, 3, 5), (0, 0, 0, 0, 0, 1),
    ),
    "phase in channel, angle in z, of different sizes": (
        ("time", "channel", "z"), (2, 5, 3), settings(phases=5),
        (1, 2, 1, 1, 3, 5), (0, 0, 0, 0, 1, 0),
    ),
    "phases as channels and angles as z, said in the settings": (
        ("time", "channel", "z"), (2, 3, 3), settings(axes={"channel": "phase", "z": "angle"}),
        (1, 2, 1, 1, 3, 3), (0, 0, 0, 0, 1, 0),
    ),
    "phases as channels, angles as time, z outside": (
        ("z", "time", "channel"), (4, 3, 3), settings(axes={"channel": "phase", "time": "angle"}),
        (1, 1, 1, 4, 3, 3), (0, 0, 0, 0, 0, 1),
    ),
    "phases as z and angles as channels": (
        ("time", "channel", "z"), (2, 3, 3), settings(axes={"channel": "angle", "z": "phase"}),
        (1, 2, 1, 1, 3, 3), (0, 0, 0, 0, 0, 1),
    ),
    "two axes that may hold the frames, one said": (
        ("time", "z"), (18, 9), settings(axes={"time": "frames"}),
        (1, 2, 1, 9, 3, 3), (0, 0, 0, 1, 0, 0),
    ),
    "a file that names angle and phase is not asked": (
        ("time", "z", "angle", "phase"), (2, 4, 3, 3), settings(axes={"z": "angle", "axis 0": "z"}),
        (1, 2, 1, 4, 3, 3), (0, 0, 0, 0, 0, 1),
    ),
    "an axis of its own beside angle and phase, said": (
        ("repetition", "angle", "phase"), (4, 3, 3), settings(axes={"repetition": "time"}),
        (1, 4, 1, 1, 3, 3), (0, 0, 0, 0, 0, 1),
    ),
    "frames along two axes, said": (
        ("time", "z"), (6, 3), settings(axes={"time": "frames", "z": "frames"}),
        (1, 2, 1, 1, 3, 3), (0, 0, 0, 0, 0, 1),
    ),
    "unnamed frames in front, said": (
        ("", ""), (9, 4), settings(axes={"axis 0": "frames"}),
        (1, 4, 1, 1, 3, 3), (0, 1, 0, 0, 0, 0),
    ),
    "unnamed, the last holds two raw stacks": (
        ("", ""), (2, 18), settings(),
        (1, 4, 1, 1, 3, 3), (0, 0, 0, 0, 0, 1),
    ),
    "unnamed [phase, angle]": (
        ("", "", ""), (2, 5, 3), settings(phases=5),
        (1, 2, 1, 1, 3, 5), (0, 0, 0, 0, 1, 0),
    ),
    "two colours after each raw stack, in a sequence": (
        ("",), (36,), settings(("phase", "angle", "channel"), sizes={"channel": 2}),
        (1, 2, 2, 1, 3, 3), (0, 0, 0, 0, 0, 1),
    ),
    "two colours frame by frame": (
        ("",), (36,), settings(("channel", "phase", "angle", "time"), sizes={"channel": 2}),
        (1, 2, 2, 1, 3, 3), (0, 0, 1, 0, 0, 0),
    ),
    "two colours and five planes": (
        ("",), (180,),
        settings(("phase", "angle", "z", "channel"), sizes={"channel": 2, "z": 5}),
        (1, 2, 2, 5, 3, 3), (0, 0, 0, 0, 0, 1),
    ),
    "named axes": (
        ("time", "angle", "phase"), (2, 3, 3), settings(),
        (1, 2, 1, 1, 3, 3), (0, 0, 0, 0, 0, 1),
    ),
    "named axes beat the order": (
        ("phase", "z", "angle", "time"), (3, 4, 3, 2), settings(),
        (1, 2, 1, 4, 3, 3), (0, 1, 0, 0, 0, 0),
    ),
    "one sim axis": (
        ("time", "sim"), (2, 9), settings(("angle", "phase")),
        (1, 2, 1, 1, 3, 3), (0, 0, 0, 0, 1, 0),
    ),
    "unnamed [t, angle, phase]": (
        ("", "", ""), (4, 3, 5), settings(phases=5),
        (1, 4, 1, 1, 3, 5), (0, 0, 0, 0, 0, 1),
    ),
    "unnamed [angle, phase] whatever the order of sequences": (
        ("", ""), (3, 5), settings(("angle", "phase"), phases=5),
        (1, 1, 1, 1, 3, 5), (0, 0, 0, 0, 0, 1),
    ),
    "unnamed [angle, phase, z]": (
        ("", "", ""), (3, 5, 7), settings(phases=5),
        (1, 1, 1, 7, 3, 5), (0, 0, 0, 1, 0, 0),
    ),
    "positions are never frames": (
        ("position", ""), (9, 9), settings(),
        (9, 1, 1, 1, 3, 3), (0, 0, 0, 0, 0, 1),
    ),
    "hexagonal": (
        ("",), (14,), PatternSettings(layout="hexagonal"),
        (1, 2, 1, 1, 1, 7), (0, 0, 0, 0, 0, 1),
    ),
    "hexagonal, named phase": (
        ("time", "phase"), (2, 7), PatternSettings(layout="hexagonal", order=("time",)),
        (1, 2, 1, 1, 1, 7), (0, 0, 0, 0, 0, 1),
    ),
    "one angle": (
        ("",), (3,), settings(angles=1),
        (1, 1, 1, 1, 1, 3), (0, 0, 0, 0, 0, 1),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_planes_land_where_the_order_says(case):
    names, sizes, pattern, shape, second = case
    numbers = arrange(consecutive(names, sizes), pattern, SOURCE)
    assert numbers.shape == shape
    assert numbers[second] == 1
    assert numbers[0, 0, 0, 0, 0, 0] == 0
    assert numbers[-1, -1, -1, -1, -1, -1] == numbers.size - 1
    assert sorted(numbers.ravel()) == list(range(numbers.size))


@pytest.mark.parametrize(
    ("names", "sizes", "pattern", "sentence"),
    [
        (("",), (10,), settings(), r"expected a multiple of 9 frames .*found 10 frames$"),
        (("time", "z"), (2, 5), settings(), r"multiple of 9 .*found 10 .*\(time 2 x z 5\)"),
        ((), (), settings(), r"expected a multiple of 9 frames .*found 1 frame$"),
        (("angle", "phase"), (3, 5), settings(), r"3 angles x 3 phases .*found 3 .* x 5 phases"),
        (("angle", "time"), (3, 3), settings(), r"3 angles x 3 phases .*found 3 .* x 1 phase in"),
        (
            ("time", "z"), (3, 3), settings(),
            r"expected one way to find 9 frames .* time 3 x z 3, found 2: say in \[pattern\] "
            r'axes = {time = "angle", z = "phase"} or axes = {z = "angle", time = "phase"}$',
        ),
        (("channel", "time", "z"), (3, 1, 3), settings(), r"found 2: .*channel = .*z = "),
        (("time", "channel", "z"), (9, 3, 3), settings(), r"found 3: .*frames.* or another$"),
        (("time", "z"), (18, 18), settings(), r"{time = \"frames\"} or axes = {z = \"frames\"}$"),
        (("", ""), (9, 4), settings(), r'{"axis 0" = "frames"} or .*"axis 1" = "frames"}$'),
        (("", ""), (9, 9), settings(phases=3), r"found 2"),
        (("time",), (9,), settings(axes={"z": "phase"}), r"the axis 'z' .* names, found time$"),
        (
            ("",), (27,), settings(("phase", "angle", "channel"), sizes={"channel": 2}),
            r"a multiple of 18 frames \(3 angles x 3 phases x channel 2\), found 27 frames$",
        ),
        (("",), (22,), settings(), r"expected a multiple of 9 .*found 22 frames$"),
        (("sim",), (7,), settings(), r"expected 9 frames .*along the axis 'sim', found 7"),
        (
            ("power", "angle", "phase"), (2, 3, 3), settings(),
            r'found power, angle, phase; .*{power = "time"}$',
        ),
        (
            ("time", "my axis", "phase"), (2, 3, 3), settings(),
            r'found time, my axis, phase; say .* as in axes = {"my axis" = "angle"}$',
        ),
        (("", "", "angle", "phase"), (2, 2, 3, 3), settings(), r"at most once, found time, time"),
        (
            ("",), (54,), settings(("phase", "angle", "z", "time")),
            r"expected at most one of \['z', 'time'\] .* found 6 raw stacks",
        ),
    ],
)  # fmt: skip
def test_axes_that_do_not_fit_the_settings(names, sizes, pattern, sentence):
    with pytest.raises(DataError, match=rf"^raw\.tif: .*{sentence}"):
        arrange(consecutive(names, sizes), pattern, SOURCE)


STOPPED = {
    "a sequence": ((("",), (22,)), settings(), 2, [4, 0]),
    "one raw stack, in a file that says that it was stopped": ((("",), (13,)), settings(), 1, [4]),
    "time, two channels": ((("time", "channel"), (22, 2)), settings(), 2, [4]),
    "the angle fastest": ((("",), (25,)), settings(("angle", "phase")), 2, [7]),
}


@pytest.mark.parametrize("case", STOPPED.values(), ids=STOPPED.keys())
def test_a_stop_in_mid_stack_costs_that_stack_only(case):
    (names, sizes), pattern, fewest, found = case
    numbers = arrange(consecutive(names, sizes), pattern, SOURCE, fewest_whole=fewest)
    assert sorted(numbers[numbers != NO_PLANE]) == list(range(np.prod(sizes)))
    present = (numbers != NO_PLANE).sum(axis=(4, 5))
    assert present[:, :-1].min(initial=9) == 9
    assert present[:, -1].max() == found[0]
    with pytest.raises(DataError, match="expected a multiple of 9 frames"):
        arrange(consecutive(names, sizes), pattern, SOURCE, fewest_whole=None)


@pytest.mark.parametrize(
    ("sizes", "pattern"),
    [
        ((13,), settings()),  # one raw stack and 4 frames: rather wrong settings than a stop
        ((130,), settings(("phase", "z", "angle"), phases=5)),  # the angle comes last
        ((22,), settings(("time", "phase", "angle"))),
        ((2, 22), settings()),
    ],
)
def test_what_need_not_be_a_stop_is_refused(sizes, pattern):
    with pytest.raises(DataError, match="expected a multiple of"):
        arrange(consecutive(("",) * len(sizes), sizes), pattern, SOURCE, fewest_whole=2)


@pytest.mark.parametrize(("first", "length", "begin"), [(1, 26, 1), (10, 17, 1), (4, 23, 4)])
def test_times_that_begin_late_keep_their_phase(first, length, begin):
    """The frame of time 0 is missing, and without it the others make no whole raw stacks."""
    grid = consecutive(("time",), (length,))
    grid = PlaneGrid(grid.names, grid.numbers, {"time": first})
    numbers = arrange(grid, settings(), SOURCE, fewest_whole=2)
    flat = numbers.reshape(-1)
    assert list(flat[:begin]) == [NO_PLANE] * begin
    assert list(flat[begin:]) == list(range(length))


def test_times_that_begin_anywhere_and_end_in_mid_stack_are_refused():
    grid = PlaneGrid(("time",), np.arange(24), {"time": 5})
    with pytest.raises(DataError, match="expected a multiple of 9 frames"):
        arrange(grid, settings(), SOURCE, fewest_whole=2)


def test_every_frame_of_a_sequence_keeps_its_place():
    pattern = settings(("phase", "z", "angle"), phases=5)
    numbers = arrange(consecutive(("time", "z"), (2, 135)), pattern, SOURCE)
    time, angle, z, phase = np.unravel_index(np.arange(270), (2, 3, 9, 5))
    assert np.array_equal(numbers[0, time, 0, z, angle, phase], np.arange(270))
