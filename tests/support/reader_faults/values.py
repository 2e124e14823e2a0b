"""Compression, and other values than unsigned 16 bits."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from tests.support.reader_faults.case import ALL, FRAMES, Case, X, Y, at_times
from tests.support.reader_faults.tiff import deltavision, pages

FLOATS = (FRAMES + np.float32(0.25)).astype(np.float32)
SIGNED = FRAMES.astype(np.int16) - 100
FLOAT_WORDS = "found float32: offset and gain in .camera. have to be those of these values"
SIGNED_WORDS = "found values below 0: the camera's offset was probably subtracted"


def packed_12_bit(folder: Path) -> Path:
    """Two values in three bytes, as cameras stream them; no library of ours writes them."""
    values = (FRAMES % 4096).reshape(27, -1, 2)
    first, second = values[..., 0].astype(int), values[..., 1].astype(int)
    packed = np.stack([first >> 4, (first & 15) << 4 | second >> 8, second & 255], -1)
    blob = bytearray(b"II*\0\x08\0\0\0")
    for number, frame in enumerate(packed.astype(np.uint8)):
        begin = len(blob)
        data = begin + 2 + 10 * 12 + 4
        entries = [
            (256, 4, X), (257, 4, Y), (258, 3, 12), (259, 3, 1), (262, 3, 1), (273, 4, data),
            (277, 3, 1), (278, 4, Y), (279, 4, frame.size), (339, 3, 1),
        ]  # fmt: skip
        blob += struct.pack("<H", len(entries))
        blob += b"".join(struct.pack("<HHII", tag, kind, 1, v) for tag, kind, v in entries)
        following = 0 if number == 26 else data + frame.size
        blob += struct.pack("<I", following) + frame.tobytes()
    (folder / "raw.tif").write_bytes(blob)
    return folder / "raw.tif"


TYPES = (
    Case("TIFF", "LZW", pages(compression="lzw"), ALL),
    Case("TIFF", "Zstandard", pages(compression="zstd"), ALL),
    Case("TIFF", "JPEG 2000", pages(compression="jpeg2000"), ALL),
    Case("TIFF", "LZW with a predictor", pages(compression="lzw", predictor=True), ALL),
    Case("TIFF", "packed 12 bit", packed_12_bit, at_times(0, 1, 2, frames=FRAMES % 4096)),
    Case("TIFF", "32-bit float", pages(FLOATS), at_times(0, 1, 2, frames=FLOATS), FLOAT_WORDS,
         loses=False),
    Case("DeltaVision", "32-bit float", deltavision(FLOATS), at_times(0, 1, 2, frames=FLOATS),
         FLOAT_WORDS, loses=False),
    Case("TIFF", "64-bit float", pages(FLOATS.astype(np.float64)),
         at_times(0, 1, 2, frames=FLOATS), "found float64: offset and gain in .camera. have",
         loses=False),
    Case("TIFF", "signed, below 0", pages(SIGNED),
         at_times(0, 1, 2, frames=SIGNED.astype(np.float32)), SIGNED_WORDS, loses=False),
    Case("DeltaVision", "signed, below 0", deltavision(SIGNED),
         at_times(0, 1, 2, frames=SIGNED.astype(np.float32)), SIGNED_WORDS, loses=False),
    Case("DeltaVision", "signed, none below 0", deltavision(FRAMES.astype(np.int16)), ALL),
)  # fmt: skip
