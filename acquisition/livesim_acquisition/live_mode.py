"""Micro-Manager's live mode in, every image of it once and in order out, without taking any away.

Live mode belongs to Micro-Manager's own window, so its images are looked at where they lie, in the
core's buffer, and stay there. The camera numbers the images of a sequence (`ImageNumber`): from the
newest one it is walked back to the last one seen, however many there are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from threading import Event
from typing import Any, NamedTuple

from livesim.config import PatternSettings
from livesim.frames import Pixels
from livesim.io.tiff_metadata import micromanager_metadata
from livesim_acquisition.background_sender import BackgroundSender
from livesim_acquisition.image_queue import CameraImage

NUMBER = "ImageNumber"
POLL_S = 0.01


class LiveImage(NamedTuple):
    """One image of live mode."""

    number: int
    """Counted by the camera from the beginning of its sequence."""
    pixels: Pixels
    metadata: Mapping[str, Any]


Peek = Callable[[int], LiveImage | None]
"""n -> the image n before the newest one; None where the buffer has none."""


class LiveImages:
    """What is new since the last look.

    Parameters
    ----------
    peek
        See `core_peek`.
    """

    def __init__(self, peek: Peek) -> None:
        self._peek = peek
        self._last = -1
        self._missed = 0

    @property
    def missed(self) -> int:
        """Images that had left the buffer before they were looked at."""
        return self._missed

    def new(self) -> list[LiveImage]:
        """Return the images since the last look, oldest first, none twice and none left out.

        An image that arrives during the walk pushes all others back by one: the walk then meets
        numbers again that it has seen, but never leaves one out, for it goes down by one at most.
        """
        newest = self._peek(0)
        if newest is not None and newest.number < self._last:
            self._last = -1  # another sequence has begun
        found: dict[int, LiveImage] = {}
        image, before = newest, 0
        while image is not None and image.number > self._last:
            found[image.number] = image
            before += 1
            image = self._peek(before)
        images = [found[number] for number in sorted(found)]
        if images:
            self._missed += images[-1].number - self._last - len(images)
            self._last = images[-1].number
        return images


def core_peek(core: Any) -> Peek:
    """Return how the images of a Python core (pymmcore) are looked at."""
    import pymmcore

    def peek(before: int) -> LiveImage | None:
        metadata = pymmcore.Metadata()
        try:
            pixels = core.get_n_before_last_image_md(before, metadata)
        except (IndexError, RuntimeError):  # the buffer holds no such image
            return None
        tags = {key: metadata.GetSingleTag(key).GetValue() for key in metadata.GetKeys()}
        return LiveImage(int(tags[NUMBER]), pixels, tags)

    return peek


def stream_live_mode(
    images: LiveImages,
    sender: BackgroundSender,
    pattern: PatternSettings,
    stop: Event,
    first_number: int = 0,
) -> None:
    """Offer every image of live mode to an engine until `stop` is set.

    Parameters
    ----------
    first_number
        `ImageNumber` of the first frame of a raw stack: where the trigger started the pattern.
    """
    while not stop.wait(POLL_S):
        for image in images.new():
            if image.number >= first_number:
                read = partial(_camera_image, image, pattern.stack_frames, first_number)
                sender.offer(read, image.pixels.nbytes)


def _camera_image(image: LiveImage, frames: int, first_number: int) -> CameraImage:
    time, number = divmod(image.number - first_number, frames)
    stated = micromanager_metadata({}, dict(image.metadata))
    axes = {"time": time, "sim": number}
    return CameraImage(image.pixels, axes, stated.exposure_ms or 0.0, stated.pixel_nm)
