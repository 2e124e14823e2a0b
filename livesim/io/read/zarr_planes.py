"""Read a Zarr array plane by plane, decoding each chunk once."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs.sharding import ShardingCodec, ShardingCodecIndexLocation

from livesim.io.folder_walk import walk
from livesim.io.read.planes import expecting
from livesim.values.frames import Pixels

# What zarr raises on folders without the right keys, and its codecs on chunks that are cut off
# (Blosc a SystemError, where the length in a chunk's header is damaged).
BAD_ZARR = (
    ValueError, TypeError, KeyError, AttributeError, OSError, RuntimeError, IndexError, SystemError,
)  # fmt: skip

NUMBER = re.compile(r"\d{1,12}")
NOT_IN_SHARD = np.uint64(2**64 - 1)
CHECKSUM_BYTES = 4


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


def recorded_planes(array: zarr.Array[Any], folder: Path) -> NDArray[np.bool_]:
    """Return which planes of an array were written, [outer axes]; Zarr reads others as zeros.

    A plane was written if all of its chunks exist. Where a chunk holds several planes, those at
    the end of what exists are looked at: planes of nothing but the fill value were not written.
    """
    whole = np.asarray(_stored_chunks(array, folder).all(axis=(-2, -1)))
    sizes = array.chunks[:-2]
    planes = whole
    for axis, size in enumerate(sizes):
        planes = planes.repeat(size, axis=axis)
    planes = planes[tuple(slice(length) for length in array.shape[:-2])]
    for place in _ends(whole) if np.prod(sizes, dtype=int) > 1 else ():
        region = tuple(slice(at * n, (at + 1) * n) for at, n in zip(place, sizes, strict=True))
        with suppress(*BAD_ZARR):  # said where its frames are needed
            planes[region] &= _has_pixels(read_region(array, region), array.fill_value)
    return planes


def _has_pixels(planes: NDArray[Any], fill: Any) -> NDArray[np.bool_]:
    """Return which planes hold more than the fill value, which may be NaN."""
    unlike = ~np.isnan(planes) if fill is not None and np.isnan(fill) else planes != fill
    return np.asarray(unlike.any(axis=(-2, -1)))


def _stored_chunks(array: zarr.Array[Any], folder: Path) -> NDArray[np.bool_]:
    """Return which chunks there are, in the shape of their grid."""
    sharding = _sharding(array)
    sizes = array.chunks if array.shards is None else array.shards
    inside = tuple(n // chunk for n, chunk in zip(sizes, array.chunks, strict=True))
    files = tuple(-(-length // n) for length, n in zip(array.shape, sizes, strict=True))
    stored = np.zeros([n * size for n, size in zip(files, inside, strict=True)], bool)
    # One walk through the folders: asking for each of 100 000 files takes seconds.
    root = folder / array.path
    for name, file in walk(root):
        place = _place_of(name, array)
        if place is None or any(at >= n for at, n in zip(place, files, strict=True)):
            continue
        region = tuple(slice(at * n, (at + 1) * n) for at, n in zip(place, inside, strict=True))
        stored[region] = True if sharding is None else _in_shard(sharding, Path(file.path), inside)
    chunks = (-(-n // size) for n, size in zip(array.shape, array.chunks, strict=True))
    return stored[tuple(map(slice, chunks))]


def _place_of(name: str, array: zarr.Array[Any]) -> tuple[int, ...] | None:
    """Return the place of the chunk whose file has that name; None where it is no chunk."""
    place = tuple(int(number) for number in NUMBER.findall(name))
    if len(place) != array.ndim or array.metadata.encode_chunk_key(place) != name:
        return None
    return place


def _sharding(array: zarr.Array[Any]) -> ShardingCodec | None:
    codecs = () if array.metadata.zarr_format == 2 else array.metadata.codecs
    return next((codec for codec in codecs if isinstance(codec, ShardingCodec)), None)


def _in_shard(sharding: ShardingCodec, file: Path, inside: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return which chunks a shard holds: its index, offsets and lengths, says ~0 of the others.

    One that is too short for its index holds none: a crash left it.
    """
    size = 16 * int(np.prod(inside))
    checksum = CHECKSUM_BYTES * (len(sharding.index_codecs) - 1)
    if file.stat().st_size < size + checksum:
        return np.zeros(inside, bool)
    with file.open("rb") as shard:
        if sharding.index_location is ShardingCodecIndexLocation.end:
            shard.seek(-(size + checksum), 2)
        index = np.frombuffer(shard.read(size), "<u8")
    return np.asarray((index != NOT_IN_SHARD).reshape(*inside, 2).all(axis=-1))


def _ends(whole: NDArray[np.bool_]) -> list[tuple[int, ...]]:
    """Return the places of the chunks after which one is missing, and that of the last one."""
    flat = whole.ravel()
    ends = np.flatnonzero(flat & ~np.append(flat[1:], False))
    return [tuple(int(at) for at in np.unravel_index(end, whole.shape)) for end in ends]


def read_region(array: zarr.Array[Any], region: tuple[int | slice, ...]) -> NDArray[Any]:
    """Read a part of an array that may still be recorded.

    While a shard's index is being written over, a reader may get half of it; its checksum tells,
    and it is whole a moment later.
    """
    if array.shards is not None:
        with suppress(ValueError):
            return np.asarray(array[region])
    return np.asarray(array[region])
