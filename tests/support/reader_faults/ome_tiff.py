"""OME-TIFF recordings of several files, as writers of positions leave them."""

from __future__ import annotations

import re
from pathlib import Path
from uuid import uuid4

import tifffile

from tests.support.reader_faults.case import (
    ALL,
    BOTH,
    FIRST_AND_PART,
    FRAMES,
    SECOND_STOPPED,
    TRUTH,
    Case,
    X,
    Y,
    at_times,
)

NAMESPACE = "http://www.openmicroscopy.org/Schemas/OME/2016-06"


def ome_files(files, byteorders="<<", padding=(0, 0), **options):
    """Return a builder of OME-TIFF files; `files` are [(image, first time, frames), ...]."""

    def build(folder: Path) -> Path:
        ids = [f"urn:uuid:{uuid4()}" for _ in files]
        for number, (_, _, frames) in enumerate(files):
            text = ome_xml(files, ids, ids[number]) + " " * padding[number]
            path = folder / f"multi_p{number:03d}.ome.tiff"
            described(path, frames, text, byteorders[number], **options)
        return folder / "multi_p000.ome.tiff"

    return build


def ome_xml(files, ids, own):
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
    return ome(images, own)


def ome(inside, uuid=None):
    own = f' UUID="{uuid}"' if uuid else ""
    return f'<?xml version="1.0"?><OME xmlns="{NAMESPACE}"{own}>{inside}</OME>'


def only(file, uuid):
    """Return a text that names the file that describes the axes."""
    return ome(f'<BinaryOnly MetadataFile="{file}" UUID="{uuid}"/>', uuid)


def described(path, frames, text=None, byteorder="<", **options):
    """Write a TIFF whose first page holds a text."""
    with tifffile.TiffWriter(path, byteorder=byteorder) as tif:
        for number, frame in enumerate(frames):
            said = text.encode() if text and number == 0 else None
            tif.write(frame, description=said, metadata=None, contiguous=False, **options)
    return path


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
        return described(path, TRUTH[1], only(metadata_file, own))

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
        "expected master.ome.tiff, which describes its axes, found no such file",
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
