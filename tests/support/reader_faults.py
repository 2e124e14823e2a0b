"""Recordings as microscopes leave them, with what is read of each: the table of the readers.

`tests/unit/io/test_reader_faults.py` checks every case, `python -m bench.quality.readers` writes
the same cases into docs/measured/files.md. Every pixel of the truth differs, so that a wrong
frame, a wrong plane or another position cannot pass; none is 0, which Zarr reads of what was
never written.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import mrc
import numpy as np
import tifffile
import zarr
from ndstorage import NDTiffDataset
from ndstorage.ndtiff_index import NDTiffIndexEntry

from livesim.config.settings import PatternSettings
from tests.support.micromanager_stack import write_stack

POSITIONS, TIMES, Y, X = 2, 3, 12, 16
TRUTH = 1 + np.arange(POSITIONS * TIMES * 9 * Y * X, dtype=np.uint16).reshape(-1, 27, Y, X)
"""[position or channel, frame, y, x]: three raw stacks, the phase fastest."""
FRAMES = TRUTH[0]
READ, SALVAGED, REFUSED = "read", "salvaged", "refused"
Place = tuple[int, int, int, int]


def stack(number: int, frames: np.ndarray = FRAMES) -> np.ndarray:
    """Return a raw stack [angle, phase, y, x] of consecutive frames."""
    return frames[9 * number : 9 * number + 9].reshape(3, 3, Y, X)


def at_times(*numbers: int, frames: np.ndarray = FRAMES) -> Mapping[Place, np.ndarray]:
    """Return raw stacks by (position, time, channel, z), of one position."""
    return {(0, number, 0, 0): stack(number, frames) for number in numbers}


ALL = at_times(0, 1, 2)
BOTH = {(p, t, 0, 0): stack(t, TRUTH[p]) for p in range(POSITIONS) for t in range(TIMES)}
"""Both positions."""
FIRST_AND_PART = {**ALL, (1, 0, 0, 0): stack(0, TRUTH[1])}
"""The second position was stopped in its second raw stack."""
SECOND_STOPPED = "found 4 at position 1, time 1 and none in 1 other; the 4 whole ones are used"
COLOURS = {(0, t, c, 0): stack(t, TRUTH[c]) for c in range(2) for t in range(TIMES)}


@dataclass(frozen=True)
class Case:
    """One file with one fault."""

    format: str
    fault: str
    build: Callable[[Path], Path]
    """Make the file in an empty folder."""
    stacks: Mapping[Place, np.ndarray] | None
    """What is whole; None = the file is refused."""
    says: str = ""
    """A regular expression for the warnings, or for the refusal; "" = no warning."""
    pattern: PatternSettings = field(default_factory=PatternSettings)

    loses: bool = True
    """Whether that which is said is a loss."""

    @property
    def outcome(self) -> str:
        """Whether it is read without a loss, salvaged, or refused."""
        if self.stacks is None:
            return REFUSED
        return SALVAGED if self.says and self.loses else READ


def settings(**values) -> PatternSettings:
    return PatternSettings.model_validate(values)


def cut(build: Callable[[Path], Path], keep: Callable[[Path], int]) -> Callable[[Path], Path]:
    """Return a builder that leaves the first bytes of what another one built."""

    def cut_file(folder: Path) -> Path:
        path = build(folder)
        path.write_bytes(path.read_bytes()[: keep(path)])
        return path

    return cut_file


def in_frame(number: int) -> Callable[[Path], int]:
    """Return where the middle of the pixels of a TIFF's frame lies."""

    def place(path: Path) -> int:
        with tifffile.TiffFile(path) as tif:
            page = tif.pages[number if len(tif.pages) > 1 else 0]
            offset, size = page.dataoffsets[0], Y * X * 2
            behind = 0 if len(tif.pages) > 1 else number * size
            return offset + behind + min(page.databytecounts[0], size) // 2

    return place


# OME-TIFF of several files


def ome_files(files, byteorders="<<", padding=(0, 0), **options):
    """Return a builder of OME-TIFF files; `files` are [(image, first time, frames), ...]."""

    def build(folder: Path) -> Path:
        ids = [f"urn:uuid:{uuid4()}" for _ in files]
        for number, (_, _, frames) in enumerate(files):
            text = _ome_xml(files, ids, ids[number]) + " " * padding[number]
            path = folder / f"multi_p{number:03d}.ome.tiff"
            description = text.encode()
            with tifffile.TiffWriter(path, byteorder=byteorders[number]) as tif:
                for page, frame in enumerate(frames):
                    first = description if page == 0 else None
                    tif.write(frame, description=first, metadata=None, contiguous=False, **options)
        return folder / "multi_p000.ome.tiff"

    return build


def _ome_xml(files, ids, own):
    images = ""
    for image in sorted({image for image, _, _ in files}):
        data, times = "", 0
        for number, (of, first, frames) in enumerate(files):
            if of == image:
                times += len(frames)
                data += (
                    f'<TiffData FirstT="{first}" IFD="0" PlaneCount="{len(frames)}">'
                    f'<UUID FileName="multi_p{number:03d}.ome.tiff">{ids[number]}</UUID></TiffData>'
                )
        images += (
            f'<Image ID="Image:{image}"><Pixels ID="Pixels:{image}" DimensionOrder="XYTCZ" '
            f'Type="uint16" SizeX="{X}" SizeY="{Y}" SizeZ="1" SizeC="1" SizeT="{times}">'
            f'<Channel ID="Channel:{image}:0"/>{data}</Pixels></Image>'
        )
    namespace = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
    return f'<OME xmlns="{namespace}" UUID="{own}">{images}</OME>'


POSITION_FILES = [(0, 0, TRUTH[0]), (1, 0, TRUTH[1])]
TIME_FILES = [(0, 0, FRAMES[:14]), (0, 14, FRAMES[14:])]


def second_file(build):
    return lambda folder: build(folder).with_name("multi_p001.ome.tiff")


def without(name, build):
    """Return a builder that removes a file of what another one built."""

    def incomplete(folder: Path) -> Path:
        path = build(folder)
        path.with_name(name).unlink()
        return path

    return incomplete


def only_second(build):
    def alone(folder: Path) -> Path:
        path = second_file(build)(folder)
        path.with_name("multi_p000.ome.tiff").unlink()
        return path

    return alone


def described_elsewhere(metadata_file):
    """Return a builder of a second file whose axes the first one describes."""

    def build(folder: Path) -> Path:
        first = ome_files(POSITION_FILES)(folder)
        path = first.with_name("multi_p001.ome.tiff")
        with tifffile.TiffFile(path) as tif:
            own = re.search('UUID="(.*?)"', tif.ome_metadata)[1]
        namespace = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
        only = f'<BinaryOnly MetadataFile="{metadata_file}" UUID="{own}"/>'
        text = f'<OME xmlns="{namespace}" UUID="{own}">{only}</OME>'
        with tifffile.TiffWriter(path) as tif:
            for number, frame in enumerate(TRUTH[1]):
                said = text.encode() if number == 0 else None
                tif.write(frame, description=said, metadata=None, contiguous=False)
        return path

    return build


def two_recordings(folder: Path) -> Path:
    for name in ("a.ome.tif", "b.ome.tif"):
        tifffile.imwrite(folder / name, FRAMES, ome=True, metadata={"axes": "TYX"})
    return folder


OME_FILES = (
    Case("OME-TIFF", "positions in files of their own", ome_files(POSITION_FILES), BOTH),
    Case(
        "OME-TIFF",
        "positions in files of their own, the second one opened",
        second_file(ome_files(POSITION_FILES)),
        BOTH,
    ),
    Case(
        "OME-TIFF",
        "positions in files of different byte order and header",
        ome_files(POSITION_FILES, "<>", (0, 1000)),
        BOTH,
    ),
    Case(
        "OME-TIFF",
        "positions in compressed files of their own",
        ome_files(POSITION_FILES, compression="zlib"),
        BOTH,
    ),
    Case(
        "OME-TIFF",
        "positions in files of their own, the folder opened",
        lambda folder: ome_files(POSITION_FILES)(folder).parent,
        BOTH,
    ),
    Case(
        "OME-TIFF",
        "stopped at the second position, which is shorter",
        second_file(ome_files([(0, 0, FRAMES), (1, 0, TRUTH[1][:13])])),
        FIRST_AND_PART,
        SECOND_STOPPED,
    ),
    Case(
        "OME-TIFF",
        "the second file, described in the first one",
        described_elsewhere("multi_p000.ome.tiff"),
        BOTH,
    ),
    Case(
        "OME-TIFF",
        "described in a file that is not there",
        described_elsewhere("master.ome.tiff"),
        at_times(0, 1, 2, frames=TRUTH[1]),
        "expected master.ome.tiff, which describes its axes, found no such TIFF file",
    ),
    Case(
        "OME-TIFF",
        "a folder of two recordings",
        two_recordings,
        None,
        "expected OME-TIFF files of one recording, found others among the 2: give one of them",
    ),
    Case("OME-TIFF", "one position, its times in two files", ome_files(TIME_FILES), ALL),
    Case(
        "OME-TIFF",
        "one position, its times in two files, the first one gone",
        only_second(ome_files(TIME_FILES)),
        at_times(2),
        "expected its other file multi_p000.ome.tiff, found none .* found 4 at time 1; the whole ",
    ),
    Case(
        "OME-TIFF",
        "positions in files of their own, the second one gone",
        without("multi_p001.ome.tiff", ome_files(POSITION_FILES)),
        ALL,
        "expected its other file multi_p001.ome.tiff, found none of it; 27 whole frames in all",
    ),
)

# Micro-Manager's image stacks


def micromanager(frames, places, planned, name="raw_1_MMStack_Pos0.ome.tif", **options):
    """Return a builder of one file of an image stack; places are (channel, z, time, position)."""
    return lambda folder: write_stack(folder / name, frames, places, planned, **options)


def times(first, end, position=0, channel=0):
    return [(channel, 0, time, position) for time in range(first, end)]


def positions_together(folder: Path) -> Path:
    for position in (1, 0):
        name = f"raw_1_MMStack_Pos{position}.ome.tif"
        places = times(0, 27, position)
        path = write_stack(folder / name, TRUTH[position], places, (1, 1, 27, 2))
    return path


TWO_CHANNELS = [(c, 0, t, 0) for t in range(27) for c in range(2)]
INTERLEAVED = TRUTH.swapaxes(0, 1).reshape(-1, Y, X)


def without_index(build):
    """Cut the blocks behind the frames, as a crash does."""
    return cut(build, lambda path: struct.unpack("<I", path.read_bytes()[12:16])[0])


MICROMANAGER = (
    Case(
        "Micro-Manager image stack",
        "stopped after 27 of 900 frames",
        micromanager(FRAMES, times(0, 27), (1, 1, 900, 1)),
        ALL,
        "expected 900 frames as the acquisition was planned, found 27: it was stopped early",
    ),
    Case(
        "Micro-Manager image stack",
        "stopped in mid-stack, after 22 of 900 frames",
        micromanager(FRAMES[:22], times(0, 22), (1, 1, 900, 1)),
        at_times(0, 1),
        "found 22: it was stopped.* found 4 at time 2; the 2 whole ones are used",
    ),
    Case(
        "Micro-Manager image stack",
        "stopped in mid-stack, two channels",
        micromanager(INTERLEAVED[:45], TWO_CHANNELS[:45], (2, 1, 900, 1)),
        {place: pixels for place, pixels in COLOURS.items() if place[1] < 2},
        "found 45: it was stopped.* found 5 at time 2, channel 0 and 4 at time 2, channel 1; ",
    ),
    Case(
        "Micro-Manager image stack",
        "without the block of display settings",
        micromanager(FRAMES, times(0, 27), (1, 1, 27, 1), display=False),
        ALL,
    ),
    Case(
        "Micro-Manager image stack",
        "one of two positions alone",
        micromanager(TRUTH[1], times(0, 27, 1), (1, 1, 27, 2), "raw_1_MMStack_Pos1.ome.tif"),
        at_times(0, 1, 2, frames=TRUTH[1]),
        "expected 54 frames as the acquisition was planned, found 27: .*not in the folder",
    ),
    Case("Micro-Manager image stack", "both positions", positions_together, BOTH),
    Case(
        "Micro-Manager image stack",
        "renamed",
        micromanager(FRAMES, times(0, 27), (1, 1, 900, 1), "cells.tif", prefix="raw_1"),
        ALL,
        "expected 900 frames as the acquisition was planned, found 27",
    ),
    Case(
        "Micro-Manager image stack",
        "the second file alone, which begins in mid-stack",
        micromanager(FRAMES[13:], times(13, 27), (1, 1, 27, 1), "raw_1_MMStack_Pos0_1.ome.tif"),
        at_times(2),
        "found 14: .* found 5 at time 1; the whole one is used",
    ),
    Case(
        "Micro-Manager image stack",
        "without its index, after a crash",
        without_index(micromanager(FRAMES, times(0, 27), (1, 1, 900, 1))),
        ALL,
        "expected Micro-Manager's index .*found none: a crash; 27 whole frames in all",
    ),
    Case(
        "Micro-Manager image stack",
        "without its index, two channels",
        without_index(micromanager(INTERLEAVED, TWO_CHANNELS, (2, 1, 900, 1))),
        COLOURS,
        "expected Micro-Manager's index .*found none: a crash; 54 whole frames in all",
    ),
)


def single_files(name, count=27, summary=None, positions=1, lost=()):
    """Return a builder of a folder with a TIFF for every frame, named as `name` formats it."""

    def build(folder: Path) -> Path:
        for position in range(positions):
            place = folder / "raw_1" / f"Pos{position}"
            place.mkdir(parents=True)
            said = {"Summary": summary or {}, "FrameKey-0-0-0": {"PixelSizeUm": 0.065}}
            (place / "metadata.txt").write_text(json.dumps(said))
            for number in range(count):
                if number not in lost:
                    file = place / name.format(time=number, position=position)
                    tifffile.imwrite(file, TRUTH[position][number])
        return folder / "raw_1"

    return build


def one_position(build):
    return lambda folder: build(folder) / "Pos0"


VERSION_2 = "img_channel000_position{position:03d}_time{time:09d}_z000.tif"
VERSION_1 = "img_{time:09d}_FITC_000.tif"
SINGLE_FILES = (
    Case("Micro-Manager single files", "version 2", single_files(VERSION_2), ALL),
    Case("Micro-Manager single files", "version 1.4", single_files(VERSION_1), ALL),
    Case("Micro-Manager single files", "two positions", single_files(VERSION_2, positions=2), BOTH),
    Case("Micro-Manager single files", "the folder of one position",
         one_position(single_files(VERSION_1, positions=2)), ALL),
    Case("Micro-Manager single files", "sizes that are no numbers",
         single_files(VERSION_2, summary={"Frames": None, "Slices": [1], "Channels": "one"}), ALL),
    Case("Micro-Manager single files", "a summary that is no table",
         single_files(VERSION_2, summary=[1]), ALL),
    Case("Micro-Manager single files", "stopped in mid-stack",
         single_files(VERSION_2, 13, {"Frames": 900}), at_times(0),
         "expected 900 frames as the acquisition was planned, found 13: .* found 4 at time 1; "),
    Case("Micro-Manager single files", "a file missing", single_files(VERSION_1, lost=[13]),
         at_times(0, 2), r"found 8 at time 1 \(without angle 1, phase 1\); "),
)  # fmt: skip

# NDTiff


def ndtiff(coordinates):
    """Return a builder of an NDTiff folder with [(axes, frame), ...] in that order."""

    def build(folder: Path) -> Path:
        data = NDTiffDataset(str(folder), name="raw", writable=True)
        data.initialize({})
        for axes, frame in coordinates:
            data.put_image(axes, frame, {})
        reader = data.current_writer.reader
        data.finish()
        data.close()
        reader.close()  # ndstorage forgets this one
        return folder / "raw_1"

    return build


def by_time(first=0, end=27, lost=(), begin=0):
    return [
        ({"time": begin + number}, FRAMES[number])
        for number in range(first, end)
        if number not in lost
    ]


def by_name(lost=()):
    places = enumerate(np.ndindex(TIMES, 3, 3))
    return [
        ({"time": t, "angle": a, "phase": p}, FRAMES[number])
        for number, (t, a, p) in places
        if number not in lost
    ]


def cut_inside(name, keep, build):
    """Return a builder that leaves a part of one file of a folder."""

    def damaged(folder: Path) -> Path:
        path = build(folder)
        (file,) = path.glob(name)
        blob = file.read_bytes()
        file.write_bytes(blob[: int(len(blob) * keep)])
        return path

    return damaged


def ndtiff_in_two_files(folder: Path) -> Path:
    """Say of the frames from 20 on that they lie in a second file, which is not there."""
    path = ndtiff(by_time())(folder)
    index = (path / "NDTiff.index").read_bytes()
    at, entries = 0, b""
    for number in range(27):
        at, axes, entry = NDTiffIndexEntry.unpack_single_index_entry(index, at)
        entry.axes_key = axes.items()
        entry.filename = entry.filename if number < 20 else "raw_NDTiffStack_1.tif"
        entries += entry.as_byte_buffer().getvalue()
    (path / "NDTiff.index").write_bytes(entries)
    return path


NDTIFF = (
    Case(
        "NDTiff",
        "a frame missing",
        ndtiff(by_time(lost=[13])),
        at_times(0, 2),
        r"found 8 at time 1 \(without angle 1, phase 1\); the 2 whole ones are used",
    ),
    Case(
        "NDTiff",
        "a frame missing, named axes",
        ndtiff(by_name(lost=[17])),
        at_times(0, 2),
        r"found 8 at time 1 \(without angle 2, phase 2\); the 2 whole ones are used",
    ),
    Case(
        "NDTiff",
        "the first frame missing",
        ndtiff(by_time(lost=[0])),
        at_times(1, 2),
        r"found 8 at time 0 \(without angle 0, phase 0\); the 2 whole ones are used",
    ),
    Case(
        "NDTiff",
        "stopped in mid-stack",
        ndtiff(by_time(end=22)),
        at_times(0, 1),
        "found 4 at time 2; the 2 whole ones are used",
    ),
    Case("NDTiff", "times that begin with 5", ndtiff(by_time(begin=5)), ALL),
    Case(
        "NDTiff",
        "its index cut off",
        cut_inside("NDTiff.index", 0.75, ndtiff(by_time())),
        at_times(0, 1),
        "found one without an end.* found 2 at time 2; ",
    ),
    Case(
        "NDTiff",
        "its pixels cut off",
        cut_inside("*.tif", 0.75, ndtiff(by_name())),
        at_times(0, 1),
        "expected 27 frames as NDTiff.index says, found 20 in files that are cut off",
    ),
    Case(
        "NDTiff",
        "one of two files gone",
        ndtiff_in_two_files,
        at_times(0, 1),
        "found no raw_NDTiffStack_1.tif.* found 2 at time 2; ",
    ),
    Case(
        "NDTiff",
        "one raw stack and four frames, nothing that shows a stop",
        ndtiff(by_time(end=13)),
        None,
        r"expected a multiple of 9 frames .*found 13 frames",
    ),
)

# TIFF and DeltaVision


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


def pages_in_turns(folder: Path) -> Path:
    """Two raw stacks, of which every other frame is compressed."""
    with tifffile.TiffWriter(folder / "raw.tif") as tif:
        for number, frame in enumerate(FRAMES[:18]):
            kind = "zlib" if number % 2 else None
            tif.write(frame, metadata=None, contiguous=False, compression=kind)
    return folder / "raw.tif"


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

# Zarr


def zarr_array(frames=FRAMES, recorded=None, planned=90, name="raw.zarr", **options):
    """Return a builder of a Zarr array of which only the first frames were written."""

    def build(folder: Path) -> Path:
        shape = (planned, *frames.shape[1:])
        chosen = {"chunks": (1, Y, X), "dtype": np.uint16} | options
        zarr.create_array(folder / name, shape=shape, **chosen)[: len(frames)] = frames
        return folder / name

    return build


def ome_axes(names):
    types = {"t": "time", "c": "channel", "y": "space", "x": "space", "z": "space"}
    return [{"name": name, **({"type": types[name]} if name in types else {})} for name in names]


def multiscale(group, path, frames, names="tyx", **options):
    """Write one image below an OME-Zarr group; return what its attributes say."""
    group.create_array(path, data=frames, chunks=(*(1,) * (frames.ndim - 2), Y, X), **options)
    return {"axes": ome_axes(names), "datasets": [{"path": path}]}


def ome_image(group, frames, names="tyx"):
    image = multiscale(group, "0", frames, names)
    _say(group, multiscales=[image])
    return group


def _say(group, **values):
    if group.metadata.zarr_format == 3:
        group.attrs["ome"] = {"version": "0.5", **values}
    else:
        group.attrs.update(values)


def stopped_ome_zarr(folder: Path) -> Path:
    group = zarr.create_group(folder / "raw.ome.zarr")
    pixels = group.create_array("0", shape=(90, Y, X), chunks=(1, Y, X), dtype=np.uint16)
    pixels[:22] = FRAMES[:22]
    _say(group, multiscales=[{"axes": ome_axes("tyx"), "datasets": [{"path": "0"}]}])
    return folder / "raw.ome.zarr"


def zarr_with_a_hole(folder: Path) -> Path:
    path = zarr_array(planned=27)(folder)
    (path / "c" / "13" / "0" / "0").unlink()
    return path


def zarr_with_a_torn_frame(folder: Path) -> Path:
    """A frame of four chunks, of which a crash left three."""
    path = zarr_array(planned=27, chunks=(1, Y // 2, X // 2))(folder)
    (path / "c" / "26" / "1" / "1").unlink()
    return path


def zarr_named(folder: Path) -> Path:
    names = ("time", "angle", "phase", "y", "x")
    shape = (10, 3, 3, Y, X)
    array = zarr.create_array(
        folder / "raw.zarr", shape=shape, chunks=(1, 1, 3, Y, X), dtype="u2", dimension_names=names
    )
    array[:2] = FRAMES[:18].reshape(2, 3, 3, Y, X)
    array[2, 0] = FRAMES[18:21]
    return folder / "raw.zarr"


LEFT = "found 4 at time 2 and none in 7 others; the 2 whole ones are used"
STOPPED_ZARR = (
    Case("OME-Zarr 0.5", "stopped at 22 of 90 frames", stopped_ome_zarr, at_times(0, 1), LEFT),
    Case("Zarr 3", "stopped, in chunks of 4", zarr_array(FRAMES[:22], chunks=(4, Y, X)),
         at_times(0, 1), LEFT),
    Case("Zarr 3", "stopped, in shards of 10", zarr_array(FRAMES[:22], shards=(10, Y, X)),
         at_times(0, 1), LEFT),
    Case("Zarr 3", "stopped, in shards of 12 with chunks of 4",
         zarr_array(FRAMES[:22], shards=(12, Y, X), chunks=(4, Y, X), planned=96),
         at_times(0, 1), "found 4 at time 2 and none in 8 others; the 2 whole ones are used"),
    Case("Zarr 2", "stopped", zarr_array(FRAMES[:22], zarr_format=2), at_times(0, 1), LEFT),
    Case("Zarr 2", "stopped, nested folders, tiles",
         zarr_array(FRAMES[:22], zarr_format=2, chunks=(1, Y // 2, X),
                    chunk_key_encoding={"name": "v2", "separator": "/"}),
         at_times(0, 1), LEFT),
    Case("Zarr 3", "stopped, in chunks of 4 that NaN fills up",
         zarr_array(FRAMES[:22].astype(np.float32), chunks=(4, Y, X), dtype=np.float32,
                    fill_value=np.nan),
         at_times(0, 1), LEFT),
    Case("Zarr 3", "stopped, named axes", zarr_named, at_times(0, 1),
         "found 3 at time 2 and none in 7 others; the 2 whole ones are used"),
    Case("Zarr 3", "a chunk missing", zarr_with_a_hole, at_times(0, 2),
         r"found 8 at time 1 \(without angle 1, phase 1\); the 2 whole ones are used"),
    Case("Zarr 3", "a frame of which a part is missing", zarr_with_a_torn_frame, at_times(0, 1),
         r"found 8 at time 2 \(without angle 2, phase 2\); the 2 whole ones are used"),
    Case("Zarr 3", "planned as 22 frames", zarr_array(FRAMES[:22], planned=22),
         at_times(0, 1), TORN),
)  # fmt: skip


def named_series(names, zarr_format=3, listed=True):
    """Return a builder of a group of positions, as bioformats2raw lays it out."""

    def build(folder: Path) -> Path:
        root = zarr.create_group(folder / "raw.ome.zarr", zarr_format=zarr_format)
        _say(root, **{"bioformats2raw.layout": 3})
        for position, name in enumerate(names):
            ome_image(root.create_group(name), TRUTH[position])
        if listed:
            _say(root.create_group("OME"), series=list(names))
        return folder / "raw.ome.zarr"

    return build


def groups_without_a_word(folder: Path) -> Path:
    """Positions 2 and 10, which sort the other way round by their letters."""
    root = zarr.create_group(folder / "raw.zarr")
    for position, name in enumerate(("pos2", "pos10")):
        ome_image(root.create_group(name), TRUTH[position])
    return folder / "raw.zarr"


def plate(zarr_format=3, fields=1):
    """Return a builder of a plate: its fields are positions, well by well."""

    def build(folder: Path) -> Path:
        root = zarr.create_group(folder / "raw.ome.zarr", zarr_format=zarr_format)
        wells = ["A/1"] if fields == 2 else ["A/1", "B/2"]
        _say(root, plate={"wells": [{"path": path} for path in wells], "name": "p"})
        position = 0
        for path in wells:
            well = root.create_group(path)
            _say(well, well={"images": [{"path": f"f{n}"} for n in range(fields)]})
            for number in range(fields):
                ome_image(well.create_group(f"f{number}"), TRUTH[position])
                position += 1
        return folder / "raw.ome.zarr"

    return build


def one_well(folder: Path) -> Path:
    return plate(fields=2)(folder) / "A" / "1"


def several_multiscales(folder: Path) -> Path:
    root = zarr.create_group(folder / "raw.ome.zarr", zarr_format=2)
    _say(root, multiscales=[multiscale(root, str(p), TRUTH[p]) for p in range(POSITIONS)])
    return folder / "raw.ome.zarr"


def of_different_size(cut_frames):
    def build(folder: Path) -> Path:
        root = zarr.create_group(folder / "raw.ome.zarr", zarr_format=2)
        images = [multiscale(root, "0", FRAMES), multiscale(root, "1", cut_frames(TRUTH[1]))]
        _say(root, multiscales=images)
        return folder / "raw.ome.zarr"

    return build


ZARR_POSITIONS = (
    Case("OME-Zarr 0.5", "positions with names", named_series(("Pos0", "Pos1")), BOTH),
    Case("OME-Zarr 0.5", "positions in an order of their own", named_series(("b", "a")), BOTH),
    Case("OME-Zarr 0.4", "positions with names", named_series(("Pos0", "Pos1"), 2), BOTH),
    Case("OME-Zarr 0.5", "positions, not listed", named_series(("p0", "p1"), listed=False), BOTH),
    Case("OME-Zarr 0.5", "groups of images, nothing said", groups_without_a_word, BOTH),
    Case("OME-Zarr 0.5", "plate of two wells", plate(), BOTH),
    Case("OME-Zarr 0.5", "plate of one well with two fields", plate(fields=2), BOTH),
    Case("OME-Zarr 0.4", "plate of two wells", plate(2), BOTH),
    Case("OME-Zarr 0.5", "one well of a plate", one_well, BOTH),
    Case("OME-Zarr 0.4", "several images in one group", several_multiscales, BOTH),
    Case(
        "OME-Zarr 0.4",
        "positions of different length",
        of_different_size(lambda frames: frames[:13]),
        FIRST_AND_PART,
        SECOND_STOPPED,
    ),
    Case(
        "OME-Zarr 0.4",
        "several images of different frames in one group",
        of_different_size(lambda frames: frames[..., :8]),
        None,
        r"expected positions of one shape and type, found \(27, .* and \(27, 12, 8\) ",
    ),
)

# Axes that are called otherwise

STACKS = FRAMES.reshape(TIMES, 3, 3, Y, X)
"""[time, angle, phase, y, x]."""
PHASES_AS_CHANNELS = STACKS
"""[time, z = angle, channel = phase, y, x], as ImageJ lays them out."""
SAID = settings(axes={"channel": "phase", "z": "angle"})
QUESTION = r"expected one way to find 9 frames .*found [26]: say in \[pattern\] axes = {.*} or axes"


def ome_channels(folder: Path) -> Path:
    """Channels before z: read as a sequence, the planes would step the phase."""
    by_channel = STACKS.swapaxes(1, 2)
    tifffile.imwrite(folder / "raw.ome.tif", by_channel, ome=True, metadata={"axes": "TCZYX"})
    return folder / "raw.ome.tif"


def old_ome_zarr(**axes):
    """Return a builder of an OME-Zarr from before its axes had types."""

    def build(folder: Path) -> Path:
        group = zarr.create_group(folder / "raw.ome.zarr", zarr_format=2)
        frames = FRAMES.reshape(TIMES, 1, 9, Y, X)
        group.create_array("0", data=frames, chunks=(1, 1, 1, Y, X))
        _say(group, multiscales=[{"datasets": [{"path": "0"}], **axes}])
        return folder / "raw.ome.zarr"

    return build


def zarr_channels(folder: Path) -> Path:
    group = zarr.create_group(folder / "raw.ome.zarr")
    image = multiscale(group, "0", STACKS.swapaxes(1, 2), "tczyx")
    _say(group, multiscales=[image])
    return folder / "raw.ome.zarr"


def imagej_channels(folder: Path) -> Path:
    metadata = {"axes": "TZCYX"}
    tifffile.imwrite(folder / "raw.tif", STACKS, imagej=True, metadata=metadata)
    return folder / "raw.tif"


def zarr_frames_first(folder: Path) -> Path:
    """An array [frame, time, y, x] without names."""
    pixels = np.concatenate([FRAMES, TRUTH[1][:9]]).reshape(4, 9, Y, X).swapaxes(0, 1)
    zarr.create_array(folder / "raw.zarr", data=np.ascontiguousarray(pixels))
    return folder / "raw.zarr"


FOUR = {**ALL, (0, 3, 0, 0): stack(0, TRUTH[1])}
AXES = (
    Case("OME-Zarr 0.3", "axes that are names alone", old_ome_zarr(axes=list("tczyx")), ALL),
    Case("OME-Zarr 0.2", "axes that are not stated", old_ome_zarr(), ALL),
    Case("ImageJ", "phases as channels, angles as z", imagej_channels, None, QUESTION),
    Case("OME-TIFF", "phases as channels, angles as z", ome_channels, None, QUESTION),
    Case("OME-Zarr 0.5", "phases as channels, angles as z", zarr_channels, None, QUESTION),
    Case("ImageJ", "phases as channels, said in [pattern] axes", imagej_channels, ALL, "", SAID),
    Case("OME-TIFF", "phases as channels, said in [pattern] axes", ome_channels, ALL, "", SAID),
    Case("OME-Zarr 0.5", "phases as channels, said in [pattern] axes", zarr_channels, ALL, "",
         SAID),
    Case("Zarr 3", "frames before times, without names", zarr_frames_first, None, QUESTION),
    Case("Zarr 3", "frames before times, said in [pattern] axes", zarr_frames_first, FOUR, "",
         settings(axes={"axis 0": "frames"})),
    Case("TIFF", "two colours, stack by stack",
         array(TRUTH.reshape(2, 3, 9, Y, X).swapaxes(0, 1).reshape(-1, Y, X), metadata=None),
         COLOURS, "", settings(order=["phase", "angle", "channel"], sizes={"channel": 2})),
    Case("TIFF", "two colours, frame by frame", array(INTERLEAVED, metadata=None),
         COLOURS, "", settings(order=["channel", "phase", "angle"], sizes={"channel": 2})),
    Case("TIFF", "two colours, one after the other",
         array(TRUTH.reshape(-1, Y, X), metadata=None), COLOURS, "",
         settings(order=["phase", "angle", "time", "channel"], sizes={"channel": 2})),
)  # fmt: skip

# Compression and types of values

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
    Case("TIFF", "every other frame compressed", pages_in_turns, None,
         "expected pages that are stored alike, found 2 kinds in turns"),
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

CASES = (
    *OME_FILES,
    *MICROMANAGER,
    *SINGLE_FILES,
    *NDTIFF,
    *CUT_TIFF,
    *STOPPED_ZARR,
    *ZARR_POSITIONS,
    *AXES,
    *TYPES,
)
