"""Read a folder of TIFF files of which nothing but their names tells how they follow each other."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import gcd, prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livesim.io.read.axes import SIM
from livesim.io.read.file_names import natural, words_and_numbers
from livesim.io.read.planes import NO_PLANE, UNNAMED, PlaneFile, PlaneGrid
from livesim.io.read.tiff import open_tiff
from livesim.values.errors import DataError
from livesim.values.frames import Pixels
from livesim.values.wording import count

MARKS = ("*.tif", "*.tiff", "*.TIF", "*.TIFF")
SUFFIXES = (".tif", ".tiff")
AXES = {
    "t": "time", "time": "time", "frame": "time", "z": "z", "slice": "z",
    "c": "channel", "ch": "channel", "channel": "channel",
    "a": "angle", "ang": "angle", "angle": "angle", "ph": "phase", "phase": "phase",
    "pos": "position", "position": "position", "sim": SIM,
}  # fmt: skip
"""What the word before a number counts; "p" may be the phase or the position. Beside an angle it is
the phase, where no file holds several frames, which may be the phases."""
FEWEST = 2
"""Files of which an order can be read."""
SPARSEST = 2
"""Places per file beyond which numbers are no places, but times of the day."""


@dataclass(frozen=True, slots=True)
class _Order:
    """Where the files of a folder belong."""

    names: tuple[str, ...]
    places: NDArray[np.int64]
    """[file, axis]."""
    words: str
    """What it was taken by."""


def open_tiff_folder(folder: Path) -> PlaneFile:
    """Open a folder of TIFF files, as their names count them; all have as many frames as the first.

    Raises
    ------
    DataError
        If the names leave it open how the files follow each other, or the first is no grey TIFF.
    """
    with os.scandir(folder) as entries:  # which asks nothing of any file
        shown = [one for one in entries if not one.name.startswith(".") and one.is_file()]
    found = [folder / one.name for one in shown if one.name.lower().endswith(SUFFIXES)]
    if len(found) < FEWEST:
        raise DataError(
            f"{folder}: expected at least {FEWEST} TIFF files that are not hidden, found "
            f"{len(found)}{f': give {found[0].name} itself' if found else ''}"
        )
    files = sorted(found, key=lambda path: natural(path.stem))
    first = open_tiff(files[0])
    first.close()
    each = first.grid.numbers.size
    order = _order(files, folder, {**AXES, "p": "phase"} if each == 1 else AXES)
    numbers = np.full([*order.places.max(axis=0) + 1, each], NO_PLANE, dtype=np.int64)
    numbers[tuple(order.places.T)] = np.arange(len(files) * each).reshape(len(files), each)
    if order.names == (UNNAMED,):
        numbers = numbers.reshape(-1)
    frames = "" if each == 1 else f" of {each} frames each"
    said = (
        f"{folder}: expected a file that says in which order its frames were taken, found "
        f"{count(len(files), 'TIFF file')}{frames}: taken by {order.words}"
    )
    return replace(
        first,
        source=folder,
        grid=PlaneGrid((*order.names, UNNAMED)[: numbers.ndim], numbers),
        read=lambda number: _read(files[number // each], number % each, each),
        close=lambda: None,  # a file is open while a frame of it is read
        warnings=(said,),
        others=(),
        unfinished=bool((numbers == NO_PLANE).any()),
    )


def _read(path: Path, number: int, each: int) -> Pixels:
    file = open_tiff(path)
    try:
        if file.grid.numbers.size != each:
            raise DataError(
                f"{path}: expected {count(each, 'frame')} as in the first file, found "
                f"{file.grid.numbers.size}"
            )
        return file.read(int(file.grid.numbers.flat[number]))
    finally:
        file.close()


def _order(files: Sequence[Path], folder: Path, axes: Mapping[str, str]) -> _Order:
    """Return how the names count the files: by one number, or by several that say what they count.

    Raises
    ------
    DataError
        If they do not.
    """
    words, numbers = zip(*(words_and_numbers(path.stem) for path in files), strict=True)
    other = next((path for path, own in zip(files, words, strict=True) if own != words[0]), None)
    if other is not None:
        raise DataError(
            f"{folder}: expected TIFF files whose names differ in their numbers alone, found "
            f"{files[0].name} and {other.name}: give one of them"
        )
    values = np.array(numbers, dtype=object).reshape(len(files), -1)
    varying = [at for at in range(values.shape[1]) if len(set(values[:, at])) > 1]
    if len(set(numbers)) < len(files):
        raise DataError(
            f"{folder}: expected TIFF files with a number each, found several with the same, among "
            f"them {files[0].name}"
        )
    if len(varying) <= 1:
        counted = [int(one) for one in values[:, varying].ravel()] or [0]
        return _by_number(counted, files)
    return _by_words(words[0], values[:, varying], varying, files, folder, axes)


def _by_number(counted: Sequence[int], files: Sequence[Path]) -> _Order:
    """Sort files by one number; a number that is left out is a file that is not there."""
    step = gcd(*(one - min(counted) for one in counted)) or 1
    places = [(one - min(counted)) // step for one in counted]
    if max(places) >= SPARSEST * len(files):
        places = list(range(len(files)))
    words = f"the number in their names, from {files[0].name} to {files[-1].name}"
    return _Order((UNNAMED,), np.array(places, np.int64)[:, None], words)


def _by_words(
    words: Sequence[str],
    values: NDArray[np.object_],
    varying: Sequence[int],
    files: Sequence[Path],
    folder: Path,
    axes: Mapping[str, str],
) -> _Order:
    """Sort files by several numbers, each behind a word that says what it counts."""
    before = [re.findall(r"[a-z]+", words[at].lower())[-1:] for at in varying]
    names = tuple(axes.get("".join(one), UNNAMED) for one in before)
    if "p" in map("".join, before) and "angle" not in names:
        names = tuple(UNNAMED if name == "phase" else name for name in names)
    if UNNAMED in names or len(set(names)) < len(names):
        raise DataError(
            f"{folder}: expected TIFF files that are counted by one number, or by several behind "
            f"words such as time, channel, z, angle and phase, found {count(len(names), 'number')} "
            f"behind {', '.join(repr(words[at]) for at in varying)} in names such as "
            f"{files[0].name}"
        )
    lowest = values.min(axis=0)
    places = (values - lowest).astype(np.int64)
    if prod(places.max(axis=0) + 1) > SPARSEST * len(files):
        raise DataError(
            f"{folder}: expected TIFF files at most places of {', '.join(names)}, found "
            f"{len(files)} at {' x '.join(map(str, places.max(axis=0) + 1))} places"
        )
    return _Order(names, places, f"the numbers in their names ({', '.join(names)})")
