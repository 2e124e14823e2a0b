"""Malformed files and settings, with the sentence (expected, found) and exit status of each.

The readers and the command line are held to the same table. What is left of a file that is cut off
or damaged stands in `reader_faults`.
"""

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import zarr

from tests.support.reader_faults.case import X, Y, cut
from tests.support.reader_faults.ndtiff import cut_inside, ndtiff
from tests.support.reader_faults.stated import content
from tests.support.reader_faults.tiff import array, deltavision

NINE = np.arange(9 * Y * X, dtype=np.uint16).reshape(9, Y, X)
DATA, SETTINGS = 1, 2

OPTICS = {"numerical_aperture": 1.4, "emission_nm": 525.0, "pixel_nm": 80.0}
PATTERN = {"angles": 3, "phases": 3, "harmonics": 1, "order": ["phase", "angle"]}


@dataclass(frozen=True)
class Case:
    """One way to be wrong."""

    name: str
    build: Callable[[Path], tuple[Path, Path]]
    """Make the files in an empty folder; returns (recording, settings)."""
    status: int
    """1: the data could not be used; 2: wrong settings."""
    sentence: str
    """Regular expression."""


def toml(folder, text=None, optics=OPTICS, **pattern):
    """Write settings, good ones unless told otherwise."""
    path = folder / "settings.toml"
    sections = {"optics": optics, "pattern": PATTERN | pattern}
    lines = [
        line
        for name, section in sections.items()
        for line in (f"[{name}]", *(f"{key} = {json.dumps(v)}" for key, v in section.items()))
    ]
    path.write_text("\n".join(lines) if text is None else text, encoding="utf-8")
    return path


def tiff(pixels, **options):
    """Return a builder of a TIFF file with these pixels."""
    return array(pixels, **({"metadata": None} | options))


good_tiff = tiff(NINE)


def data(name, build, sentence, **pattern):
    """Make a case of a bad file with good settings."""
    return Case(name, lambda folder: (build(folder), toml(folder, **pattern)), DATA, sentence)


def settings(name, sentence, text=None, optics=OPTICS, **pattern):
    """Make a case of a good file with bad settings."""
    return Case(
        name,
        lambda folder: (good_tiff(folder), toml(folder, text, optics, **pattern)),
        SETTINGS,
        sentence,
    )


def dv_header(offset, layout, value):
    """Return a builder of a DeltaVision file with one header field overwritten."""

    def build(folder):
        path = deltavision(NINE)(folder)
        blob = bytearray(path.read_bytes())
        struct.pack_into(layout, blob, offset, value)
        path.write_bytes(blob)
        return path

    return build


def zarr_array(pixels, **options):
    def build(folder):
        zarr.create_array(folder / "raw.zarr", data=pixels, **options)
        return folder / "raw.zarr"

    return build


def zarr_group(arrays):
    def build(folder):
        group = zarr.create_group(folder / "raw.zarr")
        for number in range(arrays):
            group.create_array(str(number), data=NINE)
        return folder / "raw.zarr"

    return build


def zarr_with_a_cut_chunk(folder):
    path = zarr_array(NINE, chunks=(9, Y, X))(folder)
    (chunk,) = (path / "c").rglob("0/0/0")
    chunk.write_bytes(chunk.read_bytes()[:20])
    return path


def broken_zarr_json(folder):
    (folder / "raw.zarr").mkdir()
    (folder / "raw.zarr" / "zarr.json").write_text("{")
    return folder / "raw.zarr"


def dataset(coordinates):
    """Return a builder of an NDTiff folder with the same frame at all coordinates."""
    return ndtiff([(one, NINE[0]) for one in coordinates])


def stack_places(**more):
    return [{**more, "angle": a, "phase": p} for a in range(3) for p in range(3)]


def ndtiff_without_index(folder):
    path = dataset(stack_places())(folder)
    (path / "NDTiff.index").unlink()
    return path


def ndtiff_without_pixels(folder):
    path = dataset(stack_places())(folder)
    next(path.glob("*.tif")).unlink()
    return path


def empty_folder(folder):
    (folder / "raw").mkdir()
    return folder / "raw"


def folder_of_text(folder):
    empty_folder(folder)
    (folder / "raw" / "notes.txt").write_text("no data")
    return folder / "raw"


TEN = np.zeros((10, Y, X), np.uint16)
WHOLE = r"expected a multiple of 9 frames \(3 angles x 3 phases\), found "
COUNTS = r"expected camera counts \(unsigned integers\).*, found "

CASES = (
    data(
        "no file", lambda folder: folder / "raw.tif", r"raw\.tif: expected a file .*found nothing"
    ),
    data("empty file", content(b"", "raw.tif"), r"expected a recording, found an empty file"),
    data("text named tif", content(b"hello, world\n" * 9, "raw.tif"), r"TIFF.*found.*b'hello, w'"),
    data(
        "TIFF cut in the pixels",
        cut(tiff(NINE, metadata={}), lambda path: path.stat().st_size // 2),
        r"9 frames in the raw stack, found 5 .*whole; .*found 5: it is cut off",
    ),
    data("ten frames", tiff(TEN), WHOLE + r"10 frames$"),
    data("one frame", tiff(NINE[0]), WHOLE + r"1 frame$"),
    data(
        "colour", tiff(np.zeros((9, Y, X, 3), np.uint8), photometric="rgb"), r"grey.*colour \(RGB"
    ),
    data(
        "not a number",
        tiff(np.full((9, Y, X), np.nan, np.float32)),
        r"expected finite values, found NaN or inf",
    ),
    data("unsigned long integers", tiff(NINE.astype(np.uint32)), COUNTS + "uint32"),
    data(
        "negative counts behind a frame without any",
        tiff(np.where(NINE < 200, 0, -NINE.astype(np.int16))),
        r"camera counts >= 0, found -383",
    ),
    data(
        "unsigned counts stored as signed ones",
        tiff((NINE + 40000).view(np.int16)),
        r"little below 0 .*found -25536: unsigned counts",
    ),
    data(
        "five phases in the file",
        tiff(NINE[:3].repeat(5, 0).reshape(3, 5, Y, X), metadata={"axes": "APYX"}),
        r"3 angles x 3 phases as the settings say, found 3 angles x 5 phases",
    ),
    data("z does not divide", tiff(TEN, imagej=True, metadata={"axes": "ZYX"}), WHOLE + "10"),
    data(
        "dv without pixels",
        cut(deltavision(NINE), lambda path: path.stat().st_size // 10),
        r"whole DeltaVision .*found an error: unpack requires",
    ),
    data(
        "dv cut in the header", content(bytes(96) + b"\xa0\xc0" + bytes(9), "raw.dv"), r"whole Del"
    ),
    data("dv with a wrong id", dv_header(96, "<h", 7), r"expected TIFF, DeltaVision.*begins with"),
    data(
        "dv with a wrong type",
        dv_header(12, "<i", 99),
        r"expected a whole DeltaVision.*found.*no entry 99",
    ),
    data(
        "dv with wrong channels", dv_header(196, "<h", 2), r"expected 9 frames.*found 1 times x 2"
    ),
    data("dv without times", dv_header(180, "<h", 0), r"expected.*found"),
    data("empty folder", empty_folder, r"expected a folder of NDTiff.*Zarr.*found an empty folder"),
    data(
        "folder of text", folder_of_text, r"expected a folder of NDTiff.*found a folder of 1 other"
    ),
    data(
        "the file that marks a Zarr",
        lambda folder: zarr_array(NINE)(folder) / "zarr.json",
        r"expected the folder of Zarr, found a file in it: give .*raw\.zarr$",
    ),
    data("zarr group without array", zarr_group(0), r"one array, found a group of 0 arrays"),
    data(
        "zarr group of two arrays",
        zarr_group(2),
        r"found a group of 2 arrays: give one of them, such as 0$",
    ),
    data(
        "1-D zarr",
        zarr_array(np.zeros(9, np.uint16)),
        r"expected an array \[\.\.\., y, x\].*1 axes",
    ),
    data(
        "zarr [x, y]", zarr_array(NINE, dimension_names=("t", "x", "y")), r"y, x as the last.*'x'"
    ),
    data(
        "zarr with a strange axis",
        zarr_array(
            NINE.reshape(1, 3, 3, Y, X).repeat(2, 0),
            dimension_names=("power", "angle", "phase", "y", "x"),
        ),
        r"expected each of the axes.*found power",
    ),
    data("zarr with a cut chunk", zarr_with_a_cut_chunk, r"a readable frame 0, found"),
    data("zarr without metadata", broken_zarr_json, r"expected a Zarr array.*found"),
    data(
        "NDTiff without index",
        ndtiff_without_index,
        r"folder of NDTiff \(with NDTiff.index\).*found",
    ),
    data("NDTiff without pixels", ndtiff_without_pixels, r"every file that the index names, found"),
    data(
        "NDTiff with an empty index",
        cut_inside("NDTiff.index", 0, dataset(stack_places())),
        r"frames in NDT.*found none",
    ),
    data(
        "NDTiff with an empty file",
        cut_inside("*.tif", 0, dataset(stack_places())),
        r"expected an NDTiff file, found",
    ),
    data(
        "NDTiff with a frame missing",
        dataset(stack_places()[:4] + stack_places()[5:]),
        r"expected 9 frames in the raw stack, found 8 .*\(without angle 1, phase 1\)",
    ),
    data(
        "NDTiff with a negative angle",
        dataset([{"angle": a - 1, "phase": p} for a in range(3) for p in range(3)]),
        r"expected frames at most places of angle, phase from 0 on, found .* places from -1 on",
    ),
    data(
        "NDTiff with a time far away",
        dataset(stack_places(time=0) + stack_places(time=10**9)),
        r"expected frames at most places of .*time.*found 18 frames at 1000000001 x 3 x 3 places",
    ),
    data("sim axis of seven", dataset([{"sim": n} for n in range(7)]), r"9 frames.*'sim', found 7"),
    data(
        "hexagonal settings, nine frames",
        good_tiff,
        r"expected a multiple of 7 frames.*found 9",
        layout="hexagonal",
    ),
    data(
        "two axes of unknown size",
        tiff(np.zeros((36, Y, X), np.uint16)),
        r"at most one of \['z', 'time'\].*found 4 raw stacks",
        order=["phase", "angle", "z", "time"],
    ),
    settings("no TOML", r"settings\.toml: expected TOML, found", text="[optics\n"),
    settings("TOML is binary", r"expected .*, found", text="\0\0"),
    settings("no optics", r"expected the key 'optics', found none", text=""),
    settings("unknown key", r"unknown key 'pattern\.angels'.*'angles'", angels=3),
    settings("unknown section", r"unknown key 'optik'.*'optics'", text="[optik]\nx = 1\n"),
    settings(
        "NA above the medium",
        r"numerical_aperture below.*found 1\.7",
        optics=OPTICS | {"numerical_aperture": 1.7},
    ),
    settings("negative pixel", r"pixel_nm: .*found -80", optics=OPTICS | {"pixel_nm": -80.0}),
    settings(
        "a word for a number",
        r"emission_nm: .*found 'green'",
        optics=OPTICS | {"emission_nm": "green"},
    ),
    settings("no phase", r"phases: .*greater than or equal to 1, found 0", phases=0),
    settings("two frames", r"at least 3 frames in a raw stack.*phases = 1", angles=2, phases=1),
    settings("three phases, two harmonics", r"at least 5 phases.*found 3", harmonics=2),
    settings("order without angle", r"expected \['angle'\] in order, found", order=["phase"]),
    settings("order twice the same", r"every axis once.*found", order=["phase", "phase", "angle"]),
    settings(
        "order of an unknown axis",
        r"order.*found 'wavelength'",
        order=["phase", "angle", "wavelength"],
    ),
    settings("wrong number of frames", r"expected frames = 9.*found 7", frames=7),
    settings(
        "no pixel size anywhere",
        r"raw\.tif: expected pixel_nm in \[optics\] or.*found neither",
        optics={key: OPTICS[key] for key in ("numerical_aperture", "emission_nm")},
    ),
)


def _good_file(folder):
    return good_tiff(folder), toml(folder)


GOOD = Case("good file and settings", _good_file, 0, "^$")
