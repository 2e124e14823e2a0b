"""Files whose frames fit and files whose frames do not, read as a plain sequence."""

from contextlib import closing

import numpy as np
import pytest
import tifffile

from livesim.config.settings import PatternSettings
from livesim.io.read.frame_sequence import open_frames
from livesim.io.read.open import open_recording
from livesim.values.errors import DataError


def numbered(*sizes):
    """Return frames whose pixels are the frame's number in the file."""
    count = int(np.prod(sizes))
    frames = np.arange(count, dtype=np.uint16)[:, None, None] + np.zeros((1, 8, 10), np.uint16)
    return frames.reshape(*sizes, 8, 10)


def write(folder, frames, **more):
    path = folder / "raw.tif"
    tifffile.imwrite(path, frames, photometric="minisblack", **more)
    return path


def read(path, **settings):
    sequence = open_frames(path, PatternSettings(**settings))
    with closing(sequence.file):
        return sequence, sequence.read(0, len(sequence))[:, 0, 0].tolist()


def test_frames_that_fit_come_in_order(tmp_path):
    sequence, numbers = read(write(tmp_path, numbered(18)))
    assert numbers == list(range(18))
    assert sequence.misfit is None
    assert sequence.pattern.order == ("phase", "angle")


def test_frames_that_do_not_fit_come_all_the_same(tmp_path):
    sequence, numbers = read(write(tmp_path, numbered(26)))
    assert numbers == list(range(26))
    assert "expected a multiple of 9 frames" in sequence.misfit
    assert "found 26 frames" in sequence.misfit


def test_a_part_is_read(tmp_path):
    sequence = open_frames(write(tmp_path, numbered(18)), PatternSettings())
    with closing(sequence.file):
        assert sequence.read(16, 9)[:, 0, 0].tolist() == [16, 17]


def test_angle_first_is_read_as_acquired(tmp_path):
    sequence, numbers = read(write(tmp_path, numbered(18)), order=("angle", "phase", "time"))
    assert numbers == list(range(18))
    assert sequence.pattern.order == ("angle", "phase", "time")


def test_unnamed_angle_and_phase_beat_the_order(tmp_path):
    sequence, numbers = read(write(tmp_path, numbered(3, 5)), order=("angle", "phase"), phases=5)
    assert numbers == list(range(15))
    assert sequence.pattern.order == ("phase", "angle")


def test_only_the_first_channel_is_read(tmp_path):
    path = write(tmp_path, numbered(18, 2), imagej=True, metadata={"axes": "TCYX"})
    assert read(path)[1] == list(range(0, 36, 2))
    assert read(write(tmp_path, numbered(17, 2), imagej=True, metadata={"axes": "TCYX"}))[
        1
    ] == list(range(0, 34, 2))


def test_no_camera_counts_are_refused(tmp_path):
    path = write(tmp_path, numbered(9).astype(np.int32))
    with pytest.raises(DataError, match="expected camera counts"):
        open_frames(path, PatternSettings())


@pytest.mark.parametrize("order", [("phase", "angle"), ("angle", "phase")])
@pytest.mark.parametrize("first", [0, 1, 4, 8])
def test_a_first_frame_puts_every_frame_of_a_stack_into_its_place(tmp_path, order, first):
    sequence = np.roll(np.arange(9, dtype=np.uint16), -first)  # what the instrument showed
    frames = np.tile(sequence, 2)[:, None, None] + np.zeros((1, 8, 10), np.uint16)
    settings = PatternSettings(order=order, first_frame=first)
    with open_recording(write(tmp_path, frames), settings) as recording:
        stacks = [recording.stack(index).pixels[..., 0, 0] for index in recording.indices]
    right = np.arange(9).reshape(3, 3)
    for stack in stacks:
        np.testing.assert_array_equal(stack, right if order[0] == "phase" else right.T)


def test_a_first_frame_leaves_a_file_that_names_its_axes_alone(tmp_path):
    path = tmp_path / "raw.ome.tif"
    tifffile.imwrite(path, numbered(3, 3), metadata={"axes": "APYX"}, ome=True)
    with open_recording(path, PatternSettings(first_frame=4)) as recording:
        (index,) = recording.indices
        assert recording.stack(index).pixels[..., 0, 0].tolist() == [
            [0, 1, 2],
            [3, 4, 5],
            [6, 7, 8],
        ]


def test_a_first_frame_outside_the_stack_is_refused():
    with pytest.raises(ValueError, match=r"expected first_frame below 9.* found 9"):
        PatternSettings(first_frame=9)


@pytest.mark.parametrize(
    ("order", "mixed"),
    [
        (("phase", "z", "angle"), True),
        (("z", "phase", "angle"), True),
        (("phase", "angle", "z"), False),
        (("phase", "angle", "time"), False),
    ],
)
def test_planes_within_raw_stacks_that_are_torn_are_told(order, mixed, tmp_path):
    raw = write(tmp_path, numbered(34))
    sequence, _ = read(raw, order=order, **({"sizes": {"z": 4}} if "z" in order else {}))
    assert sequence.misfit is not None
    assert sequence.mixed is mixed


def test_planes_that_the_file_names_are_told_where_stacks_are_torn(tmp_path):
    torn = write(tmp_path, numbered(5, 4), imagej=True, metadata={"axes": "TZYX"})
    assert read(torn)[0].mixed
    whole = write(tmp_path, numbered(9, 4), imagej=True, metadata={"axes": "TZYX"})
    sequence, numbers = read(whole)
    assert not sequence.mixed
    assert numbers == list(range(0, 36, 4))
