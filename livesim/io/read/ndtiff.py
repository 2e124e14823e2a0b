"""Read the NDTiff folders of Micro-Manager and pycromanager, plane by plane."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Mapping
from contextlib import ExitStack, closing, suppress
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from ndstorage.file_io import NDTiffFileIO
from ndstorage.ndtiff_file import SingleNDTiffReader
from ndstorage.ndtiff_index import NDTiffIndexEntry

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
"""Axes that count from 0 or 1; others may begin anywhere (z of a stage, time after a restart)."""

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
        readers, missing = _open_files(entries, folder, stack)
        whole = [_is_whole(entry, folder, readers) for entry in entries]
        if not any(whole):
            raise DataError(f"{folder}: expected whole frames in its files, found none")
        first = entries[whole.index(True)]
        metadata = _metadata(readers[first.filename], first, folder)
        frames: list[Axes] = [dict(key) for key in index]
        grid = _grid(frames, whole, folder)
        close = stack.pop_all().close
    notes = (*notes, *missing, *_cut_off(whole, len(missing), folder))
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
        unfinished=bool(notes),
    )


def _read_index(folder: Path) -> tuple[Index, tuple[str, ...]]:
    """Read the index as far as it goes; what follows its last whole entry was never finished."""
    path = folder / INDEX
    with expecting(f"a readable {INDEX}", folder, OSError):
        data = path.read_bytes()
    index: Index = {}
    at = 0
    with warnings.catch_warnings(), suppress(*BAD_INDEX):
        warnings.simplefilter("ignore")  # that it has no end, which is said below
        while at < len(data):
            entry = NDTiffIndexEntry.unpack_single_index_entry(data, at)
            if entry is None:
                break
            at, axes, found = entry
            index[frozenset(axes.items())] = found
    if not index:
        raise DataError(f"{folder}: expected frames in {INDEX}, found none")
    if at == len(data):
        return index, ()
    return index, (
        f"{folder}: expected a finished {INDEX}, found one without an end: "
        "the acquisition was interrupted",
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


def _open_files(
    entries: list[NDTiffIndexEntry], folder: Path, stack: ExitStack
) -> tuple[dict[str, SingleNDTiffReader], tuple[str, ...]]:
    """Open the files that the index names; also say which are not there."""
    names = list(dict.fromkeys(entry.filename for entry in entries))
    there = [name for name in names if (folder / name).exists()]
    readers = {name: stack.enter_context(closing(_open_file(folder, name))) for name in there}
    absent = [name for name in names if name not in readers]
    if not there:
        raise DataError(f"{folder}: expected every file that the index names, found no {names[0]}")
    return readers, tuple(
        f"{folder}: expected every file that the index names, found no {name}" for name in absent
    )


def _is_whole(
    entry: NDTiffIndexEntry, folder: Path, readers: Mapping[str, SingleNDTiffReader]
) -> bool:
    """Whether all pixels of a frame lie in its file."""
    if entry.filename not in readers:
        return False
    size = entry.image_height * entry.image_width * (1 if entry.pixel_type == BYTE else 2)
    return bool(entry.pix_offset + size <= (folder / entry.filename).stat().st_size)


def _cut_off(whole: list[bool], missing_files: int, folder: Path) -> tuple[str, ...]:
    if all(whole) or missing_files:
        return ()
    return (
        f"{folder}: expected {len(whole)} frames as {INDEX} says, found {sum(whole)} in files that "
        "are cut off",
    )


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


def _grid(frames: list[Axes], whole: list[bool], folder: Path) -> PlaneGrid:
    """Sort whole frames by their axes; what one does not say of an axis counts as the first."""
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
        numbers[place] = number if whole[number] else NO_PLANE
    return PlaneGrid(tuple(names), numbers, {name: _lowest(frames, name) for name in names})


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
    if any(isinstance(value, str) for value in values):
        rank = {value: at for at, value in enumerate(dict.fromkeys(values))}
        return [rank[value] for value in values]
    lowest = _lowest(frames, name)
    return [(value if isinstance(value, int) else lowest) - lowest for value in values]


def _lowest(frames: list[Axes], name: str) -> int:
    """Return the number with which an axis begins; 0 for names."""
    lowest = min((at for frame in frames if isinstance(at := frame.get(name), int)), default=0)
    return int(lowest == 1) if name in FIXED_ORIGIN else lowest
