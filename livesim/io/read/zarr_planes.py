"""A Zarr array in, its planes one at a time out, each chunk decoded once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from livesim.io.read.planes import expecting
from livesim.values.frames import Pixels

# What zarr raises on folders without the right keys, and its codecs on chunks that are cut off
# (Blosc a SystemError, where the length in a chunk's header is damaged).
BAD_ZARR = (
    ValueError, TypeError, KeyError, AttributeError, OSError, RuntimeError, IndexError, SystemError,
)  # fmt: skip


def plane_reader(array: zarr.Array[Any], folder: Path) -> Callable[[int], Pixels]:
    """Read a plane, keeping the chunks around it: they are decoded whole in any case."""
    outer = array.shape[:-2]
    chunks = array.chunks[:-2]
    held: dict[tuple[int, ...], Pixels] = {}

    def read(number: int) -> Pixels:
        place = tuple(int(at) for at in np.unravel_index(number, outer)) if outer else ()
        chunk = tuple(at // size for at, size in zip(place, chunks, strict=True))
        if chunk not in held:
            held.clear()
            region = tuple(slice(at * n, (at + 1) * n) for at, n in zip(chunk, chunks, strict=True))
            with expecting(f"a readable frame {number}", folder, *BAD_ZARR):
                held[chunk] = read_region(array, region)
        inside = tuple(at % size for at, size in zip(place, chunks, strict=True))
        plane: Pixels = held[chunk][inside]
        return plane

    return read


def read_region(array: zarr.Array[Any], region: tuple[int | slice, ...]) -> NDArray[Any]:
    """Read a part of an array that may still be recorded.

    While a shard's index is being written over, a reader may get half of it; its checksum tells,
    and it is whole a moment later.
    """
    if array.shards is not None:
        with suppress(ValueError):
            return np.asarray(array[region])
    return np.asarray(array[region])
