"""Times of any kind -> rows of a recording."""

from __future__ import annotations

import pytest

from livesim.engine.time_rows import JUMP, REMEMBERED, TimeRows

SECONDS = 1_764_393_630


def rows(*times):
    known = TimeRows()
    return [known.take(time) for time in times], known.labelled


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([0, 1, 2], [0, 1, 2]),
        ([0, 3, 1, 2, 3], [0, 3, 1, 2, 3]),
        ([0, JUMP, 2 * JUMP], [0, JUMP, 2 * JUMP]),
    ],
)
def test_times_that_count_stay_and_leave_gaps(times, expected):
    assert rows(*times) == (expected, False)


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([SECONDS, SECONDS + 5, SECONDS, SECONDS + 10], [0, 1, 0, 2]),
        ([1000 * SECONDS, 1000 * SECONDS + 137], [0, 1]),
        ([2**63 - 1, 0, 1], [0, 1, 2]),
        ([0, 5000, 10_000, 5000], [0, 1, 2, 1]),
        ([0, 1, SECONDS, 1, 0, 7], [0, 1, 2, 1, 0, 3]),
    ],
)
def test_labels_get_the_next_row(times, expected):
    assert rows(*times) == (expected, True)


def test_a_time_that_was_only_asked_for_takes_no_row():
    known = TimeRows()
    assert [known.find(SECONDS), known.find(3), known.take(4), known.take(5)] == [0, 3, 4, 5]
    assert not known.labelled


def test_labels_do_not_add_up_in_memory():
    known = TimeRows()
    for number in range(3 * REMEMBERED):
        assert known.take(SECONDS + 7 * number) == number
    assert len(known._rows) == REMEMBERED
