"""Files in which the pixels of some frames are damaged, so that they cannot be decoded."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import tifffile
from numcodecs import Blosc

from tests.support.reader_faults.case import Case, X, Y, at_times
from tests.support.reader_faults.tiff import pages
from tests.support.reader_faults.zarr import zarr_array


def garbled(build, name, change):
    """Return a builder that changes the bytes of one file of what another one built."""

    def damaged(folder: Path) -> Path:
        path = build(folder)
        file = path / name if name else path
        file.write_bytes(change(file.read_bytes()))
        return path

    return damaged


def in_the_middle(blob: bytes) -> bytes:
    half = len(blob) // 2
    return blob[:half] + bytes(byte ^ 0x5A for byte in blob[half : half + 8]) + blob[half + 8 :]


def at_the_start(blob: bytes) -> bytes:
    return bytes(byte ^ 0x5A for byte in blob[:16]) + blob[16:]


def half_of_it(blob: bytes) -> bytes:
    return blob[: len(blob) // 2]


def nothing_of_it(blob: bytes) -> bytes:
    return b""


def page(number, change):
    """Return what changes the pixels of one page of a TIFF."""

    def changed(blob: bytes) -> bytes:
        with tifffile.TiffFile(BytesIO(blob)) as tif:
            one = tif.pages[number]
            begin, size = one.dataoffsets[0], one.databytecounts[0]
        return blob[:begin] + change(blob[begin : begin + size]) + blob[begin + size :]

    return changed


BLOSC2 = {"zarr_format": 2, "compressors": Blosc(cname="lz4")}
GONE_1 = r"expected a readable frame 13, found an error: "
SHARDED = zarr_array(planned=27, shards=(9, Y, X))
GARBLED = (
    Case("Zarr 3", "a chunk garbled", garbled(zarr_array(planned=27), "c/13/0/0", at_the_start),
         at_times(0, 2), GONE_1),
    Case("Zarr 3", "the first chunk garbled",
         garbled(zarr_array(planned=27), "c/0/0/0", at_the_start), at_times(1, 2),
         "expected a readable frame 0, found an error: "),
    Case("Zarr 3", "the last chunk garbled",
         garbled(zarr_array(planned=27), "c/26/0/0", at_the_start), at_times(0, 1),
         "expected a readable frame 26, found an error: "),
    Case("Zarr 3", "a chunk cut off", garbled(zarr_array(planned=27), "c/13/0/0", half_of_it),
         at_times(0, 2), GONE_1),
    Case("Zarr 3", "a chunk that is an empty file",
         garbled(zarr_array(planned=27), "c/13/0/0", nothing_of_it), at_times(0, 2), GONE_1),
    Case("Zarr 3", "a chunk without compression cut off",
         garbled(zarr_array(planned=27, compressors=None), "c/13/0/0", half_of_it),
         at_times(0, 2), GONE_1),
    Case("Zarr 3", "a chunk of several frames garbled",
         garbled(zarr_array(planned=27, chunks=(9, Y, X)), "c/1/0/0", at_the_start),
         at_times(0, 2), "expected a readable frame 9, found an error: "),
    Case("Zarr 3", "the last chunk of several frames garbled",
         garbled(zarr_array(planned=27, chunks=(9, Y, X)), "c/2/0/0", at_the_start),
         at_times(0, 1), "expected a readable frame 18, found an error: "),
    Case("Zarr 3", "a chunk in a shard garbled", garbled(SHARDED, "c/1/0/0", at_the_start),
         at_times(0, 2), "expected a readable frame 9, found an error: "),
    Case("Zarr 3", "a shard cut off", garbled(SHARDED, "c/1/0/0", half_of_it),
         at_times(0, 2), "found none at time 1|expected a readable frame 9, found an error: "),
    Case("Zarr 3", "a shard that is an empty file", garbled(SHARDED, "c/1/0/0", nothing_of_it),
         at_times(0, 2), "found none in 1; the 2 whole ones are used"),
    Case("Zarr 3", "the index of a shard garbled",
         garbled(SHARDED, "c/1/0/0", lambda blob: blob[:-8] + at_the_start(blob[-8:])),
         at_times(0, 2), "expected a readable frame 9, found an error: "),
    Case("Zarr 2", "a chunk garbled, Blosc",
         garbled(zarr_array(planned=27, **BLOSC2), "13.0.0", at_the_start), at_times(0, 2), GONE_1),
    Case("TIFF", "a compressed page garbled, zlib",
         garbled(pages(compression="zlib"), "", page(13, in_the_middle)), at_times(0, 2), GONE_1),
    Case("TIFF", "a compressed page garbled, LZW",
         garbled(pages(compression="lzw"), "", page(13, at_the_start)), at_times(0, 2), GONE_1),
    Case("TIFF", "a compressed page garbled, Zstandard",
         garbled(pages(compression="zstd"), "", page(13, at_the_start)), at_times(0, 2), GONE_1),
    Case("TIFF", "a compressed page garbled, JPEG 2000",
         garbled(pages(compression="jpeg2000"), "", page(13, at_the_start)), at_times(0, 2),
         GONE_1),
    Case("TIFF", "the first compressed page garbled",
         garbled(pages(compression="zlib"), "", page(0, in_the_middle)), at_times(1, 2),
         "expected a readable frame 0, found an error: "),
    Case("TIFF", "a compressed page of zeros instead of its code",
         garbled(pages(compression="zlib"), "", page(13, lambda blob: bytes(len(blob)))),
         at_times(0, 2), GONE_1),
    Case("TIFF", "LZW code of zeros",
         garbled(pages(compression="lzw"), "", page(13, lambda blob: bytes(len(blob)))),
         at_times(0, 2), GONE_1),
)  # fmt: skip
