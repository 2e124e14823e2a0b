"""An NDTiff folder of Micro-Manager or pycromanager in, its planes one at a time out."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Mapping
from contextlib import ExitStack, closing
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from ndstorage.file_io import NDTiffFileIO
from ndstorage.ndtiff_file import SingleNDTiffReader
from ndstorage.ndtiff_index import NDTiffIndexEntry, read_ndtiff_index

from livesim.io.read.metadata import Metadata, micromanager_metadata, names_of
from livesim.io.read.planes import NO_PLANE, PlaneFile, PlaneGrid, expecting
from livesim.values.errors import DataError
from livesim.values.frames import Pixels

INDEX = "NDTiff.index"
MAGIC, SUMMARY_MAGIC = 483729, 2355492
TIFF = b"II*\0"
HEADER = struct.Struct("<4s4xIIIII")
BYTE = NDTiffIndexEntry.EIGHT_BIT
RGB = NDTiffIndexEntry.EIGHT_BIT_RGB
DEPTHS = range(7)
BAD_INDEX = (ValueError, struct.error, OSError, TypeError, AttributeError)
BAD_FILE = (ValueError, struct.error, OSError)
FIXED_ORIGIN = ("angle", "phase", "sim")
"""Axes that count from 0; the others may begin anywhere (z of a stage, time after a restart)."""

SPARSEST = 1000
"""Places per frame beyond which an index is damaged rather than incomplete."""

Axes = Mapping[str, int | str]
Index = dict[frozenset[tuple[str, int | str]], NDTiffIndexEntry]


def open_ndtiff(folder: Path) -> PlaneFile:
    """Open an NDTiff folder; no pixel is read yet.

    The index is read with ndstorage, the data set is not: `ndstorage.Dataset` prints its progress,
    opens every file at once and raises bare `Exception`.

    Raises
    ------
    DataError
        If the index is missing or damaged, a file it names is missing, or frames differ.
    """
    index, notes = _read_index(folder)
    entries = list(index.values())
    _check_entries(entries, folder)
    with ExitStack() as stack:
        readers = {
            name: stack.enter_context(closing(_open_file(folder, name)))
            for name in dict.fromkeys(entry.filename for entry in entries)
        }
        first = entries[0]
        metadata = _metadata(readers[first.filename], first, folder)
        frames: list[Axes] = [dict(key) for key in index]
        grid = _grid(frames, folder)
        close = stack.pop_all().close
    return PlaneFile(
        source=folder,
        frame_shape=(first.image_height, first.image_width),
        dtype=np.dtype(np.uint8 if first.pixel_type == BYTE else np.uint16),
        grid=grid,
        read=partial(_read, readers, entries, folder),
        close=close,
        pixel_nm=metadata.pixel_nm,
        exposure_ms=metadata.exposure_ms,
        interval_s=metadata.interval_s,
        z_step_nm=metadata.z_step_nm,
        channel_names=_names(frames, "channel") or metadata.channel_names,
        warnings=notes,
    )


def _read_index(folder: Path) -> tuple[Index, tuple[str, ...]]:
    path = folder / INDEX
    with (
        expecting(f"a readable {INDEX}", folder, *BAD_INDEX),
        warnings.catch_warnings(record=True) as caught,
    ):
        # ndstorage warns of an index without an end: an acquisition that was interrupted.
        warnings.simplefilter("always")
        index: Index = read_ndtiff_index(path.read_bytes(), verbose=False)
    if not index:
        raise DataError(f"{folder}: expected frames in {INDEX}, found none")
    return index, tuple(
        f"{folder}: expected a finished {INDEX}, found one without an end: "
        "the acquisition was interrupted"
        for _ in caught[:1]
    )


def _check_entries(entries: list[NDTiffIndexEntry], folder: Path) -> None:
    kinds = {(one.image_height, one.image_width, one.pixel_type) for one in entries}
    if len(kinds) > 1:
        raise DataError(
            f"{folder}: expected frames of one shape and type, "
            f"found {len(kinds)} kinds (height, width, pixel type): {sorted(kinds)}"
        )
    kind = entries[0].pixel_type
    if kind == RGB:
        raise DataError(f"{folder}: expected grey frames, found colour (RGB) images")
    if kind not in DEPTHS:
        raise DataError(f"{folder}: expected a pixel type 0 to 6, found {kind}")


def _open_file(folder: Path, name: str) -> SingleNDTiffReader:
    """Open a file that the index names.

    Its first bytes are checked here, for ndstorage would raise bare `Exception`; and it is handed
    the open file, for it would not close one whose metadata it cannot read.
    """
    path = folder / name
    with ExitStack() as stack:
        with expecting("every file that the index names", folder, OSError, ValueError):
            file = stack.enter_context(path.open("rb"))
        with expecting("an NDTiff file", path, struct.error):
            start, magic, major, _, summary, _ = HEADER.unpack(file.read(HEADER.size))
        if (start, magic, major, summary) != (TIFF, MAGIC, 3, SUMMARY_MAGIC):
            raise DataError(f"{path}: expected an NDTiff file of version 3, found another file")
        with expecting("an NDTiff file", path, *BAD_FILE):
            reader = SingleNDTiffReader(str(path), NDTiffFileIO(open_function=lambda *_: file))
        stack.pop_all()
    return reader


def _metadata(reader: SingleNDTiffReader, entry: NDTiffIndexEntry, folder: Path) -> Metadata:
    with expecting("readable metadata of the first frame", folder, *BAD_FILE):
        frame: dict[str, Any] = reader.read_metadata(entry) if entry.metadata_length else {}
    return micromanager_metadata(reader.summary_md or {}, frame)


def _read(
    readers: dict[str, SingleNDTiffReader],
    entries: list[NDTiffIndexEntry],
    folder: Path,
    number: int,
) -> Pixels:
    entry = entries[number]
    with expecting(f"a whole frame {number} in {entry.filename}", folder, *BAD_FILE):
        plane: Pixels = readers[entry.filename].read_image(entry)
    return plane


def _grid(frames: list[Axes], folder: Path) -> PlaneGrid:
    """Sort frames by their axes; what a frame does not say of an axis counts as the first."""
    names = sorted(dict.fromkeys(name for frame in frames for name in frame))
    names.sort(key=lambda name: _first_change(frames, name), reverse=True)
    places = {name: _places(frames, name) for name in names}
    shape = [max(places[name]) + 1 for name in names]
    lowest = min((min(places[name]) for name in names), default=0)
    if lowest < 0 or prod(shape) > SPARSEST * len(frames):
        raise DataError(
            f"{folder}: expected frames at most places of {', '.join(names)} from 0 on, "
            f"found {len(frames)} frames at {' x '.join(map(str, shape))} places from {lowest} on"
        )
    numbers = np.full(shape, NO_PLANE, dtype=np.int64)
    for number, place in enumerate(zip(*places.values(), strict=True)):
        numbers[place] = number
    return PlaneGrid(tuple(names), numbers)


def _first_change(frames: list[Axes], name: str) -> int:
    """Return after how many frames an axis moves for the first time: late = slow."""
    start = frames[0].get(name)
    changes = (at for at, frame in enumerate(frames) if frame.get(name) != start)
    return next(changes, len(frames))


def _names(frames: list[Axes], name: str) -> tuple[str, ...]:
    """Return the names of the places on an axis, in the order of `_places`; none for numbers."""
    values = list(dict.fromkeys(frame.get(name) for frame in frames))
    return names_of(values)


def _places(frames: list[Axes], name: str) -> list[int]:
    """Return each frame's place on an axis: numbers from the lowest, names as first seen."""
    values = [frame.get(name) for frame in frames]
    numbers = [value for value in values if isinstance(value, int)]
    if any(isinstance(value, str) for value in values):
        rank = {value: at for at, value in enumerate(dict.fromkeys(values))}
        return [rank[value] for value in values]
    lowest = 0 if name in FIXED_ORIGIN else min(numbers)
    return [(value if isinstance(value, int) else lowest) - lowest for value in values]
