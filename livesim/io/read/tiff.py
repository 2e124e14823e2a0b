"""A TIFF, ImageJ, OME-TIFF or Micro-Manager TIFF file in, its planes one at a time out."""

from __future__ import annotations

import logging
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile

from livesim.io.read.metadata import read_metadata
from livesim.io.read.planes import NO_PLANE, UNNAMED, PlaneFile, PlaneGrid, consecutive, expecting
from livesim.values.errors import DataError
from livesim.values.frames import Pixels

# What tifffile raises on files that are cut off, garbled or compressed in an unknown way.
BAD_TIFF = (
    ValueError, OSError, struct.error, IndexError, KeyError, TypeError, OverflowError,
    ZeroDivisionError, RuntimeError, AssertionError, zlib.error, MemoryError,
)  # fmt: skip
AXIS_NAMES = {
    "T": "time", "C": "channel", "Z": "z", "R": "position", "A": "angle", "P": "phase",
    # Planar samples too: tifffile writes a plain array [3, 3, y, x] as planar "RGB".
    "I": UNNAMED, "Q": UNNAMED, "S": UNNAMED,
}  # fmt: skip
# Files of these kinds state their shape, so that their pixels can be whole without all pages.
STATES_SHAPE = ("shaped", "imagej")
DAMAGE = ("invalid", "corrupt", "circular", "failed", "missing")


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """One series of the file and how to read a plane of it."""

    names: tuple[str, ...]
    sizes: tuple[int, ...]
    shape: tuple[int, int]
    dtype: np.dtype[np.generic]
    kind: str
    read: Callable[[int], Pixels]
    has: Callable[[int], bool]


def open_tiff(source: Path) -> PlaneFile:
    """Open a TIFF file of any flavour; no pixel is read yet.

    Raises
    ------
    DataError
        If it is no TIFF file, is cut off, or does not hold grey frames of one shape.
    """
    with ExitStack() as stack, _damage_reports() as reports:
        with expecting("a TIFF file", source, *BAD_TIFF):
            tif = stack.enter_context(tifffile.TiffFile(source))
            parts = [_make_part(tif, series, source) for series in tif.series]
            metadata = read_metadata(tif)
        _check_whole(parts, reports, source)
        first = parts[0]
        grid, read = _join(parts)
        stack.pop_all()
    return PlaneFile(
        source=source,
        frame_shape=first.shape,
        dtype=first.dtype,
        grid=grid,
        read=_guarded(read, source),
        close=tif.close,
        pixel_nm=metadata.pixel_nm,
        exposure_ms=metadata.exposure_ms,
        interval_s=metadata.interval_s,
        z_step_nm=metadata.z_step_nm,
        channel_names=metadata.channel_names,
    )


@contextmanager
def _damage_reports() -> Iterator[list[str]]:
    """Collect what tifffile only logs: it skips pages that lie beyond the end of a file."""
    reports: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: reports.append(_plain(record))  # type: ignore[method-assign]
    logger = logging.getLogger("tifffile")
    logger.addHandler(handler)
    try:
        yield reports
    finally:
        logger.removeHandler(handler)


def _plain(record: logging.LogRecord) -> str:
    """Return a message without tifffile's name for the object, which stands first in <>."""
    return " ".join(re.sub(r"^<[^>]*> ", "", record.getMessage()).split())


def _check_whole(parts: list[_Part], reports: list[str], source: Path) -> None:
    if not parts:
        raise DataError(f"{source}: expected a TIFF file with images, found none in it")
    damage = [report for report in reports if any(word in report for word in DAMAGE)]
    if damage and parts[0].kind not in STATES_SHAPE:
        raise DataError(f"{source}: expected a whole TIFF file, found a damaged one: {damage[0]}")
    shapes = {(part.shape, part.dtype, part.sizes) for part in parts}
    if len(shapes) > 1:
        frames = " and ".join(sorted({f"{y} x {x} {dtype}" for (y, x), dtype, _ in shapes}))
        raise DataError(
            f"{source}: expected frames of one shape and type, "
            f"found {len(parts)} differing images of {frames}"
        )


def _make_part(tif: tifffile.TiffFile, series: tifffile.TiffPageSeries, source: Path) -> _Part:
    if not series.axes.endswith("YX"):
        kind = "colour (RGB) images" if series.axes.endswith("S") else f"axes {series.axes}"
        raise DataError(f"{source}: expected grey frames [y, x], found {kind}")
    if series.dtype is None:
        raise DataError(f"{source}: expected camera counts, found pixels of an unknown type")
    y, x = series.shape[-2:]
    reads = _contiguous(tif, series, source) or _by_page(series, source)
    return _Part(
        names=tuple(AXIS_NAMES.get(axis, axis) for axis in series.axes[:-2]),
        sizes=tuple(series.shape[:-2]),
        shape=(y, x),
        dtype=series.dtype,
        kind=series.kind,
        read=reads[0],
        has=reads[1],
    )


Reads = tuple[Callable[[int], Pixels], Callable[[int], bool]]


def _contiguous(
    tif: tifffile.TiffFile, series: tifffile.TiffPageSeries, source: Path
) -> Reads | None:
    """Read by offset; ImageJ files beyond 4 GB have but one page, and this is the only way."""
    offset = series.dataoffset
    if offset is None:
        return None
    y, x = series.shape[-2:]
    stored = np.dtype(tif.byteorder + series.dtype.char)
    handle = tif.filehandle
    end = offset + series.size * stored.itemsize
    if end > handle.size:
        raise DataError(
            f"{source}: expected {series.size // (y * x)} frames of {y} x {x} pixels "
            f"({end} bytes), found a file cut off at {handle.size} bytes"
        )

    def read(number: int) -> Pixels:
        with handle.lock:
            handle.seek(offset + number * y * x * stored.itemsize)
            plane: Pixels = handle.read_array(stored, y * x).reshape(y, x)
        return plane

    return read, lambda _: True


def _by_page(series: tifffile.TiffPageSeries, source: Path) -> Reads:
    _check_pages(series, source)
    y, x = series.shape[-2:]
    per_page = max(1, series.keyframe.size // (y * x))

    def read(number: int) -> Pixels:
        page = series[number // per_page]
        if page is None:
            raise IndexError(f"no page {number // per_page}")
        plane: Pixels = page.asarray().reshape(per_page, y, x)[number % per_page]
        return plane

    return read, lambda number: series[number // per_page] is not None


def _check_pages(series: tifffile.TiffPageSeries, source: Path) -> None:
    """Refuse a page whose pixels lie beyond the end of the file."""
    for number, page in enumerate(series):
        if page is None:
            continue
        parts = zip(page.dataoffsets, page.databytecounts, strict=True)
        end = max((offset + size for offset, size in parts), default=0)
        found = page.parent.filehandle.size
        if end > found:
            raise DataError(
                f"{source}: expected {end} bytes for frame {number}, "
                f"found a file cut off at {found} bytes"
            )


def _join(parts: list[_Part]) -> tuple[PlaneGrid, Callable[[int], Pixels]]:
    """Count planes through all series: they are positions in OME-TIFF, else a sequence."""
    first = parts[0]
    each = int(np.prod(first.sizes))
    joint = "position" if first.kind in ("ome", "mmstack") and len(parts) > 1 else UNNAMED
    grid = consecutive((joint, *first.names), (len(parts), *first.sizes))
    present = [part.has(number) for part in parts for number in range(each)]
    numbers = np.where(np.reshape(present, grid.numbers.shape), grid.numbers, NO_PLANE)

    def read(number: int) -> Pixels:
        return parts[number // each].read(number % each)

    return PlaneGrid(grid.names, numbers), read


def _guarded(read: Callable[[int], Pixels], source: Path) -> Callable[[int], Pixels]:
    def guarded(number: int) -> Pixels:
        with expecting(f"a readable frame {number}", source, *BAD_TIFF):
            return read(number)

    return guarded
