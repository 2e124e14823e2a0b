"""Put encoded chunks where Zarr looks for them: each in a file of its own, or many in a shard.

Every function has handed its bytes to the operating system when it returns, so that a process
killed at any moment loses nothing that was put before.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import google_crc32c
import zarr
from zarr.codecs import ShardingCodecIndexLocation
from zarr.storage import LocalStore

if TYPE_CHECKING:
    from zarr.core.array import ShardsConfigParam

PutChunk = Callable[[tuple[int, ...], bytes], Path]
"""Take the place of a stack along the leading axes, and its chunk; return the file it is in."""

METADATA = "zarr.json"
"""What describes an array or a group, in its folder."""
_ENTRY = struct.Struct("<QQ")
"""Where in a shard a chunk begins and how long it is, in bytes."""
_CHECKSUM = struct.Struct("<I")
_NO_CHUNK = _ENTRY.pack(2**64 - 1, 2**64 - 1)


def chunk_writer(array: zarr.Array[Any], time: int) -> PutChunk:
    """Return what writes the chunks of an array, sharded along the axis `time` or not at all."""
    if array.shards is None:
        folder = array_folder(array)
        return lambda place, chunk: write_whole(chunk_path(array, place), chunk, folder)
    return ShardFiles(array, time).put


def sharded(chunks: tuple[int, ...], time: int, count: int) -> ShardsConfigParam | None:
    """Return how Zarr is asked for shards of so many chunks along one axis; None for just one."""
    if count == 1:
        return None
    shape = tuple(count if axis == time else size for axis, size in enumerate(chunks))
    return {"shape": shape, "index_location": ShardingCodecIndexLocation.start}


class ShardFiles:
    """The shards of an array, each of them whole and readable from its first chunk on.

    A shard begins with its index, which the codec "sharding_indexed" allows: where each chunk is,
    and a checksum. A chunk is appended first, then the index is written over, which makes the
    chunk exist. The index lies in one page of memory (`settings.SHARD_LIMIT`), and the system
    copies that as one piece: a process that is killed leaves the old index or the new one.

    Nothing is kept between two chunks, so memory does not grow, and no file stays open.

    Source: Zarr 3, codec sharding_indexed, "Binary shard format".
    """

    def __init__(self, array: zarr.Array[Any], time: int) -> None:
        assert array.shards is not None
        self._array, self._time = array, time
        self._slots = array.shards[time]

    def put(self, place: tuple[int, ...], chunk: bytes) -> Path:
        """Append one chunk to its shard; one that was there before is replaced."""
        shard, slot = divmod(place[self._time], self._slots)
        path = chunk_path(self._array, (*place[: self._time], shard, *place[self._time + 1 :]))
        if not path.exists():
            write_whole(path, _sealed(_NO_CHUNK * self._slots), array_folder(self._array))
        with path.open("r+b", buffering=0) as file:
            index = bytearray(file.read(self._slots * _ENTRY.size))
            start = file.seek(0, 2)
            write_all(file, chunk)
            _ENTRY.pack_into(index, slot * _ENTRY.size, start, len(chunk))
            file.seek(0)
            write_all(file, _sealed(bytes(index)))
        return path


def chunk_path(array: zarr.Array[Any], chunk: tuple[int, ...]) -> Path:
    """Return the file of a chunk or shard, given its number along the leading axes."""
    numbers = (*chunk, *(0,) * (array.ndim - len(chunk)))
    return array_folder(array) / array.metadata.encode_chunk_key(numbers)


def array_folder(array: zarr.Array[Any]) -> Path:
    """Return the folder in which an array's metadata and chunks lie."""
    return cast(LocalStore, array.store).root / array.path


def write_whole(path: Path, content: bytes, within: Path) -> Path:
    """Write a file that appears whole or not at all, and return it.

    Parameters
    ----------
    within
        The folder that is there already, and is never made again; those between it and the file
        are made.

    Raises
    ------
    OSError
        If it cannot be written; then nothing is left of it.
    """
    # A name of its own: another process, on this machine or another, may write the same.
    partial = path.with_name(f"{path.name}.{token_hex(4)}.partial")
    try:
        try:
            file = partial.open("wb", buffering=0)
        except FileNotFoundError:
            _make_folders(path.parent, within)
            file = partial.open("wb", buffering=0)
        with file:
            write_all(file, content)
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
    return path


def _make_folders(folder: Path, within: Path) -> None:
    if folder != within:
        _make_folders(folder.parent, within)
        folder.mkdir(exist_ok=True)


def write_at(path: Path, offset: int, content: bytes) -> None:
    """Write over a part of a file that exists.

    Raises
    ------
    FileNotFoundError
        If it does not.
    OSError
        If it cannot be written.
    """
    with path.open("r+b", buffering=0) as file:
        file.seek(offset)
        write_all(file, content)


def write_all(file: BinaryIO, content: bytes) -> None:
    """Write all of it: the system may take less at once, and says why at the next attempt."""
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]


def _sealed(index: bytes) -> bytes:
    return index + _CHECKSUM.pack(google_crc32c.value(index))
