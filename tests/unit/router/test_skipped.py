"""Raw stacks that were skipped are named as ranges."""

from __future__ import annotations

import pytest

from livesim.router.skipped import Skipped
from livesim.values.frames import StackIndex


@pytest.mark.parametrize(
    ("times", "words"),
    [
        ([], ""),
        ([3], "channel 1: time 3"),
        ([3, 4, 5], "channel 1: times 3 to 5"),
        ([3, 3, 4], "channel 1: times 3 to 4"),
        ([3, 5, 6, 9], "channel 1: times 3, 5 to 6, 9"),
        ([0, 7, 2], "channel 1: times 0, 7, 2"),
        (
            range(0, 40, 2),
            "channel 1: times 0, 2, 4, 6, 8, 10, 12, 14 and later ones",
        ),
    ],
)
def test_ranges_of_one_channel(times, words):
    skipped = Skipped()
    for at in times:
        skipped.add(StackIndex(time=at, channel=1))
    assert (skipped.words, skipped.count) == (words, len(times))


def test_every_channel_is_named():
    skipped = Skipped()
    for at in (3, 4):
        for channel in (1, 3):
            skipped.add(StackIndex(time=at, channel=channel))
    assert skipped.words == "channel 1: times 3 to 4; channel 3: times 3 to 4"
