"""Write Micro-Manager's image stacks (`…_MMStack_Pos0.ome.tif`) as its version 2 lays them out.

A header with the offsets of the blocks, the summary, the frames (a directory of 13 entries, the
pixels, the metadata), then the index, the display settings and the comments.
"""

import json
import struct
from pathlib import Path

import numpy as np

INDEX, DISPLAY, COMMENTS, SUMMARY = 54773648, 483765892, 99384722, 2355492
"""In the header, each before the offset of a block."""
INDEX_BLOCK, DISPLAY_BLOCK, COMMENTS_BLOCK = 3453623, 347834724, 84720485
SHORT, LONG, ASCII, RATIONAL = 3, 4, 2, 5
AXES = ("Channels", "Slices", "Frames", "Positions")


def write_stack(path: Path, frames, places, planned, *, display: bool = True, prefix=None) -> Path:
    """Write frames [n, y, x] at the places [(channel, z, time, position), ...].

    Parameters
    ----------
    planned
        (channels, slices, frames, positions) that the acquisition was to have.
    display
        With the block of display settings; without, the file ends in it.
    """
    summary = dict(zip(AXES, planned, strict=True)) | {
        "MicroManagerVersion": "2.0.1",
        "PixelType": "GRAY16",
        "TimeFirst": True,
        "SlicesFirst": True,
        "Prefix": prefix or path.name.split("_MMStack")[0],
    }
    text = json.dumps(summary).encode()
    first = 40 + len(text) + len(text) % 2
    blob = bytearray(first)
    blob[40 : 40 + len(text)] = text
    offsets = []
    for number, (frame, place) in enumerate(zip(frames, places, strict=True)):
        offsets.append(len(blob))
        blob += _frame(frame, place, len(blob), last=number == len(frames) - 1)
    index = len(blob)
    entries = [struct.pack("<5I", *at, offset) for at, offset in zip(places, offsets, strict=True)]
    blob += struct.pack("<II", INDEX_BLOCK, len(entries)) + b"".join(entries)
    shown = len(blob)
    blob += struct.pack("<II", DISPLAY_BLOCK, 20)
    if display:
        blob += b'[{"Channels": []}]  ' + struct.pack("<II", COMMENTS_BLOCK, 2) + b"{}"
    header = (b"II*\0", first, INDEX, index, DISPLAY, shown, COMMENTS, len(blob) - 10)
    struct.pack_into("<4s9I", blob, 0, *header, SUMMARY, len(text))
    path.write_bytes(blob)
    return path


def _frame(frame, place, offset, *, last):
    y, x = frame.shape
    pixels = np.ascontiguousarray(frame, "<u2").tobytes()
    names = ("ChannelIndex", "SliceIndex", "FrameIndex", "PositionIndex")
    metadata = dict(zip(names, place, strict=True)) | {"Exposure-ms": 5.0}
    text = json.dumps(metadata).encode() + b"\0"
    data = offset + 162
    after = data + len(pixels)
    end = after + 16 + len(text)
    entries = [
        (256, LONG, 1, x), (257, LONG, 1, y), (258, SHORT, 1, 16), (259, SHORT, 1, 1),
        (262, SHORT, 1, 1), (273, LONG, 1, data), (277, SHORT, 1, 1), (278, SHORT, 1, y),
        (279, LONG, 1, len(pixels)), (282, RATIONAL, 1, after), (283, RATIONAL, 1, after + 8),
        (296, SHORT, 1, 3), (51123, ASCII, len(text), after + 16),
    ]  # fmt: skip
    following = 0 if last else end + end % 2
    directory = struct.pack("<H", len(entries)) + b"".join(
        struct.pack("<HHII", *entry) for entry in entries
    )
    rational = struct.pack("<II", 1, 1)
    blob = directory + struct.pack("<I", following) + pixels + rational * 2 + text
    return blob + b"\0" * (end % 2)
