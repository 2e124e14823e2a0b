"""Find out where the frames of Micro-Manager's image stacks belong, and how many were planned."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from livesim.io.read.metadata import positive
from livesim.io.read.planes import NO_PLANE, PlaneGrid

FRAME_KEYS = {
    "position": "PositionIndex",
    "time": "FrameIndex",
    "z": "SliceIndex",
    "channel": "ChannelIndex",
}
PLANNED = ("Positions", "Frames", "Slices", "Channels")


def planned_frames(summary: Mapping[str, Any], found: int, source: Path) -> tuple[str, ...]:
    """Say by how much a recording holds less than the acquisition was to have."""
    planned = prod(max(1, int(positive(summary.get(name)) or 1)) for name in PLANNED)
    if found >= planned:
        return ()
    return (
        f"{source}: expected {planned} frames as the acquisition was planned, found {found}: it "
        "was stopped early, or other files of it are not in the folder",
    )


def from_the_first_frame(grid: PlaneGrid, tif: tifffile.TiffFile) -> PlaneGrid:
    """Begin each axis with the acquisition, not with the file: a later one may begin in mid-stack.

    tifffile counts from the lowest place in a file whose companions are missing.
    """
    index = np.asarray((tif.micromanager_metadata or {})["IndexMap"])
    lowest = dict(zip(("channel", "z", "time"), index[:, :3].min(axis=0).tolist(), strict=True))
    length = dict(zip(("channel", "z", "time"), index[:, :3].max(axis=0).tolist(), strict=True))
    before = [
        lowest.get(name, 0) if size == length.get(name, 0) - lowest.get(name, 0) + 1 else 0
        for name, size in zip(grid.names, grid.numbers.shape, strict=True)
    ]
    widths = [(places, 0) for places in before]
    return PlaneGrid(grid.names, np.pad(grid.numbers, widths, constant_values=NO_PLANE))


def as_the_frames_say(tif: tifffile.TiffFile, grid: PlaneGrid) -> PlaneGrid:
    """Sort the frames of Micro-Manager by their own metadata, where a crash cost the index."""
    frames = [_metadata_of_frame(tif, number) for number in range(grid.numbers.size)]
    places = np.array([[int(frame.get(key, 0)) for key in FRAME_KEYS.values()] for frame in frames])
    if not all(frames) or len(np.unique(places, axis=0)) < len(frames):
        return grid
    numbers = np.full(places.max(axis=0) + 1, NO_PLANE, dtype=np.int64)
    numbers[tuple(places.T)] = grid.numbers.ravel()
    return PlaneGrid(tuple(FRAME_KEYS), numbers)


def _metadata_of_frame(tif: tifffile.TiffFile, number: int) -> dict[str, Any]:
    page = tif.pages[number]
    tag = page.aspage().tags.get("MicroManagerMetadata")
    return tag.value if tag is not None and isinstance(tag.value, dict) else {}
