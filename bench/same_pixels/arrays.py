"""Read what two checkouts made of a recording, and say how it differs to the bit.

Files are read with tifffile and zarr alone: livesim does not judge itself.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import zarr
from numpy.typing import NDArray

from bench.same_pixels.outputs import DEFAULT, LIVE, PATTERN, PLAIN

Array = NDArray[Any]
Arrays = Mapping[str, Array]
"""Name -> array; a number of a pattern file is an array without axes."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How two sets of arrays differ."""

    values: int = 0
    """Pixels or numbers of which any bit differs."""
    largest: float = 0.0
    """Largest absolute difference; inf where one is no number."""
    words: str = ""
    """Names, shapes or types that differ."""

    def __bool__(self) -> bool:
        return self.values > 0 or bool(self.words)

    def __str__(self) -> str:
        if not self:
            return "equal"
        counted = f"{self.values} values by up to {self.largest:.3g}" if self.values else ""
        return f"differs: {', '.join(filter(None, (counted, self.words)))}"


def compare(before: Arrays, after: Arrays) -> Difference:
    """Return how two sets of arrays differ in their bits: -0.0 is not 0.0, NaN is the same NaN."""
    each = [_compare_one(name, before.get(name), after.get(name)) for name in {**before, **after}]
    return Difference(
        values=sum(one.values for one in each),
        largest=max((one.largest for one in each), default=0.0),
        words=", ".join(one.words for one in each if one.words),
    )


def _compare_one(name: str, before: Array | None, after: Array | None) -> Difference:
    if before is None or after is None:
        return Difference(words=f"{name} only {'after' if before is None else 'before'}")
    kinds = [f"{array.dtype}{list(array.shape)}" for array in (before, after)]
    if kinds[0] != kinds[1]:
        return Difference(words=f"{name} {kinds[0]} became {kinds[1]}")
    unequal = (_bytes(before) != _bytes(after)).any(axis=1)
    if not unequal.any():
        return Difference()
    gaps = np.abs(before.ravel()[unequal].astype(float) - after.ravel()[unequal].astype(float))
    return Difference(int(unequal.sum()), float(np.nan_to_num(gaps, nan=np.inf).max()))


def _bytes(array: Array) -> NDArray[np.uint8]:
    """Return the bytes of every value, [value, byte]."""
    return np.frombuffer(array.tobytes(), np.uint8).reshape(array.size, array.itemsize)


def digest(arrays: Arrays) -> str:
    """Return the SHA-256 of names, types, shapes and bytes."""
    found = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        found.update(f"{name} {array.dtype} {array.shape} ".encode())
        found.update(array.tobytes())
    return found.hexdigest()


def pattern_numbers(file: Path) -> Arrays:
    """Return every number of a pattern file by its place in it; text is left out."""
    document = json.loads(file.read_text(encoding="utf-8"))
    return {name: np.asarray(value) for name, value in _numbers(document, "")}


def _numbers(document: Any, name: str) -> Iterator[tuple[str, float]]:
    if isinstance(document, dict | list):
        items = document.items() if isinstance(document, dict) else enumerate(document)
        for key, value in items:
            yield from _numbers(value, f"{name}/{key}")
    elif isinstance(document, int | float):
        yield name, float(document)


def image(file: Path) -> Arrays:
    """Return the pixels of a TIFF file."""
    return {"image": tifffile.imread(file)}


def zarr_arrays(folder: Path) -> Arrays:
    """Return every array below a Zarr group but the clock times, whose names end with "_ns"."""
    members = zarr.open_group(folder, mode="r").members(max_depth=None)
    return {
        name: np.asarray(member[...])
        for name, member in members
        if isinstance(member, zarr.Array) and not name.endswith("_ns")
    }


PARTS: dict[str, tuple[str, Callable[[Path], Arrays]]] = {
    "calibrate": (PATTERN, pattern_numbers),
    "plain": (PLAIN, image),
    "default steps": (DEFAULT, image),
    "live: pattern": (f"{LIVE}/stream-*/pattern.json", pattern_numbers),
    "live: raw": (f"{LIVE}/stream-*/raw.zarr", zarr_arrays),
    "live: results": (f"{LIVE}/stream-*/results.ome.zarr", zarr_arrays),
}
"""What is compared -> where it lies and how it is read."""


def read(folder: Path, part: str) -> Arrays:
    """Return one part of what was made of a recording; nothing if it was not made."""
    place, reader = PARTS[part]
    found = sorted(folder.glob(place))
    return reader(found[0]) if len(found) == 1 else {}


def compare_folders(before: Path, after: Path) -> dict[str, dict[str, Any]]:
    """Compare all that two checkouts made of one recording; what neither made differs as well."""
    return {part: _row(read(before, part), read(after, part)) for part in PARTS}


def _row(before: Arrays, after: Arrays) -> dict[str, Any]:
    nothing = Difference(words="nothing was made") if not before and not after else None
    found = nothing or compare(before, after)
    return {
        "equal": not found,
        "said": str(found),
        "values": found.values,
        "largest": found.largest if math.isfinite(found.largest) else None,
        "sha256": [digest(before), digest(after)],
        "shapes": {name: list(array.shape) for name, array in after.items() if array.ndim},
    }
