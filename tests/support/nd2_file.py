"""Write Nikon's ND2 files (version 3) as far as their readers ask: no library writes them.

A file is a row of named chunks, then a map of them; what describes the images is a tree of named
values.
"""

import struct
from pathlib import Path

import numpy as np

MAGIC = 0x0ABECEDA
FILE, MAP = b"ND2 FILE SIGNATURE CHUNK NAME01!", b"ND2 FILEMAP SIGNATURE NAME 0001!"
END = b"ND2 CHUNK MAP SIGNATURE 0000001!"
BOOL, UINT, DOUBLE, STRING, LEVEL = 1, 3, 6, 8, 11
TIME_LOOP = 1
NAME_BYTES = 4072
"""Of the name of a chunk: readers look for pixels 4096 bytes behind its beginning."""


def write_nd2(path: Path, channels, pixel_um: float, names=("green", "red"), missing=()) -> Path:
    """Write frames [channel, time, y, x] of 16 bits; `missing` times have no chunk."""
    count, times, y, x = channels.shape
    chunks = {
        b"ImageAttributesLV!": tree("SLxImageAttributes", _attributes(count, times, y, x)),
        b"ImageMetadataSeqLV|0!": tree("SLxPictureMetadata", _planes(names[:count], pixel_um)),
        b"ImageMetadataLV!": tree(
            "SLxExperiment",
            {"eType": TIME_LOOP, "uLoopPars": _times(times)},
        ),
    }
    stamps = 100.0 * np.arange(times)
    chunks[b"CustomData|AcqTimesCache!"] = stamps.tobytes()
    for time in set(range(times)) - set(missing):
        pixels = np.ascontiguousarray(channels[:, time].transpose(1, 2, 0))
        chunks[b"ImageDataSeq|%d!" % time] = struct.pack("<d", stamps[time]) + pixels.tobytes()
    blob = _chunk(FILE, b"Ver3.0".ljust(64, b"\0"))
    index = b""
    for name, data in chunks.items():
        index += name + struct.pack("<QQ", len(blob), len(data))
        blob += _chunk(name.ljust(NAME_BYTES, b"\0"), data)
    begin = len(blob)
    blob += _chunk(MAP, index + END + struct.pack("<Q", begin))
    path.write_bytes(blob + END + struct.pack("<Q", begin))
    return path


def _attributes(count: int, times: int, y: int, x: int) -> dict:
    return {
        "uiWidth": x,
        "uiWidthBytes": x * 2 * count,
        "uiHeight": y,
        "uiComp": count,
        "uiBpcInMemory": 16,
        "uiBpcSignificant": 16,
        "uiSequenceCount": times,
        "eCompression": 2,
    }


def _times(count: int) -> dict:
    known = {"dStart": 0.0, "dPeriod": 100.0, "dDuration": 0.0, "dMinPeriodDiff": 0.0}
    return {"uiCount": count, **known, "dMaxPeriodDiff": 0.0, "dAvgPeriodDiff": 0.0}


def _planes(names, pixel_um: float) -> dict:
    planes = {
        f"a{number}": {
            "uiCompCount": 1,
            "uiSampleIndex": number,
            "sDescription": name,
            "pFluorescentProbe": {"m_ExcitationSpectrum": {"uiCount": 0}},
        }
        for number, name in enumerate(names)
    }
    return {
        "bCalibrated": True,
        "dCalibration": pixel_um,
        "sPicturePlanes": {"uiCount": len(names), "sPlaneNew": planes},
    }


def tree(name: str, value) -> bytes:
    """Return a named value: its type, the length of its name, its name in UTF-16, the value."""
    if isinstance(value, dict):
        inside = b"".join(tree(key, one) for key, one in value.items())
        head = _head(LEVEL, name)
        length = len(head) + 12 + len(inside)
        return head + struct.pack("<IQ", len(value), length) + inside + bytes(8 * len(value))
    if isinstance(value, bool):
        return _head(BOOL, name) + struct.pack("<B", value)
    if isinstance(value, int):
        return _head(UINT, name) + struct.pack("<I", value)
    if isinstance(value, float):
        return _head(DOUBLE, name) + struct.pack("<d", value)
    return _head(STRING, name) + f"{value}\0".encode("utf-16-le")


def _head(kind: int, name: str) -> bytes:
    return bytes([kind, len(name) + 1]) + f"{name}\0".encode("utf-16-le")


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack("<IIQ", MAGIC, len(name), len(data)) + name + data
