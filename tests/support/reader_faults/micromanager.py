"""Micro-Manager's image stacks and folders of single files."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import tifffile

from tests.support.micromanager_stack import write_stack
from tests.support.reader_faults.case import (
    ALL,
    BOTH,
    COLOURS,
    FRAMES,
    TRUTH,
    Case,
    X,
    Y,
    at_times,
    cut,
)


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
