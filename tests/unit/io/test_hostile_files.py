"""Files made to exhaust a machine are refused in a sentence, with little memory and time."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import re
import signal
import struct
import sys
import zlib

import numpy as np
import pytest
import tifffile
import zarr

from livesim.config.settings import PatternSettings, Settings, load_settings
from livesim.io.pattern_file import read_pattern
from livesim.io.read.open import open_recording
from livesim.io.read.result_time_lapse import open_result
from livesim.io.recipe import Recipe
from livesim.io.write.output_layout import OutputLayout
from livesim.io.write.results import open_writer
from livesim.values.errors import DataError
from livesim.values.frames import StackIndex

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="forks, and measures the peak of a child"
)

MOST_BYTES = 500 << 20
MOST_S = 5
"""Of processor time; what takes longer is ended by the system."""
ADDRESSES = 8 << 30
"""So that a fault of ours does not take this machine with it."""
OME = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
    '<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="16" SizeY="16" SizeZ="1" '
    'SizeC="1" SizeT="{}"><TiffData/></Pixels></Image></OME>'
)
IMAGEJ = "ImageJ=1.11a\nimages={0}\nframes={0}\nhyperstack=true\nmode=grayscale\n"
DEFLATE = 8
OPTICS = {"numerical_aperture": 1.4, "emission_nm": 520.0}


def deflated_zeros(size):
    """Return zeros deflated to a thousandth: the same MiB again and again (RFC 1950 and 1951)."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = (size % 65521) << 16 | 1
    return b"\x78\xda" + block * (size >> 20) + b"\x03\x00" + checksum.to_bytes(4, "big")


def write_tiff(path, side, strip, stated=None, compression=1, pages=9):
    """Write pages that are all of one strip, of which any size may be stated (TIFF 6)."""
    entries = {
        256: side, 257: side, 258: 16, 259: compression, 262: 1, 277: 1, 278: side,
        279: stated or len(strip),
    }  # fmt: skip
    size = 2 + 12 * (len(entries) + 1) + 4
    entries[273] = 8 + size * pages
    tags = b"".join(struct.pack("<HHII", tag, 4, 1, entries[tag]) for tag in sorted(entries))
    with path.open("wb") as file:
        file.write(b"II*\0" + struct.pack("<I", 8))
        for page in range(1, pages + 1):
            following = 8 + size * page if page < pages else 0
            file.write(struct.pack("<H", len(entries)) + tags + struct.pack("<I", following))
        file.write(strip)


def write_zarr(path, shape):
    """Write the first frame of an array of any size."""
    chunks = (*(1,) * (len(shape) - 2), *shape[-2:])
    array = zarr.create_array(path, shape=shape, chunks=chunks, dtype="uint16")
    array[(0,) * (len(shape) - 2)] = np.ones(shape[-2:], np.uint16)


def write_result(path):
    """Write a result, and let it state any number of time points."""
    recipe = Recipe(settings=Settings.model_validate({"optics": OPTICS}))
    with open_writer(path, OutputLayout(y=8, x=8, pixel_nm=40.0), recipe) as writer:
        writer.write(StackIndex(), np.ones((8, 8), np.float32))
    described = path / "0" / "zarr.json"
    stated = json.loads(described.read_text())
    stated["shape"][0] = 10**11
    described.write_text(json.dumps(stated))


def write_described(path, words):
    tifffile.imwrite(path, np.ones((9, 16, 16), np.uint16), description=words, metadata=None)


FILES = {
    "side.tif": (lambda path: write_tiff(path, 2**31, bytes(1000)), "most .* pixels, found 2147"),
    "bomb.tif": (
        lambda path: write_tiff(path, 40_000, deflated_zeros(1 << 30), None, DEFLATE),
        "most .* pixels, found 40000 x 40000",
    ),
    "strip.tif": (
        lambda path: write_tiff(path, 64, deflated_zeros(3 << 30), None, DEFLATE),
        "expected a readable frame 0, found an error",
    ),
    "stated.tif": (
        lambda path: write_tiff(path, 64, bytes(3 << 20), stated=3 << 30),
        "expected a multiple of 9 frames|found 0|cut off",
    ),
    "imagej.tif": (lambda path: write_described(path, IMAGEJ.format(10**9)), "most .* frames"),
    "ome.ome.tif": (lambda path: write_described(path, OME.format(10**9)), "most .* frames"),
    "shaped.tif": (
        lambda path: write_described(path, json.dumps({"shape": [10**9, 16, 16]})),
        "most .* frames",
    ),
    "stacks.zarr": (
        lambda path: write_zarr(path, (10**11, 9, 16, 16)),
        "most .* frames in one file",
    ),
    "many.zarr": (lambda path: write_zarr(path, (10**7, 16, 16)), "most .* frames in one file"),
    "missing.zarr": (lambda path: write_zarr(path, (2**21, 16, 16)), "expected .* frames"),
    "result.ome.zarr": (write_result, "most .* frames in one file"),
    "brackets.toml": (lambda path: path.write_text("a = " + "[" * 100_000), "endless brackets"),
    "digits.toml": (lambda path: path.write_text("a = " + "9" * 5000), "expected TOML"),
    "long.toml": (lambda path: path.write_text("a" + ".a" * 10**6 + " = 1"), "up to .* characters"),
    "dots.toml": (lambda path: path.write_text("a" + ".a" * 10**5 + " = 1"), "key of 100001 parts"),
    "header.toml": (lambda path: path.write_text("[a" + ".a" * 10**5 + "]"), "key of 100001 parts"),
    "brackets.json": (lambda path: path.write_text("[" * 100_000), "expected JSON"),
}
"""Name -> what writes it, and what is said of it."""


def read(path):
    """Read a file to its end, as a command would; return what is said of it."""
    if path.suffix == ".toml":
        return load_settings(path)
    if path.suffix == ".json":
        return read_pattern(path)
    if path.name == "result.ome.zarr":
        return open_result(path)
    with open_recording(path, PatternSettings()) as recording:
        return sum(frame.pixels.size for frame in recording.frames())


def limited(path, pipe):
    """Read a file in a process whose memory and time are limited, and say how that went.

    A forked process begins with all that its parent holds: what counts is what it adds.
    """
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_S, MOST_S))
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    try:
        said = f"read: {read(path)}"
    except (DataError, ValueError) as error:
        said = str(error) if type(error).__name__ != "ValueError" else repr(error)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    pipe.send((said, after - before << 10))


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("name", FILES)
def test_a_file_made_to_exhaust_a_machine_is_refused_in_a_sentence(name, tmp_path):
    path = tmp_path / name
    write, words = FILES[name]
    write(path)
    ours, theirs = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.get_context("fork").Process(target=limited, args=(path, theirs))
    child.start()
    theirs.close()
    said = None
    with contextlib.suppress(EOFError):
        said, added = ours.recv()
    child.join()
    assert said is not None, f"the system ended it: {child.exitcode}"
    assert said.startswith(f"{path}: expected ")
    assert re.search(words, said), said
    assert added < MOST_BYTES
