"""What the soak counts as right, wrong, missing and lost, on recordings that are known."""

from __future__ import annotations

import numpy as np
import pytest

from bench.soak.check import Acknowledged, Checked, check
from bench.soak.frames import (
    KINDS,
    KnownFrames,
    axes_of,
    complete_stacks,
    journal,
    kind_of,
    label_of,
    time_of,
)
from bench.soak.report import Outcome, memory_slope, recorded
from bench.soak.watch import Life
from livesim.config.settings import Settings
from livesim.io.logs import append_time_label
from livesim.io.recipe import Recipe
from livesim.io.recording_files import TIME_LABELS_NAME
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
    np.arange(45, dtype=np.int32).tofile(journal(tmp_path, "b"))

    def checked(stacks, told, *, close=True, stream="a", labels=()):
        folder = tmp_path / "stream-001"
        folder.mkdir()
        layout = RawLayout(3, 3, 8, 6, pixel_nm=80.0)
        kept = next(iter(stacks.values())).dtype if stacks else None
        recorder = RawRecorder(folder / "raw.zarr", layout, Recipe(settings=SETTINGS), kept)
        for time, pixels in stacks.items():
            recorder.write(RawStack(stream, StackIndex(time=time), pixels))
        for row, label in labels:
            stack = RawStack(stream, StackIndex(time=row), stacks[row], label=label)
            append_time_label(folder / TIME_LABELS_NAME, stack)
        if close:
            recorder.close()
        np.arange(45, dtype=np.int32).tofile(journal(tmp_path, stream))
        found = check(folder, ["b", stream], {stream: told}, tmp_path, tmp_path / "light.npy")
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


def test_stacks_whose_times_are_those_of_a_clock_are_found_by_their_labels(soak):
    stream, sent = "soak-seconds-1-1", (0, 1, 3)
    rows = {row: FRAMES.stack(stream, time) for row, time in enumerate(sent)}
    labels = [(row, label_of(stream, time)) for row, time in enumerate(sent)]
    found = soak(rows, Acknowledged(45, 2), stream=stream, labels=labels)
    assert (found.right, found.wrong, found.acknowledged_missing) == (3, 0, 0)


def test_a_stack_under_the_label_of_another_one_is_wrong(soak):
    stream = "soak-milliseconds-1-1"
    rows = {row: FRAMES.stack(stream, row) for row in (0, 1)}
    labels = [(row, label_of(stream, row + (row == 1))) for row in (0, 1)]
    found = soak(rows, Acknowledged(45, 1), stream=stream, labels=labels)
    assert (found.right, found.wrong) == (1, 1)


def test_floats_are_recorded_as_floats(soak):
    stream = "soak-floats-1-1"
    found = soak({0: FRAMES.stack(stream, 0)}, Acknowledged(45, 1), stream=stream)
    assert (found.right, found.wrong) == (1, 0)
    assert FRAMES.stack(stream, 0).dtype == np.float32


@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_knows_what_it_calls_its_times(kind):
    stream = f"soak-{kind}-9-1"
    assert kind_of(stream) == kind
    times = [axes_of(stream, 9 * time).time for time in range(4)]
    assert [time_of(stream, label) for label in times] == [0, 1, 2, 3]
    assert (times[0] > 1e9) == (kind in ("seconds", "milliseconds"))
    assert time_of(stream, times[0] - 1) is None


def test_odd_frames_belong_to_no_stack_and_have_one_odd_pixel():
    assert complete_stacks([one for n in range(9) for one in (-1 - n, n)]) == [0]
    for number in range(4):
        whole, odd = FRAMES.frame("a", number), FRAMES.odd("a", number)
        assert np.sum(whole != odd) == 1
        assert not np.all(np.abs(odd) <= 1e9)


def test_what_a_full_disk_and_a_removed_folder_may_cost_is_told_from_what_they_may_not():
    full = Checked("full", True, 90, 90, 3, 3, 0, 0, 7, 0)
    other = Checked("other", True, 90, 90, 3, 3, 0, 0, 7, 0)
    row = recorded([full, other], Outcome(own_disk=True, unrecorded={"full"}))
    assert (row["closed, missing"], row["disk full"]) == (63, 1)
    late = Outcome(own_disk=True, still_acknowledged=[0, 2])
    row = recorded([other], late)
    assert (row["folders removed"], row["acknowledged later"]) == (2, 18)


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
