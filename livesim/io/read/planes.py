"""Describe an open file the same way for every format; its planes are read one at a time."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import accumulate, takewhile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livesim.values.errors import DataError
from livesim.values.frames import Pixels

NO_PLANE = -1
MOST_PIXELS = 1 << 27
"""Of one frame: far above any camera's, and few enough to be read at once whatever is in them."""
MOST_FRAMES = 1 << 22
"""Of one file: an hour at a thousand frames a second; of each some hundred bytes are kept."""
LOWEST_WITHOUT_OFFSET = -(2**12)
"""Signed values below it are no noise around a subtracted offset."""


def check_size(sizes: Sequence[int], shape: Sequence[int], source: Path) -> None:
    """Refuse what no microscope records, before anything is made in the size that a file states.

    Parameters
    ----------
    sizes, shape
        How many frames there are along each axis, and [y, x] of a frame.

    Raises
    ------
    DataError
        With what was stated.
    """
    if math.prod(map(int, shape)) > MOST_PIXELS:
        raise DataError(
            f"{source}: expected frames of at most {MOST_PIXELS} pixels, found "
            f"{' x '.join(str(int(length)) for length in shape)} stated"
        )
    frames = math.prod(map(int, sizes))
    if frames > MOST_FRAMES:
        raise DataError(
            f"{source}: expected at most {MOST_FRAMES} frames in one file, found {frames} stated"
        )


@dataclass(frozen=True, slots=True, eq=False)
class PlaneGrid:
    """Plane numbers by the axes that the file itself names."""

    names: tuple[str, ...]
    """One per dimension, slowest first; an axis the file leaves unnamed is `UNNAMED`."""
    numbers: NDArray[np.int64]
    """Plane numbers in acquisition order, `NO_PLANE` where the file has none."""
    before: Mapping[str, int] = field(default_factory=dict)
    """Places of an axis below the first that the file has: 5 where its times begin with 5."""


UNNAMED = ""


Recorded = tuple[NDArray[np.bool_], ...]
"""Of each image of a Zarr, which of its planes there are, [outer axes]; () of other formats."""


@dataclass(frozen=True, slots=True, eq=False)
class PlaneFile:
    """An open file: nothing but its description is in memory until a plane is read."""

    source: Path
    frame_shape: tuple[int, int]
    """(y, x)."""
    dtype: np.dtype[np.generic]
    """As stored; `counts_dtype` says what it becomes."""
    grid: PlaneGrid
    read: Callable[[int], Pixels]
    """The plane of that number, [y, x] as stored."""
    close: Callable[[], None]
    pixel_nm: float | None = None
    exposure_ms: float | None = None
    interval_s: float | None = None
    z_step_nm: float | None = None
    channel_names: tuple[str, ...] = ()
    """Of the file's own axis "channel"; none where it states none."""
    warnings: tuple[str, ...] = ()
    others: tuple[Path, ...] = ()
    """The files beside `source` that hold frames of it too."""
    below_zero: bool = False
    """Whether any frame may hold values below 0, whatever the first one holds."""
    unfinished: bool = False
    """Whether the file itself shows that it was cut off, or that its acquisition was stopped."""
    recorded: Recorded = ()
    """What took a look at all files of a folder; handed to `open_planes`, it spares another one."""


def consecutive(names: tuple[str, ...], sizes: tuple[int, ...]) -> PlaneGrid:
    """Return the grid of a file whose planes lie one after the other, slowest axis first."""
    numbers = np.arange(int(np.prod(sizes)), dtype=np.int64).reshape(sizes)
    return PlaneGrid(names=names, numbers=numbers)


Read = Callable[[int], Pixels]


def side_by_side(
    recorded: Sequence[NDArray[np.bool_]], reads: Sequence[Read]
) -> tuple[NDArray[np.int64], Read]:
    """Count through the planes of several images, one image after the other.

    Parameters
    ----------
    recorded
        Of each image, which of its planes there are. Images may differ in size, as those of
        positions do where an acquisition was stopped between two of them.
    reads
        Of each image, what reads a plane of it.

    Returns
    -------
    Plane numbers, [image, axes of the images], and what reads a plane.
    """
    longest = np.max([one.shape for one in recorded], axis=0).astype(int)
    numbers = np.full((len(recorded), *longest), NO_PLANE, dtype=np.int64)
    begins = [0, *accumulate(one.size for one in recorded)]
    for image, own in enumerate(recorded):
        region: tuple[int | slice, ...] = (image, *(slice(length) for length in own.shape))
        numbered = begins[image] + np.arange(own.size).reshape(own.shape)
        numbers[region] = np.where(own, numbered, NO_PLANE)

    def read(number: int) -> Pixels:
        image = bisect_right(begins, number) - 1
        return reads[image](number - begins[image])

    return numbers, read


def fit_side_by_side(names: Sequence[str], sizes: Sequence[int], other: Sequence[int]) -> bool:
    """Whether images with these axes may be positions: of one size, or of different lengths."""
    return len(sizes) == len(other) and all(
        name == "time" or own == one for name, own, one in zip(names, sizes, other, strict=True)
    )


def without_empty_end(file: PlaneFile) -> PlaneFile:
    """Return a file without the frames at its end that hold nothing but zeros, and say so.

    Writers that make a file in its full size first leave them where an acquisition was stopped. Of
    a file that ends with light one frame is read.
    """
    numbers = file.grid.numbers
    present = np.sort(numbers[numbers != NO_PLANE])
    empty = sum(1 for _ in takewhile(lambda number: _is_empty(file, int(number)), present[::-1]))
    if empty in (0, len(present)):
        return file
    recorded = np.where(numbers <= present[-empty - 1], numbers, NO_PLANE)
    warning = (
        f"{file.source}: expected light in {len(present)} frames, found nothing but zeros in the "
        f"last {empty}: the acquisition was stopped early"
    )
    return replace(
        file,
        grid=replace(file.grid, numbers=recorded),
        warnings=(*file.warnings, warning),
        unfinished=True,
    )


def _is_empty(file: PlaneFile, number: int) -> bool:
    try:
        return not file.read(number).any()
    except DataError:  # said where the frame is needed
        return False


@contextmanager
def expecting(what: str, source: Path, *errors: type[Exception]) -> Iterator[None]:
    """Turn a library's `errors` into a `DataError` that says what was expected of `source`."""
    try:
        yield
    except DataError:
        raise
    except errors as error:
        raise DataError(f"{source}: expected {what}, found an error: {_words(error)}") from error


def _words(error: Exception) -> str:
    """Return a library's message in one line; a KeyError's is no more than the key."""
    text = " ".join(str(error).split()) or type(error).__name__
    return f"no entry {text}" if isinstance(error, KeyError) else text


def counts_dtype(stored: np.dtype[np.generic], source: Path) -> np.dtype[np.generic]:
    """Return the type in which the camera counts of a file are handed on.

    Signed 16-bit integers are handed on as unsigned ones: DeltaVision cameras store them so.

    Raises
    ------
    DataError
        If the file does not hold camera counts of 8 to 16 bits, or floating-point numbers.
    """
    native = stored.newbyteorder("=")
    if native in (np.uint8, np.uint16):
        return native
    if native == np.int16:
        return np.dtype(np.uint16)
    if native.kind == "f":
        return np.dtype(np.float32)
    raise DataError(
        f"{source}: expected camera counts (unsigned integers) of 8 or 16 bits, or floating-point "
        f"numbers, found {native}{': save them as uint16' if native.kind in 'iu' else ''}"
    )


def counts_dtype_of(file: PlaneFile) -> np.dtype[np.generic]:
    """Return `counts_dtype` of an open file; the first frame of signed integers is looked at.

    Where it holds values below 0, the camera's offset was subtracted, and float32 is handed on, as
    where the file says that any frame may hold such values.

    Raises
    ------
    DataError
        If the file holds no camera counts, or unsigned ones of which the upper half is negative.
    """
    dtype = counts_dtype(file.dtype, file.source)
    if file.dtype.kind != "i":
        return dtype
    if file.below_zero:
        return np.dtype(np.float32)
    lowest = _lowest(file)
    if lowest < LOWEST_WITHOUT_OFFSET:
        raise DataError(
            f"{file.source}: expected camera counts, or little below 0 where the offset was "
            f"subtracted, found {lowest}: unsigned counts were probably stored as signed ones"
        )
    return dtype if lowest >= 0 else np.dtype(np.float32)


def _lowest(file: PlaneFile) -> int:
    """Return the lowest value of the first frame that can be read; 0 where there is none."""
    for number in np.sort(file.grid.numbers[file.grid.numbers != NO_PLANE]):
        with suppress(DataError):  # said where the frame is needed
            return int(file.read(int(number)).min())
    return 0


def counts_warnings(
    stored: np.dtype[np.generic], dtype: np.dtype[np.generic], source: Path
) -> tuple[str, ...]:
    """Return what the user should know of a file that hands its counts on as `dtype`."""
    if dtype == np.uint8:
        return (
            f"{source}: expected camera counts of more than 8 bits, found uint8: "
            "the dynamic range is low and the values were probably rescaled",
        )
    if dtype == np.float32 and stored.kind == "i":
        return (
            f"{source}: expected camera counts (unsigned integers), found values below 0: the "
            "camera's offset was probably subtracted, and then offset = 0 in [camera] holds",
        )
    if dtype == np.float32:
        return (
            f"{source}: expected camera counts (unsigned integers), found {stored.name}: offset "
            "and gain in [camera] have to be those of these values, 0 and 1 for photo-electrons",
        )
    return ()


def as_counts(plane: Pixels, dtype: np.dtype[np.generic], source: Path) -> Pixels:
    """Return a stored plane in the type of `counts_dtype`.

    Raises
    ------
    DataError
        If a signed plane that is to be unsigned holds negative values, or a float one values that
        are not finite.
    """
    if plane.dtype.kind == "i" and dtype.kind == "u" and plane.size and int(plane.min()) < 0:
        raise DataError(f"{source}: expected camera counts >= 0, found {plane.min()}")
    if plane.dtype.kind == "f" and not np.isfinite(plane).all():
        raise DataError(f"{source}: expected finite values, found NaN or infinity")
    return plane.astype(dtype, copy=False)
