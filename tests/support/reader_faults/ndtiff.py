"""NDTiff folders, of which frames, files or ends are missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from ndstorage import NDTiffDataset
from ndstorage.ndtiff_index import NDTiffIndexEntry

from tests.support.reader_faults.case import ALL, FRAMES, TIMES, Case, at_times


def ndtiff(coordinates, summary=None, said=None):
    """Return a builder of an NDTiff folder with [(axes, frame), ...] in that order.

    It says `summary` of all, and `said` of every frame.
    """

    def build(folder: Path) -> Path:
        data = NDTiffDataset(str(folder), name="raw", writable=True)
        data.initialize(summary or {})
        for axes, frame in coordinates:
            data.put_image(axes, frame, said or {})
        reader = data.current_writer.reader
        data.finish()
        data.close()
        reader.close()  # ndstorage forgets this one
        return folder / "raw_1"

    return build


def by_time(end=27, lost=(), begin=0):
    return [
        ({"time": begin + number}, FRAMES[number]) for number in range(end) if number not in lost
    ]


def by_name(lost=(), begin=0):
    places = enumerate(np.ndindex(TIMES, 3, 3))
    return [
        ({"time": t, "angle": a + begin, "phase": p + begin}, FRAMES[number])
        for number, (t, a, p) in places
        if number not in lost
    ]


def by_sim(begin=0):
    return [({"time": n // 9, "sim": n % 9 + begin}, frame) for n, frame in enumerate(FRAMES)]


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
    Case("NDTiff", "angles and phases that count from 1", ndtiff(by_name(begin=1)), ALL),
    Case(
        "NDTiff",
        "angles and phases that count from 1, a frame missing",
        ndtiff(by_name(lost=[13], begin=1)),
        at_times(0, 2),
        r"found 8 at time 1 \(without angle 1, phase 1\); the 2 whole ones are used",
    ),
    Case("NDTiff", "frames of a raw stack that count from 1", ndtiff(by_sim(begin=1)), ALL),
    Case("NDTiff", "times that count from 1", ndtiff(by_time(begin=1)), ALL),
    Case(
        "NDTiff",
        "times that count from 1, stopped in mid-stack",
        ndtiff(by_time(end=22, begin=1)),
        None,
        "found 22 frames from time 1 on: the first raw stack or the last one may be incomplete",
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
