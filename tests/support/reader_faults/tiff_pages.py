"""TIFF files in which not every page is stored as the first one, or is a frame at all."""

from __future__ import annotations

from pathlib import Path

import tifffile

from tests.support.reader_faults.case import ALL, FRAMES, Case


def odd_pages(*numbers, change=lambda frame: frame, first=None, frames=FRAMES, **options):
    """Return a builder of a TIFF of which some pages are stored in another way."""

    def build(folder: Path) -> Path:
        with tifffile.TiffWriter(folder / "raw.tif") as tif:
            for number, frame in enumerate(frames):
                odd = number in numbers
                said = first if number == 0 else None
                tif.write(
                    change(frame) if odd else frame,
                    description=said,
                    metadata=None,
                    contiguous=False,
                    **(options if odd else {}),
                )
        return folder / "raw.tif"

    return build


def with_thumbnails(behind, thumbnail=lambda frame: frame[:6, :8], **options):
    """Return a builder of a TIFF with another image behind some of its frames."""

    def build(folder: Path) -> Path:
        with tifffile.TiffWriter(folder / "raw.tif") as tif:
            for number, frame in enumerate(FRAMES):
                tif.write(frame, metadata=None, contiguous=False)
                if number in behind:
                    chosen = {"subfiletype": 1, "metadata": None, "contiguous": False} | options
                    tif.write(thumbnail(frame), **chosen)
        return folder / "raw.tif"

    return build


def thumbnail_first(folder: Path) -> Path:
    with tifffile.TiffWriter(folder / "raw.tif") as tif:
        tif.write(FRAMES[0, :6, :8], metadata=None, subfiletype=1)
        for frame in FRAMES:
            tif.write(frame, metadata=None, contiguous=False)
    return folder / "raw.tif"


def last_one_compressed_behind_the_others(folder: Path) -> Path:
    """Directories at the end, and a last page whose pixels lie where they would uncompressed."""
    path = folder / "raw.tif"
    with tifffile.TiffWriter(path) as tif:
        tif.write(FRAMES[:26], metadata=None)
        tif.write(FRAMES[26], metadata=None, contiguous=False, compression="zlib")
    return path


LINE = "ImageJ=1.11a\nimages=27\nframes=27\n"
PAGES_APART = r"expected frames of one shape and type, found 2 kinds of pages, such as \("
TIFF_PAGES = (
    Case("TIFF", "one page compressed", odd_pages(13, compression="zlib"), ALL),
    Case("TIFF", "three pages compressed, with a predictor",
         odd_pages(13, 14, 20, compression="zlib", predictor=True), ALL),
    Case("TIFF", "the first page compressed", odd_pages(0, compression="zlib"), ALL),
    Case("TIFF", "all pages compressed but the first",
         odd_pages(*range(1, 27), compression="zlib"), ALL),
    Case("TIFF", "every other page compressed",
         odd_pages(*range(1, 27, 2), compression="zlib"), ALL),
    Case("TIFF", "the last page compressed", last_one_compressed_behind_the_others, ALL),
    Case("TIFF", "one page in tiles", odd_pages(13, tile=(16, 16)), ALL),
    Case("TIFF", "one page in several strips", odd_pages(13, rowsperstrip=5), ALL),
    Case("ImageJ", "one page compressed", odd_pages(13, first=LINE, compression="zlib"), ALL),
    Case("ImageJ", "one page in several strips", odd_pages(13, first=LINE, rowsperstrip=5), None,
         "expected pages that are stored alike, found strips and tiles of several sizes"),
    Case("TIFF", "one page of bytes", odd_pages(13, change=lambda frame: frame.astype("u1")),
         None, PAGES_APART),
    Case("TIFF", "one page signed", odd_pages(13, change=lambda frame: frame.astype("i2")),
         None, PAGES_APART),
    Case("ImageJ", "one page of another size",
         odd_pages(13, first=LINE, change=lambda frame: frame[:8]), None, PAGES_APART),
    Case("TIFF", "one page of another size", odd_pages(13, change=lambda frame: frame[:8]),
         None, PAGES_APART),
    Case("TIFF", "a thumbnail behind one frame", with_thumbnails([13]), ALL),
    Case("TIFF", "a thumbnail behind every frame", with_thumbnails(range(27)), ALL),
    Case("TIFF", "a thumbnail before the first frame", thumbnail_first, ALL),
    Case("TIFF", "a transparency mask behind one frame",
         with_thumbnails([13], lambda frame: frame > 0, subfiletype=4, photometric="mask"), ALL),
    Case("TIFF", "frames that are called thumbnails", odd_pages(13, 26, subfiletype=1), ALL),
    Case("TIFF", "frames that are all called thumbnails",
         odd_pages(*range(27), subfiletype=1), ALL),
)  # fmt: skip
