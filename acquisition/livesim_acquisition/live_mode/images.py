"""Look at the images in a camera's buffer, each of them once and in order.

Live mode belongs to Micro-Manager's own window, so its images are looked at where they lie, in the
core's buffer, and stay there. The camera numbers the images of a sequence (`ImageNumber`): from the
newest one it is walked back to the last one seen, however many there are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from livesim.values.errors import DataError
from livesim.values.frames import Pixels

NUMBER = "ImageNumber"


@dataclass(frozen=True, slots=True, eq=False)
class LiveImage:
    """One image of live mode."""

    number: int
    """Counted by the camera from the beginning of its sequence."""
    pixels: Pixels
    metadata: Mapping[str, Any]
    sequence: int = 0
    """How many sequences the camera has begun since the first look."""


@dataclass(frozen=True, slots=True, eq=False)
class BufferedImage:
    """An image in the buffer whose pixels are fetched when they are wanted."""

    metadata: Mapping[str, Any]
    pixels: Callable[[], Pixels]

    @property
    def number(self) -> int:
        """Counted by the camera.

        Raises
        ------
        DataError
            If the camera does not count.
        """
        number = self.metadata.get(NUMBER)
        if number is None:
            raise DataError(f"expected {NUMBER} in the metadata of a live image, found none")
        return int(number)


Peek = Callable[[int], BufferedImage | None]
"""n -> the image n before the newest one; None where the buffer has none."""


class LiveImages:
    """The images of a camera's buffer that are new since the last look.

    Parameters
    ----------
    peek
        See `python_peek` and `java_peek`.
    first_number
        Images before it are left alone; None: those that are there at the first look, except the
        newest.
    """

    def __init__(self, peek: Peek, first_number: int | None = 0) -> None:
        self._peek = peek
        self._first = first_number
        self._seen: int | None = None
        self._sequence = 0
        self._missed = 0

    @property
    def missed(self) -> int:
        """Images that had left the buffer before they were looked at."""
        return self._missed

    def new(self) -> list[LiveImage]:
        """Return the images since the last look, oldest first, none twice and none left out.

        An image that arrives during the walk pushes all others back by one: the walk then meets
        numbers again that it has seen, but never leaves one out, for it goes down by one at most.

        Raises
        ------
        DataError
            If the camera does not count its images, or can no longer be asked.
        """
        newest = self._peek(0)
        if newest is None:
            return []
        last = self._last_before(newest.number)
        found = self._walk(newest, last)
        if found:
            numbers = sorted(found)
            self._missed += numbers[-1] - last - len(numbers)
            self._seen = numbers[-1]
        return [
            LiveImage(number, found[number].pixels(), found[number].metadata, self._sequence)
            for number in sorted(found)
        ]

    def _last_before(self, newest: int) -> int:
        """Return the number of the last image that has been seen, or is left alone."""
        if self._seen is None:
            return (newest if self._first is None else self._first) - 1
        if newest >= self._seen:
            return self._seen
        self._sequence += 1  # the camera has begun another sequence
        return -1

    def _walk(self, newest: BufferedImage, last: int) -> dict[int, BufferedImage]:
        found: dict[int, BufferedImage] = {}
        image: BufferedImage | None = newest
        before = 0
        while image is not None and image.number > last:
            found[image.number] = image
            before += 1
            image = self._peek(before)
        return found
