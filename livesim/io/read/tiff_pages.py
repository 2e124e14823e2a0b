"""Ask every page of a TIFF file how it is stored: tifffile takes the first one's word for all."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import tifffile

from livesim.values.errors import DataError

Page = tifffile.TiffPage | tifffile.TiffFrame
SEQUENCES = ("uniform", "generic")
"""Kinds of series that say no more than that pages follow each other."""
STORAGE = frozenset((254, 256, 257, 258, 259, 262, 266, 277, 278, 284, 317, 322, 323, 339))
"""Tags that say how a page is decoded, and whether it is a frame or a thumbnail of one."""
REDUCED, MASK = 1, 4
"""In NewSubfileType (TIFF 6, section 8): a thumbnail, and a transparency mask, of another page."""


def series_of(tif: tifffile.TiffFile, source: Path) -> list[tifffile.TiffPageSeries]:
    """Return the series of a file, whose pages may be stored in different ways.

    Raises
    ------
    DataError
        If the pages of a series that states axes have strips and tiles in turns.
    """
    with _stored_alike(source):
        try:
            return list(tif.series)
        except RuntimeError:
            if tif.is_imagej or not tif.is_uniform:
                raise
            tif.is_uniform = False  # then tifffile asks every page, and sorts them by kind
            return list(tif.series)


def pages_of(
    tif: tifffile.TiffFile, series: tifffile.TiffPageSeries, source: Path
) -> list[Page | None]:
    """Return the pages of a series; None where the file has none.

    Pages that are stored as the first one are `TiffFrame`, which is cheap: 10 000 of them are asked
    in a tenth of a second.

    Raises
    ------
    DataError
        If some have strips and others tiles, in a series that states axes.
    """
    with _stored_alike(source):
        if series.keyframe.parent is tif and not series.keyframe.is_subifd:
            tif.pages.useframes = True
            tif.pages.set_keyframe(series.keyframe.index)
        pages = list(series)
    first = _storage(series.keyframe)
    return [page if page is None else _with_own_tags(page, first) for page in pages]


def frames_in_turn(pages: Sequence[Page | None]) -> list[Page]:
    """Sort pages as they follow each other in the file, without thumbnails and masks of others."""
    there = [page for page in pages if page is not None and not page.is_subifd]
    there.sort(key=lambda page: page.index)
    frames = [page for page in there if not _flags(page) & MASK]
    whole = [page for page in frames if not _flags(page) & REDUCED]
    if not whole:
        return frames or there
    # Some writers call a page reduced that is as large as the others.
    return [page for page in frames if not _flags(page) & REDUCED or page.shape == whole[0].shape]


def check_alike(pages: Sequence[Page | None], source: Path) -> None:
    """Refuse pages of different shapes or types.

    Raises
    ------
    DataError
        With what they are.
    """
    kinds = {(page.shape, page.dtype) for page in pages if page is not None}
    if len(kinds) > 1:
        found = sorted(f"{shape} {dtype}" for shape, dtype in kinds)
        raise DataError(
            f"{source}: expected frames of one shape and type, found {len(kinds)} kinds of pages, "
            f"such as {found[0]} and {found[1]}"
        )


@contextmanager
def opened(handle: tifffile.FileHandle) -> Iterator[None]:
    """Open a file of the recording for a moment: only the one that was asked for stays open."""
    closed = handle.closed
    if closed:
        handle.open()
    try:
        yield
    finally:
        if closed:
            handle.close()


@contextmanager
def _stored_alike(source: Path) -> Iterator[None]:
    """Say what tifffile means with a page that is not stored as the first one."""
    try:
        yield
    except RuntimeError as error:
        if "incompatible keyframe" not in str(error):
            raise
        raise DataError(
            f"{source}: expected pages that are stored alike, found strips and tiles of several "
            "sizes: save the file anew"
        ) from error


def _with_own_tags(page: Page, first: frozenset[bytes]) -> Page:
    """Return a page that is decoded as its own tags say."""
    if isinstance(page, tifffile.TiffPage) or page.is_virtual:
        return page
    with opened(page.parent.filehandle):
        return page if _storage(page) == first else page.aspage()


def _storage(page: Page) -> frozenset[bytes]:
    """Return the entries of a page's directory on which its decoding depends, as they are stored.

    TIFF 6, section 2: a count, then entries of equal size that begin with the tag.
    """
    form, handle = page.parent.tiff, page.parent.filehandle
    with opened(handle):
        handle.seek(page.offset)
        (count,) = struct.unpack(form.tagnoformat, handle.read(form.tagnosize))
        block = handle.read(count * form.tagsize)
    entries = (block[at : at + form.tagsize] for at in range(0, len(block), form.tagsize))
    code = struct.Struct(f"{form.byteorder}H")
    return frozenset(one for one in entries if code.unpack_from(one)[0] in STORAGE)


def _flags(page: Page) -> int:
    """Return NewSubfileType; a frame that tifffile has not read has that of the first one."""
    return 0 if page.keyframe is None else page.keyframe.subfiletype
