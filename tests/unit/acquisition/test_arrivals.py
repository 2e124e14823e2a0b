"""Frames that are lost, come twice or late: the order in which they arrive."""

from __future__ import annotations

from itertools import islice, pairwise

import pytest

from livesim.config.simulation import Sequence
from livesim_acquisition.microscope.arrivals import arrivals, recorded_order


@pytest.mark.parametrize(
    ("faults", "arriving"),
    [
        ({}, [0, 1, 2, 3, 4, 5, 6, 7]),
        ({"dropped_frames": [2, 7]}, [0, 1, 3, 4, 5, 6]),
        ({"repeated_frames": [2]}, [0, 1, 2, 2, 3, 4, 5, 6, 7]),
        ({"late_frames": [2], "late_by": 3}, [0, 1, 3, 4, 5, 2, 6, 7]),
        ({"late_frames": [2, 3], "late_by": 1}, [0, 1, 2, 4, 3, 5, 6, 7]),
        ({"late_frames": [6], "late_by": 9}, [0, 1, 2, 3, 4, 5, 7, 6]),
        ({"dropped_frames": [1], "late_frames": [1]}, [0, 2, 3, 4, 5, 6, 7]),
    ],
)
def test_frames_arrive_as_the_faults_say(faults, arriving):
    assert list(arrivals(Sequence(**faults), 0, 8)) == arriving


def test_a_file_is_full_though_frames_are_lost():
    assert recorded_order(Sequence(dropped_frames=(1, 4)), 0, 6) == [0, 2, 3, 5, 6, 7]
    assert recorded_order(Sequence(repeated_frames=(1,)), 0, 6) == [0, 1, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("fault", "count"),
    [
        ("dropped", lambda seen: 10_000 - len(set(seen))),
        ("repeated", lambda seen: len(seen) - len(set(seen))),
        ("late", lambda seen: sum(b < a for a, b in pairwise(seen))),
    ],
)
def test_a_share_of_the_frames_is_faulty_and_the_seed_decides_which(fault, count):
    seen, again, other = (
        list(arrivals(Sequence(**{fault: 0.05}), seed, 10_000)) for seed in (1, 1, 2)
    )
    assert seen == again != other
    assert count(seen) == pytest.approx(500, abs=75)


def test_the_stream_goes_on_without_end():
    assert list(islice(arrivals(Sequence(), 0), 3)) == [0, 1, 2]
