"""Read TIFF, ImageJ, OME-TIFF and Micro-Manager TIFF files, plane by plane."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np
import tifffile

from livesim.io.read.metadata import not_square, read_metadata
from livesim.io.read.micromanager_stack import (
    as_the_frames_say,
    from_the_first_frame,
)
from livesim.io.read.ome_description import Description, described_by, description_of
from livesim.io.read.planes import (
    UNNAMED,
    PlaneFile,
    PlaneGrid,
    check_size,
    expecting,
    fit_side_by_side,
    side_by_side,
)
from livesim.io.read.tiff_damage import damage, damage_reports, left_out, planned
from livesim.io.read.tiff_pages import (
    SEQUENCES,
    Page,
    check_alike,
    frames_in_turn,
    opened,
    pages_of,
    series_of,
)
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
    """Whether the file holds all bytes of the plane."""


def open_tiff(source: Path) -> PlaneFile:
    """Open a TIFF file of any flavour; no pixel is read yet.

    Frames of a file that was cut off, or of an acquisition that was stopped, are missing in the
    grid; `warnings` says so.

    Raises
    ------
    DataError
        If it is no TIFF file, or does not hold grey frames of one shape.
    """
    with damage_reports(), expecting("a TIFF file", source, *BAD_TIFF):
        description = description_of(source)
    return _opened_by(source, _open(description), description.missing)


def open_companion(source: Path) -> PlaneFile:
    """Open the TIFF files that an OME-XML file beside them describes.

    Raises
    ------
    DataError
        If none of them is there, or they are not what it says.
    """
    return _opened_by(source, _open(described_by(source)))


def _open(description: Description) -> PlaneFile:
    source = description.path
    with ExitStack() as stack, damage_reports() as reports:
        with expecting("a TIFF file", source, *BAD_TIFF):
            tif = stack.enter_context(tifffile.TiffFile(source, omexml=description.xml))
            parts = _parts(tif, source)
            if tif.is_imagej and all(part.kind != "imagej" for part in parts):
                parts = _cut_imagej(tif) or parts
            metadata = read_metadata(tif)
            others = _other_files(tif)
        _check_alike(parts, source)
        first = parts[0]
        frames = sum(math.prod(map(int, part.sizes)) for part in parts)
        check_size((frames,), first.shape, source)
        with expecting("a TIFF file", source, *BAD_TIFF):
            grid, read = _join(parts)
            if first.kind == "mmstack":
                grid = from_the_first_frame(grid, tif)
            elif tif.is_micromanager and grid.names == (UNNAMED, UNNAMED):
                grid = as_the_frames_say(tif, grid)
        warnings = (
            *damage(first.kind, grid, reports, source),
            *planned(tif, first.kind, grid, source),
            *left_out(tif, first.kind, int(np.prod(first.sizes)), source),
        )
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
        warnings=(*warnings, *not_square(metadata.pixel_nm, metadata.pixel_y_nm, source)),
        others=others,
        unfinished=bool(warnings),
    )


def _opened_by(source: Path, file: PlaneFile, missing: str | None = None) -> PlaneFile:
    """Return a recording by the name that was asked for, which may be another one of its files."""
    others = {file.source, *file.others} - {source}
    if missing is None:
        return replace(file, source=source, others=tuple(sorted(others)))
    words = (
        f"{source}: expected {missing}, which describes its axes, found no such file: its frames "
        "are taken for a sequence"
    )
    return replace(file, warnings=(words, *file.warnings), unfinished=True)


def _other_files(tif: tifffile.TiffFile) -> tuple[Path, ...]:
    """Return the other files of the recording, as far as they were found."""
    handles = {
        page.parent.filehandle
        for series in tif.series
        for page in (series if series.is_multifile else [series.keyframe])
        if page is not None
    }
    return tuple(sorted(Path(one.path) for one in handles - {tif.filehandle}))


def _check_alike(parts: list[_Part], source: Path) -> None:
    if not parts:
        raise DataError(f"{source}: expected a TIFF file with images, found none in it")
    first = parts[0]
    names = first.names if _are_positions(parts) else (UNNAMED,) * len(first.names)
    if not all(
        (part.shape, part.dtype, part.names) == (first.shape, first.dtype, first.names)
        and fit_side_by_side(names, part.sizes, first.sizes)
        for part in parts
    ):
        found = sorted({f"{(*part.sizes, *part.shape)} {part.dtype}" for part in parts})
        raise DataError(
            f"{source}: expected frames of one shape and type, "
            f"found {len(parts)} differing images of {' and '.join(found)}"
        )


def _parts(tif: tifffile.TiffFile, source: Path) -> list[_Part]:
    """Return the series of a file; pages that only follow each other are one."""
    series = series_of(tif, source)
    pages = [pages_of(tif, one, source) for one in series]
    if series and all(one.kind in SEQUENCES for one in series):
        return [_sequence(tif, series, frames_in_turn([*chain(*pages)]), source)]
    return [_make_part(tif, one, own, source) for one, own in zip(series, pages, strict=True)]


def _sequence(
    tif: tifffile.TiffFile,
    series: list[tifffile.TiffPageSeries],
    pages: list[Page],
    source: Path,
) -> _Part:
    check_alike(pages, source)
    axes, shape = pages[0].axes, pages[0].shape
    dtype = _grey_type(axes, pages[0].dtype, source)
    size = (shape[-2], shape[-1])
    whole = len(pages) == len(series[0])
    reads = (whole and _contiguous(tif, series[0], pages)) or _by_page(pages, size)
    return _Part(
        names=(UNNAMED, *(AXIS_NAMES.get(axis, axis) for axis in axes[:-2])),
        sizes=(len(pages), *shape[:-2]),
        shape=size,
        dtype=dtype,
        kind=series[0].kind,
        read=reads[0],
        has=reads[1],
    )


def _grey_type(axes: str, dtype: np.dtype[np.generic] | None, source: Path) -> np.dtype[np.generic]:
    """Return the type of grey frames, and refuse all else."""
    if not axes.endswith("YX"):
        kind = "colour (RGB) images" if axes.endswith("S") else f"axes {axes}"
        raise DataError(f"{source}: expected grey frames [y, x], found {kind}")
    if dtype is None:
        raise DataError(f"{source}: expected camera counts, found pixels of an unknown type")
    return dtype


def _make_part(
    tif: tifffile.TiffFile,
    series: tifffile.TiffPageSeries,
    pages: list[Page | None],
    source: Path,
) -> _Part:
    dtype = _grey_type(series.axes, series.dtype, source)
    check_alike(pages, source)
    y, x = series.shape[-2:]
    reads = _contiguous(tif, series, pages) or _by_page(pages, (y, x))
    return _Part(
        names=tuple(AXIS_NAMES.get(axis, axis) for axis in series.axes[:-2]),
        sizes=tuple(series.shape[:-2]),
        shape=(y, x),
        dtype=dtype,
        kind=series.kind,
        read=reads[0],
        has=reads[1],
    )


def _cut_imagej(tif: tifffile.TiffFile) -> list[_Part]:
    """Return the series of an ImageJ file that is cut off in its pixels, which tifffile gives up.

    The first page states how many frames there are, in one block behind it or in as many pages;
    none where the file is whole.
    """
    page, stated = tif.pages.first, tif.imagej_metadata or {}
    axes = {"c": ("channel", "channels"), "z": ("z", "slices"), "t": ("time", "frames")}
    letters = reversed(stated.get("order", "czt").lower())
    sizes = {axes[one][0]: int(stated.get(axes[one][1], 1)) for one in letters if one in axes}
    frames = int(np.prod(list(sizes.values())))
    if not page.is_final or page.axes != "YX" or page.dtype is None:
        return []
    if page.dataoffsets[0] + frames * page.nbytes <= tif.filehandle.size:
        return []
    shape = (page.shape[0], page.shape[1])
    if len(tif.pages) > 1:
        read, has = _by_page(list(tif.pages), shape)
    else:
        read, has = _block(tif, page.dataoffsets[0], shape, page.dtype)
    return [_Part(tuple(sizes), tuple(sizes.values()), shape, page.dtype, "imagej", read, has)]


Reads = tuple[Callable[[int], Pixels], Callable[[int], bool]]


def _contiguous(
    tif: tifffile.TiffFile, series: tifffile.TiffPageSeries, pages: Sequence[Page | None]
) -> Reads | None:
    """Read by offset; ImageJ files beyond 4 GB have but one page, and this is the only way.

    Offsets of a series in another file of the recording mean nothing in this one.
    """
    offset = series.dataoffset
    if offset is None or series.is_multifile or series.keyframe.parent is not tif:
        return None
    if any(page.keyframe is not series.keyframe for page in pages if page is not None):
        return None
    return _block(tif, offset, (series.shape[-2], series.shape[-1]), series.dtype)


def _block(
    tif: tifffile.TiffFile, offset: int, shape: tuple[int, int], dtype: np.dtype[np.generic]
) -> Reads:
    """Read frames that lie one behind the other."""
    stored = np.dtype(tif.byteorder + dtype.char)
    pixels = shape[0] * shape[1]
    size = pixels * stored.itemsize
    handle = tif.filehandle
    # A shape that is stated too large must not make frames of directories.
    directories = [page.offset for page in tif.pages[: min(2, len(tif.pages))]]
    end = min((at for at in directories if at > offset), default=handle.size)

    def read(number: int) -> Pixels:
        with handle.lock:
            handle.seek(offset + number * size)
            plane: Pixels = handle.read_array(stored, pixels).reshape(shape)
        return plane

    return read, lambda number: offset + (number + 1) * size <= min(end, handle.size)


def _by_page(pages: Sequence[Page | None], shape: tuple[int, int]) -> Reads:
    first = next(page for page in pages if page is not None)
    per_page = max(1, first.size // (shape[0] * shape[1]))

    def read(number: int) -> Pixels:
        page = pages[number // per_page]
        if page is None:
            raise IndexError(f"no page {number // per_page}")
        with opened(page.parent.filehandle):
            plane: Pixels = page.asarray().reshape(per_page, *shape)[number % per_page]
        return plane

    def has(number: int) -> bool:
        at = number // per_page
        return at < len(pages) and _is_whole(pages[at])

    return read, has


def _is_whole(page: Page | None) -> bool:
    """Whether all pixels of a page lie in its file, which may be another one than was opened."""
    if page is None or not page.dataoffsets:
        return False
    size = page.parent.filehandle.size
    parts = zip(page.dataoffsets, page.databytecounts, strict=True)
    return all(offset > 0 and 0 < count <= size - offset for offset, count in parts)


def _join(parts: list[_Part]) -> tuple[PlaneGrid, Callable[[int], Pixels]]:
    """Count planes through all series: they are positions in OME-TIFF, else a sequence."""
    joint = "position" if _are_positions(parts) else UNNAMED
    recorded = [
        np.reshape([part.has(number) for number in range(int(np.prod(part.sizes)))], part.sizes)
        for part in parts
    ]
    numbers, read = side_by_side(recorded, [part.read for part in parts])
    return PlaneGrid((joint, *parts[0].names), numbers), read


def _are_positions(parts: list[_Part]) -> bool:
    return parts[0].kind in ("ome", "mmstack") and len(parts) > 1


def _guarded(read: Callable[[int], Pixels], source: Path) -> Callable[[int], Pixels]:
    def guarded(number: int) -> Pixels:
        with expecting(f"a readable frame {number}", source, *BAD_TIFF):
            try:
                return read(number)
            except ValueError as error:
                if "imagecodecs" not in str(error):
                    raise
                raise DataError(
                    f"{source}: expected the package imagecodecs for its compression, found none "
                    "or an older one; pip install --upgrade imagecodecs"
                ) from error

    return guarded
