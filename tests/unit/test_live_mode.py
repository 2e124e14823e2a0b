"""Looking at a growing buffer: every image once and in order, whatever arrives meanwhile."""

from __future__ import annotations

import numpy as np
import pytest

from livesim_acquisition.live_mode import LiveImage, LiveImages


class Buffer:
    """A camera's buffer of `depth` images into which `arrivals` come at every look."""

    def __init__(self, depth, arrivals=lambda: 0):
        self.depth, self.arrivals, self.taken = depth, arrivals, 0

    def peek(self, before):
        number = self.taken - 1 - before
        held = number >= 0 and before < self.depth
        self.taken += self.arrivals()
        return LiveImage(number, np.zeros((2, 2)), {}) if held else None


@pytest.mark.parametrize("seed", range(10))
def test_no_image_comes_twice_and_none_is_missed(seed):
    random = np.random.default_rng(seed)
    buffer = Buffer(10_000, lambda: int(random.random() < 0.3) * int(random.integers(1, 3)))
    images, seen = LiveImages(buffer.peek), []
    while len(seen) < 300:
        seen += [image.number for image in images.new()]
        buffer.taken += int(random.integers(0, 5))
    assert seen == list(range(len(seen)))
    assert images.missed == 0


def test_what_left_the_buffer_is_counted():
    buffer = Buffer(4)
    images = LiveImages(buffer.peek)
    assert images.new() == []
    for taken, new, missed in ((3, [0, 1, 2], 0), (12, [8, 9, 10, 11], 5), (12, [], 5)):
        buffer.taken = taken
        assert [image.number for image in images.new()] == new
        assert images.missed == missed


def test_another_sequence_begins_at_zero():
    buffer = Buffer(100)
    images = LiveImages(buffer.peek)
    buffer.taken = 7
    images.new()
    buffer.taken = 3
    assert [image.number for image in images.new()] == [0, 1, 2]
    assert images.missed == 0
