"""What the soak counts as right, wrong, missing and lost, on recordings that are known."""

from __future__ import annotations

import numpy as np
import pytest

from bench.soak.check import Acknowledged, check
from bench.soak.frames import KnownFrames, complete_stacks, journal
from bench.soak.report import memory_slope
from bench.soak.watch import Life
from livesim.config.settings import Settings
from livesim.io.recipe import Recipe
from livesim.io.write.output_layout import RawLayout
from livesim.io.write.recorder import RawRecorder
from livesim.values.frames import RawStack, StackIndex

SETTINGS = Settings.model_validate({"optics": {"numerical_aperture": 1.4, "emission_nm": 525}})
LIGHT = np.random.default_rng(1).integers(100, 4000, (3, 3, 8, 6), np.uint16)
FRAMES = KnownFrames(LIGHT)


@pytest.fixture
def soak(tmp_path):
    """Record some stacks of stream "a", of which all frames were sent; return how to check it."""
    np.save(tmp_path / "light.npy", LIGHT)
    np.arange(45, dtype=np.int32).tofile(journal(tmp_path, "a"))
    np.arange(45, dtype=np.int32).tofile(journal(tmp_path, "b"))

    def checked(stacks, told, *, close=True):
        folder = tmp_path / "stream-001"
        folder.mkdir()
        layout = RawLayout(3, 3, 8, 6, pixel_nm=80.0)
        recorder = RawRecorder(folder / "raw.zarr", layout, Recipe(settings=SETTINGS))
        for time, pixels in stacks.items():
            recorder.write(RawStack("a", StackIndex(time=time), pixels))
        if close:
            recorder.close()
        found = check(folder, ["b", "a"], {"a": told}, tmp_path, tmp_path / "light.npy")
        assert list(folder.iterdir()) == []
        return found

    return checked


def stacks(*times):
    return {time: FRAMES.stack("a", time) for time in times}


def test_all_is_right(soak):
    found = soak(stacks(0, 1, 2, 3, 4), Acknowledged(45, 5))
    assert (found.stream, found.closed, found.sent_frames, found.right) == ("a", True, 45, 5)
    bad = (found.wrong, found.acknowledged_missing, found.received_missing, found.unasked)
    assert bad == (0, 0, 0, 0)


def test_what_is_missing_is_told_from_what_was_only_received(soak):
    found = soak(stacks(0, 2), Acknowledged(received=36, recorded=3), close=False)
    assert not found.closed
    assert (found.acknowledged_missing, found.received_missing) == (1, 2)


def test_one_wrong_row_is_seen(soak):
    spoilt = stacks(0, 1, 2)
    spoilt[1][2, 1, 5] = FRAMES.frame("a", 9 + 7 + 1)[5] + 1
    found = soak(spoilt, Acknowledged(27, 3))
    assert (found.right, found.wrong, found.acknowledged_missing) == (2, 1, 1)


def test_what_was_never_sent_is_seen(soak):
    assert soak(stacks(0, 5), Acknowledged(9, 1)).unasked == 1


def test_a_recording_without_stacks_is_nobodys(soak):
    assert soak({}, Acknowledged()) is None


def test_frames_of_different_places_differ():
    seen = {FRAMES.frame(stream, number).tobytes() for stream in "ab" for number in range(500)}
    assert len(seen) == 1000


def test_stacks_are_complete_in_the_order_of_their_last_frames():
    sent = [*range(8), *range(9, 18), 8, 8, *range(18, 26)]
    assert complete_stacks(sent) == [1, 0]


def test_the_slope_of_memory_is_found_whatever_the_level_of_each_life():
    noise = np.random.default_rng(0)
    lives = [
        Life(0, memory=[(t, level + 36.0 * t / 3600.0 + noise.normal()) for t in range(600)])
        for level in (300.0, 500.0)
    ]
    row = memory_slope(lives)
    assert abs(row["MB/hour"] - 36.0) < 4.0 * row["± (68 %)"]
    assert row["± (68 %)"] < 3.0
