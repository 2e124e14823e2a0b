"""Decide which frames and raw stacks of a stream can be used, and say why others cannot.

Whatever a source may send that looks like a frame, this is the one place where it is refused: the
engine counts it, says why, and goes on with the next.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from livesim.engine.time_rows import TimeRows
from livesim.io.read.planes import LOWEST_WITHOUT_OFFSET as LOWEST_COUNTS
from livesim.values.frames import MOST_PLACES, SMALLEST, Pixels, RawFrame, RawStack, StackIndex

MOST_STACK_BYTES = 2 << 30
"""Of one raw stack: 25 frames of 5000 x 5000 pixels are less."""
MOST_COUNTS = float(2**32)
"""Of a pixel: no camera counts further, and single precision squares it without overflow."""
SPARSE_PLACES = 1 << 18
SPARSE = 128
"""A recording has at most `SPARSE_PLACES` places, or so many for every stack that it holds."""


class Entrance:
    """What the frames of one stream have in common; used by the receiver's thread alone.

    Parameters
    ----------
    stack_shape
        (angles, phases) of a raw stack.
    """

    def __init__(self, stack_shape: tuple[int, int]) -> None:
        self._frames = stack_shape[0] * stack_shape[1]
        self._alike: tuple[tuple[int, ...], np.dtype[np.generic]] | None = None
        self._times = TimeRows()
        self._sizes: tuple[int, ...] = (0, 0, 0, 0)
        self._stacks = 0

    def refusal(self, frame: RawFrame) -> str | None:
        """Return why a frame cannot be used; None where it can."""
        return _misplaced(frame) or self._unlike(frame.pixels) or _uncountable(frame.pixels)

    def admit(self, stack: RawStack) -> RawStack | str:
        """Return a whole stack under its place in a recording, or why it has none.

        The first one that is admitted says what the frames of its stream are like.
        """
        label = stack.index.time
        index = replace(stack.index, time=self._times.find(label))
        sizes = self._reached(index)
        if math.prod(sizes) > max(SPARSE_PLACES, SPARSE * (self._stacks + 1)):
            return (
                f"expected stacks that fill a recording, found one at {_words(index)}, with which "
                f"{self._stacks + 1} stack(s) would need {' x '.join(map(str, sizes))} places: "
                "number positions, channels and z from 0 without gaps"
            )
        self._times.take(label)
        self._sizes, self._stacks = sizes, self._stacks + 1
        self._alike = self._alike or (stack.pixels.shape[2:], stack.pixels.dtype)
        return replace(stack, index=index, label=label if self._times.labelled else None)

    def row(self, time: int) -> int:
        """Return the row of a time of which there is no whole stack yet."""
        return self._times.find(time)

    def _reached(self, index: StackIndex) -> tuple[int, ...]:
        places = (index.position, index.time, index.channel, index.z)
        return tuple(max(size, at + 1) for size, at in zip(self._sizes, places, strict=True))

    def _unlike(self, pixels: Pixels) -> str | None:
        if min(pixels.shape) < SMALLEST:
            return f"expected frames of at least {SMALLEST} x {SMALLEST} pixels, {_found(pixels)}"
        if self._alike is not None and self._alike != (pixels.shape, pixels.dtype):
            (y, x), dtype = self._alike
            return f"expected {y} x {x} pixels of {dtype} as in the first stack, {_found(pixels)}"
        if pixels.nbytes * self._frames > MOST_STACK_BYTES:
            return (
                f"expected raw stacks of at most {MOST_STACK_BYTES >> 30} GiB, found one of "
                f"{self._frames} frames of {' x '.join(map(str, pixels.shape))} {pixels.dtype}"
            )
        return None


def _misplaced(frame: RawFrame) -> str | None:
    for axis, most in MOST_PLACES.items():
        found = getattr(frame.axes, axis)
        if found >= most:
            return f"expected the axis {axis} to count from 0 to {most - 1}, found {found}"
    return None


def _uncountable(pixels: Pixels) -> str | None:
    """Return what is wrong with the values of a frame: what no recording could be read with."""
    if pixels.dtype.name in ("int32", "uint32"):
        return (
            "expected counts of 8 or 16 bits, or floating-point numbers, "
            f"found {pixels.dtype}: send them as uint16 or float32"
        )
    if pixels.dtype.kind == "i" and pixels.min() < LOWEST_COUNTS:
        return f"expected counts from {LOWEST_COUNTS} on, found {pixels.min()}"
    if pixels.dtype.kind != "f":
        return None
    strongest = max(abs(float(pixels.min())), abs(float(pixels.max())))
    if strongest <= MOST_COUNTS:  # false for NaN, which minimum and maximum hand on
        return None
    found = f"{strongest:g}" if np.isfinite(strongest) else "NaN or infinity"
    return f"expected counts of at most {MOST_COUNTS:g} in every pixel, found {found}"


def _found(pixels: Pixels) -> str:
    return f"found {' x '.join(map(str, pixels.shape))} of {pixels.dtype}"


def _words(index: StackIndex) -> str:
    return f"position {index.position}, time {index.time}, channel {index.channel}, z {index.z}"
