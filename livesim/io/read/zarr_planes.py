"""A Zarr array in, its planes one at a time out, each chunk decoded once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import zarr

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
                held[chunk] = np.asarray(array[region])
        inside = tuple(at % size for at, size in zip(place, chunks, strict=True))
        plane: Pixels = held[chunk][inside]
        return plane

    return read
