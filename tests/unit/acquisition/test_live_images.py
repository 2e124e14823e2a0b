"""Looking at a growing buffer: every image once and in order, whatever arrives meanwhile."""

from __future__ import annotations

import numpy as np
import pytest

from livesim.values.errors import DataError
from livesim_acquisition.live_mode.images import BufferedImage, LiveImages


class Buffer:
    """A camera's buffer of `depth` images into which `arrivals` come at every look."""

    def __init__(self, depth, arrivals=lambda: 0):
        self.depth, self.arrivals, self.taken = depth, arrivals, 0

    def peek(self, before):
        number = self.taken - 1 - before
        held = number >= 0 and before < self.depth
        self.taken += self.arrivals()
        return (
            BufferedImage({"ImageNumber": str(number)}, lambda: np.zeros((2, 2))) if held else None
        )


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
    assert [(image.number, image.sequence) for image in images.new()] == [(0, 1), (1, 1), (2, 1)]
    assert images.missed == 0


def test_a_live_mode_that_has_long_been_on_is_followed_from_now_on():
    buffer = Buffer(100)
    buffer.taken = 57
    images = LiveImages(buffer.peek, None)
    assert [image.number for image in images.new()] == [56]
    buffer.taken = 60
    assert [image.number for image in images.new()] == [57, 58, 59]
    assert images.missed == 0


def test_images_before_the_first_are_left_alone():
    buffer = Buffer(100)
    images, seen = LiveImages(buffer.peek, 20), []
    for buffer.taken in (7, 13, 24, 26):
        seen += [image.number for image in images.new()]
    assert seen == [20, 21, 22, 23, 24, 25]
    assert images.missed == 0


def test_pixels_of_new_images_only_are_fetched():
    fetched = []

    def peek(before):
        number = 30 - before
        return BufferedImage({"ImageNumber": number}, lambda: fetched.append(number))

    LiveImages(peek, 28).new()
    assert fetched == [28, 29, 30]


def test_a_camera_that_does_not_count_is_told_of():
    with pytest.raises(DataError, match="expected ImageNumber in the metadata"):
        LiveImages(lambda before: BufferedImage({}, lambda: None)).new()
