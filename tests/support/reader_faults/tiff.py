"""TIFF, ImageJ and DeltaVision files that are cut off, or were stopped."""

from __future__ import annotations

from pathlib import Path

import mrc
import numpy as np
import tifffile

from tests.support.reader_faults.case import ALL, FRAMES, Case, X, Y, at_times, cut, in_frame
from tests.support.reader_faults.ome_tiff import ome_files


def pages(frames=FRAMES, **options):
    """Return a builder of a TIFF whose pages have a directory each."""

    def build(folder: Path) -> Path:
        with tifffile.TiffWriter(folder / "raw.tif") as tif:
            for frame in frames:
                tif.write(frame, contiguous=False, metadata=None, **options)
        return folder / "raw.tif"

    return build


def array(frames=FRAMES, **options):
    """Return a builder of a TIFF whose pixels lie one behind the other."""

    def build(folder: Path) -> Path:
        tifffile.imwrite(folder / "raw.tif", frames, **options)
        return folder / "raw.tif"

    return build


def between_pages(number):
    def place(path: Path) -> int:
        with tifffile.TiffFile(path) as tif:
            return tif.pages[number].offset

    return place


def deltavision(frames=FRAMES):
    def build(folder: Path) -> Path:
        mrc.imwrite(str(folder / "raw.dv"), frames)
        return folder / "raw.dv"

    return build


def latin(folder: Path) -> Path:
    """Write "µm" as programs of another century do, in a tag that has to be ASCII."""
    path = array(metadata=None, description="0.065 um")(folder)
    blob = path.read_bytes()
    path.write_bytes(blob.replace(b"0.065 um", b"0.065 \xb5m"))
    return path


IMAGEJ = {"imagej": True, "metadata": {"axes": "TYX"}}
OME = {"ome": True, "metadata": {"axes": "TYX"}}
TORN = "found 4 at time 2; the 2 whole ones are used"


def full_size(*sizes, frames=FRAMES[:22], **options):
    """Return a builder of a file of `sizes` frames, made before the first of them is recorded."""

    def build(folder: Path) -> Path:
        path = folder / "raw.tif"
        pixels = tifffile.memmap(path, shape=(*sizes, Y, X), dtype=np.uint16, **options)
        pixels.reshape(-1, Y, X)[: len(frames)] = frames
        pixels.flush()
        return path

    return build


CUT_TIFF = (
    Case(
        "TIFF",
        "cut off in a frame",
        cut(pages(), in_frame(22)),
        at_times(0, 1),
        f"found one that is cut off; 22 whole frames in all; .*{TORN}",
    ),
    Case(
        "TIFF",
        "cut off between frames",
        cut(pages(), between_pages(20)),
        at_times(0, 1),
        "found one that is cut off.* found 2 at time 2; the 2 whole ones are used",
    ),
    Case(
        "TIFF",
        "cut off in the second raw stack",
        cut(pages(), in_frame(13)),
        at_times(0),
        "found one that is cut off.* found 4 at time 1; the whole one is used",
    ),
    Case(
        "TIFF",
        "cut off in the last frame",
        cut(pages(), in_frame(26)),
        at_times(0, 1),
        r"found 8 at time 2 \(without angle 2, phase 2\); the 2 whole ones are used",
    ),
    Case(
        "TIFF",
        "compressed, cut off",
        cut(pages(compression="zlib"), in_frame(22)),
        at_times(0, 1),
        TORN,
    ),
    Case("TIFF, shape stated", "cut off", cut(array(), in_frame(22)), at_times(0, 1), TORN),
    Case(
        "TIFF, shape stated",
        "made in its full size, then stopped",
        full_size(90),
        at_times(0, 1),
        "nothing but zeros in the last 68.* found 4 at time 2 and none in 7 others",
    ),
    Case(
        "ImageJ",
        "made in its full size, then stopped",
        full_size(10, 9, imagej=True, metadata={"axes": "TZYX"}),
        at_times(0, 1),
        "nothing but zeros in the last 68.* found 4 at time 2 and none in 7 others",
    ),
    Case("ImageJ", "cut off", cut(array(**IMAGEJ), in_frame(22)), at_times(0, 1), TORN),
    Case(
        "OME-TIFF",
        "cut off, its description was at the end",
        cut(array(**OME), in_frame(22)),
        None,
        "expected a multiple of 9 frames .*found 1 frame; .*damaged one: .*invalid value offset",
    ),
    Case(
        "OME-TIFF",
        "cut off",
        cut(ome_files([(0, 0, FRAMES)]), in_frame(22)),
        at_times(0, 1),
        TORN,
    ),
    Case("TIFF", "words that are no ASCII", latin, ALL),
    Case("TIFF", "stopped in mid-stack", pages(FRAMES[:22]), at_times(0, 1), TORN),
    Case("ImageJ", "stopped in mid-stack", array(FRAMES[:22], **IMAGEJ), at_times(0, 1), TORN),
    Case(
        "TIFF",
        "one raw stack and four frames, nothing that shows a stop",
        pages(FRAMES[:13]),
        None,
        r"expected a multiple of 9 frames .*found 13 frames",
    ),
    Case(
        "DeltaVision",
        "cut off",
        cut(deltavision(), lambda path: path.stat().st_size - int(4.5 * Y * X * 2)),
        at_times(0, 1),
        TORN,
    ),
)
