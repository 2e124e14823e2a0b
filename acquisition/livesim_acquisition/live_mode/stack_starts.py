"""Find where raw stacks begin in live mode, and stream whole stacks from there on.

Live mode is switched on at any moment, so its first image may show any frame of the pattern. Either
the camera's number of a first frame is known, because the trigger started the pattern with it, or
a `FindStart` finds it from the fringes of some consecutive images.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from threading import Event
from typing import Protocol

from livesim.config.settings import PatternSettings
from livesim.io.read.axes import SIM
from livesim.io.read.metadata import micromanager_metadata
from livesim.values.errors import DataError
from livesim.values.frames import Pixels
from livesim_acquisition.hook.background_sender import BackgroundSender
from livesim_acquisition.hook.image_queue import CameraImage
from livesim_acquisition.live_mode.images import LiveImage, LiveImages

POLL_S = 0.01
STACKS = (3, 6)
"""Raw stacks' worth of images to find the start from; more where fewer are not enough."""
MOST_PIXELS = 512
"""Rows and columns that are kept of an image for that, in the middle."""


class FindStart(Protocol):
    """Finds from consecutive images which frame of the pattern the first one shows."""

    def __call__(self, images: list[Pixels]) -> int:
        """Return its place in the sequence, from 0.

        Raises
        ------
        DataError
            If the images do not show it clearly enough.
        """


@dataclass(frozen=True, slots=True, eq=False)
class PlacedImage:
    """A live image and where it belongs."""

    image: LiveImage
    axes: Mapping[str, int]
    """`time`, and `sim` for the frame in its raw stack."""


class StackStarts:
    """Places the images of live mode; each new sequence of the camera continues the time.

    Parameters
    ----------
    pattern
        How many frames a raw stack has.
    first
        The camera's number of the first frame of any raw stack, the same in every sequence; or a
        function that finds the start.
    """

    def __init__(self, pattern: PatternSettings, first: int | FindStart) -> None:
        self._pattern, self._first = pattern, first
        self._sequence, self._times = 0, 0
        self._before = 0
        self._begin(0)

    @property
    def before(self) -> int:
        """Images that could not be placed, as they came before it was known where stacks begin."""
        return self._before

    @property
    def fault(self) -> str | None:
        """Why it is not known yet; None if it is, or nothing has been tried."""
        return None if self._search is None else self._search.fault

    @property
    def known(self) -> bool:
        """Whether it is known where stacks begin."""
        return self._origin is not None

    def place(self, images: Iterable[LiveImage]) -> list[PlacedImage]:
        """Return the images that have a place, with it."""
        placed = []
        for image in images:
            if image.sequence != self._sequence:
                self._begin(image.sequence)
            axes = self._axes(image)
            if axes is None:
                self._before += 1
            else:
                placed.append(PlacedImage(image, axes))
        return placed

    def _begin(self, sequence: int) -> None:
        """Start over with another sequence of the camera."""
        self._sequence, self._past = sequence, self._times
        self._search = None if isinstance(self._first, int) else _Search(self._pattern, self._first)
        self._origin: int | None = None

    def _axes(self, image: LiveImage) -> dict[str, int] | None:
        frames = self._pattern.stack_frames
        if self._origin is None:
            first = self._first if self._search is None else self._search.look(image)
            if not isinstance(first, int):
                return None
            self._origin = max(first, image.number + (first - image.number) % frames)
        if image.number < self._origin:
            return None
        time, number = divmod(image.number - self._origin, frames)
        self._times = self._past + time + 1
        return {"time": self._past + time, SIM: number}


class _Search:
    """Collects images until there are enough, and lets a thread of its own find the start."""

    def __init__(self, pattern: PatternSettings, find: FindStart) -> None:
        self._pattern, self._find = pattern, find
        self._tries = 0
        self._images: list[LiveImage] = []
        self._found: Future[int] | None = None
        self.fault: str | None = None

    def look(self, image: LiveImage) -> int | None:
        """Take one more image; return the number of a first frame once it is known."""
        if self._found is None:
            self._collect(image)
        elif self._found.done():
            return self._result(self._found)
        return None

    def _collect(self, image: LiveImage) -> None:
        if self._images and image.number != self._images[-1].number + 1:
            self._images = []  # one was missed: what follows is out of step
        pixels = image.pixels[_middle(image.pixels.shape)].copy()
        self._images.append(replace(image, pixels=pixels))
        stacks = STACKS[min(self._tries, len(STACKS) - 1)]
        if len(self._images) == stacks * self._pattern.stack_frames:
            pool = ThreadPoolExecutor(1, thread_name_prefix="livesim start")
            self._found = pool.submit(self._find, [one.pixels for one in self._images])
            pool.shutdown(wait=False)

    def _result(self, found: Future[int]) -> int | None:
        try:
            place = found.result()
        except DataError as error:
            self.fault = str(error)
            self._tries, self._images, self._found = self._tries + 1, [], None
            return None
        self.fault = None
        return self._images[0].number - place + self._pattern.first_frame


def _middle(shape: tuple[int, ...]) -> tuple[slice, ...]:
    starts = [max(size - MOST_PIXELS, 0) // 2 for size in shape]
    return tuple(
        slice(start, start + min(size, MOST_PIXELS))
        for start, size in zip(starts, shape, strict=True)
    )


def stream_live_mode(
    images: LiveImages, starts: StackStarts, sender: BackgroundSender, stop: Event
) -> None:
    """Offer every image of live mode to an engine until `stop` is set.

    Raises
    ------
    DataError
        If the camera does not count its images, or can no longer be asked.
    """
    while not stop.wait(POLL_S):
        for placed in starts.place(images.new()):
            sender.offer(partial(_camera_image, placed), placed.image.pixels.nbytes)


def _camera_image(placed: PlacedImage) -> CameraImage:
    stated = micromanager_metadata({}, dict(placed.image.metadata))
    return CameraImage(placed.image.pixels, placed.axes, stated.exposure_ms or 0.0, stated.pixel_nm)
