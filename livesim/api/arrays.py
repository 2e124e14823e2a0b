"""Take raw stacks out of an array, whatever its library, layout and byte order."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from livesim.config.settings import PatternSettings
from livesim.io.read.layout import arrange
from livesim.io.read.planes import UNNAMED, as_counts, consecutive, counts_dtype
from livesim.values.errors import DataError
from livesim.values.frames import SMALLEST, Pixels, RawStack, StackIndex

SOURCE = Path("array")
"""What the sentences about an array begin with, where those about a file name the file."""
MOST_COUNTS = np.iinfo(np.uint16).max


class Array(Protocol):
    """What numpy, torch, dask and an opened recording have in common."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""
        ...

    def __getitem__(self, index: Any) -> Any:
        """Return a part of it."""
        ...


class RawStacks:
    """The raw stacks of an array, read one at a time.

    Parameters
    ----------
    raw
        Camera counts […, frames, y, x] or […, angle, phase, y, x]. Where the axis of the frames is
        a multiple of a raw stack long, as in a file without axes, the stacks in it become one more
        leading axis.
    pattern
        How many angles and phases a raw stack has, and in which order flat frames come.

    Raises
    ------
    DataError
        If the shape holds no whole raw stacks.
    """

    def __init__(self, raw: Array, pattern: PatternSettings) -> None:
        shape = shape_of(raw)
        if len(shape) < 3 or not all(shape):
            raise DataError(f"{SOURCE}: expected frames […, frames, y, x], found the shape {shape}")
        if min(shape[-2:]) < SMALLEST:
            raise DataError(
                f"{SOURCE}: expected frames of at least {SMALLEST} x {SMALLEST} pixels at the end "
                f"of the axes […, frames, y, x], found the shape {shape}"
            )
        channels = dict(getattr(raw, "sizes", {})).get("c", 1)
        if channels > 1:
            raise DataError(
                f"{SOURCE}: expected one channel, since each has a pattern of its own, found "
                f"{channels}: take recording[:, c] with settings.of_channel(c)"
            )
        self._raw = raw
        self.frame_shape = (shape[-2], shape[-1])
        self.stack_axes = 2 if shape[-4:-2] == pattern.stack_shape else 1
        """How many axes hold the frames of one raw stack: [angle, phase], or one for both.

        Of a single angle, [1, phase] is taken for both.
        """
        outer = shape[: -2 - self.stack_axes]
        if self.stack_axes == 2:
            frames = np.arange(prod(pattern.stack_shape)).reshape(1, *pattern.stack_shape)
        else:
            flat = consecutive((UNNAMED,), (shape[-3],))
            frames = arrange(flat, pattern, SOURCE).reshape(-1, *pattern.stack_shape)
        self.frames = frames
        """Numbers of the frames along their axis, [inner stack, angle, phase]."""
        self._outer = outer
        self.leading = outer if len(frames) == 1 else (*outer, len(frames))
        """Length of each axis in front of a raw stack."""

    def __len__(self) -> int:
        return prod(self.leading)

    def __iter__(self) -> Iterator[RawStack]:
        return (self.first if number == 0 else self[number] for number in range(len(self)))

    @cached_property
    def first(self) -> RawStack:
        """The first raw stack, which is read once."""
        return self[0]

    def __getitem__(self, number: int) -> RawStack:
        """Read one raw stack, counted along the leading axes as numpy counts."""
        outer, inner = divmod(number, len(self.frames))
        place: tuple[int | slice, ...] = ()
        if self._outer:
            place = tuple(int(n) for n in np.unravel_index(outer, self._outer))
        frames = self.frames[inner]
        if self.stack_axes == 1:  # the axis may hold many raw stacks: read this one only
            first = int(frames.min())
            step = int(np.gcd.reduce((frames - first).ravel())) or 1
            place = (*place, slice(first, int(frames.max()) + 1, step))
            frames = (frames - first) // step
        flat = native(self._raw[place]).reshape(-1, *self.frame_shape)
        pixels = np.ascontiguousarray(flat[frames])
        return RawStack(stream=str(SOURCE), index=StackIndex(time=number), pixels=pixels)

    def spread(self, most: int) -> list[RawStack]:
        """Read at most so many raw stacks, evenly spread."""
        count = min(most, len(self))
        return [self[number * len(self) // count] for number in range(count)]


def shape_of(raw: Array) -> tuple[int, ...]:
    """Return the length of every axis.

    Raises
    ------
    DataError
        If it is no array, or one of dask that does not know its lengths.
    """
    if not hasattr(raw, "shape"):
        raise DataError(f"{SOURCE}: expected an array, found {type(raw).__name__}")
    try:
        return tuple(int(n) for n in raw.shape)
    except ValueError as error:  # dask writes NaN for a length that it does not know
        raise DataError(f"{SOURCE}: expected known lengths, found the shape {raw.shape}") from error


def native(values: Any) -> Pixels:
    """Return counts as a numpy array in the byte order of this machine.

    Raises
    ------
    DataError
        If they are no counts: negative, not finite, above 16 bits in an integer type, masked, or
        no numbers at all.
    """
    if np.ma.is_masked(values):
        raise DataError(f"{SOURCE}: expected counts in every pixel, found masked ones")
    counts = as_numpy(values)
    if (
        counts.dtype.kind in "iu"
        and counts.dtype.itemsize > 1
        and counts.dtype.newbyteorder("=") not in (np.uint16, np.int16)
    ):
        low, high = int(counts.min(initial=0)), int(counts.max(initial=0))
        if low < 0 or high > MOST_COUNTS:
            raise DataError(
                f"{SOURCE}: expected camera counts from 0 to {MOST_COUNTS}, found {low} to {high}"
            )
        return counts.astype(np.uint16)
    if counts.dtype.kind == "f":
        with np.errstate(over="ignore"):  # infinity is refused below
            counts = counts.astype(np.float32, copy=False)
    return as_counts(counts, counts_dtype(counts.dtype, SOURCE), SOURCE)


def as_numpy(values: Any) -> NDArray[Any]:
    """Return any array as one of numpy; one of torch comes to the host, one of dask is computed."""
    if is_torch(values):
        values = values.detach().cpu()
        values = values.float() if values.dtype.is_floating_point else values
        return np.asarray(values.numpy())
    return np.asarray(values)


def is_torch(values: object) -> bool:
    """Whether it is a tensor of torch."""
    return type(values).__module__.partition(".")[0] == "torch"


def is_dask(values: object) -> bool:
    """Whether it is an array of dask."""
    return type(values).__module__.partition(".")[0] == "dask"


def like(image: NDArray[np.float32], raw: object) -> Any:
    """Return a numpy array as a tensor of torch where the raw stacks were one."""
    if not is_torch(raw):
        return image
    import torch

    return torch.from_numpy(image)
