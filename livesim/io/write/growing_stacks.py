"""Grow a Zarr array with the stacks that come, in any order, and log which are there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from livesim.io.write.chunk_files import (
    METADATA,
    array_folder,
    chunk_path,
    chunk_writer,
    write_at,
    write_whole,
)
from livesim.io.write.stack_codec import encode
from livesim.io.write.syncing import Syncing

TIME_BLOCK = 64
"""Time points by which the arrays are lengthened at once."""
LOG_CHUNK = 1024
"""Time points in one chunk of the log."""


class GrowingStacks:
    """An array of stacks and its log, whose leading axes grow together.

    Zarr describes the arrays; their chunks are written without it, which is far quicker for small
    frames. Nothing of a stack stays in memory.

    Parameters
    ----------
    group
        Where the log's arrays are created.
    pixels
        The array of the stacks, [*axes, ...], empty.
    axes
        Names of the growing axes; "t" is one of them.
    log
        Name and kind of what is noted of every stack, besides `written`.
    syncing
        Brings what is written to the disk.
    """

    def __init__(
        self,
        group: zarr.Group,
        pixels: zarr.Array[Any],
        axes: str | tuple[str, ...],
        log: Mapping[str, type[np.generic]],
        syncing: Syncing,
    ) -> None:
        self._time = axes.index("t")
        self._axes = len(axes)
        self._syncing = syncing
        self._pixels = pixels
        self._put = chunk_writer(pixels, self._time)
        self._log = {
            name: _LogColumn(group, name, axes, kind)
            for name, kind in {**log, "written": np.bool_}.items()
        }
        self.sizes = self._room = (0,) * len(axes)
        """What was reached along each growing axis."""

    @property
    def metadata(self) -> Path:
        """The file that describes the array of the stacks."""
        return array_folder(self._pixels) / METADATA

    def put(self, place: tuple[int, ...], pixels: NDArray[Any], log: Mapping[str, float]) -> None:
        """Write one stack, and then that it is there.

        Raises
        ------
        OSError
            If it cannot be written; then it is not marked as written.
        """
        self._reach(place)
        chunk = encode(np.ascontiguousarray(pixels, self._pixels.dtype))
        self._syncing.wrote(self._put(place, chunk))
        for name, value in log.items():
            self._syncing.wrote(self._log[name].put(place, value))
        self._syncing.stack()
        # Last: what it vouches for has been written, and synced where every stack is.
        self._syncing.wrote(self._log["written"].put(place, True))
        self._syncing.stack()
        self._syncing.rest()

    def moved(self, group: zarr.Group) -> None:
        """Go on in another group, into which the arrays were moved."""
        self._pixels = _array(group, self._pixels.basename)
        self._put = chunk_writer(self._pixels, self._time)
        for name, column in self._log.items():
            column.array = _array(group, name)

    def trim(self) -> None:
        """Cut the arrays to what was reached."""
        self._resize(self.sizes)

    def _reach(self, place: tuple[int, ...]) -> None:
        self.sizes = tuple(max(size, at + 1) for size, at in zip(self.sizes, place, strict=True))
        room = list(self.sizes)
        room[self._time] = -(-room[self._time] // TIME_BLOCK) * TIME_BLOCK
        if tuple(room) != self._room:
            self._resize(tuple(room))

    def _resize(self, sizes: tuple[int, ...]) -> None:
        self._room = sizes
        for array in (self._pixels, *(column.array for column in self._log.values())):
            self._syncing.wrote(_resize(array, sizes))


def _array(group: zarr.Group, name: str) -> zarr.Array[Any]:
    found = group[name]
    assert isinstance(found, zarr.Array)
    return found


def _resize(array: zarr.Array[Any], sizes: tuple[int, ...]) -> Path:
    """Say how long an array's leading axes are; return the file that says so.

    Zarr's own way takes a hundred times as long, which counts where many positions are closed.
    """
    path = array_folder(array) / METADATA
    described = json.loads(path.read_bytes())
    described["shape"] = [*sizes, *described["shape"][len(sizes) :]]
    return write_whole(path, json.dumps(described, indent=2).encode(), path.parent)


def common_region(arrays: Sequence[zarr.Array[Any]], axes: int) -> tuple[slice, ...]:
    """Return what all arrays of a recording have along their first `axes`.

    They are lengthened one after the other, and a crash may come in between; nothing is marked
    written before all are long enough.
    """
    shapes = [array.shape[:axes] for array in arrays]
    return tuple(slice(min(sizes)) for sizes in zip(*shapes, strict=True))


class _LogColumn:
    """One number per stack, each written over its place in the file of a chunk.

    The numbers are not compressed, so a chunk's file is those numbers one after the other. What
    is written stays in the system's memory, which puts many of them on the disk at once.
    """

    def __init__(
        self, group: zarr.Group, name: str, axes: str | tuple[str, ...], kind: type[np.generic]
    ) -> None:
        self._time = axes.index("t")
        self._kind = np.dtype(kind).newbyteorder("<")
        self.array = group.create_array(
            name,
            shape=(0,) * len(axes),
            chunks=tuple(LOG_CHUNK if axis == "t" else 1 for axis in axes),
            dtype=self._kind,
            compressors=None,
            dimension_names=tuple(axes),
        )

    def put(self, place: tuple[int, ...], value: float) -> Path:
        chunk, at = divmod(place[self._time], LOG_CHUNK)
        path = chunk_path(self.array, (*place[: self._time], chunk, *place[self._time + 1 :]))
        try:
            write_at(path, at * self._kind.itemsize, np.array(value, self._kind).tobytes())
        except FileNotFoundError:
            first = np.zeros(LOG_CHUNK, self._kind)
            first[at] = value
            write_whole(path, first.tobytes(), array_folder(self.array))
        return path
