"""Files whose axes are called otherwise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile
import zarr

from tests.support.reader_faults.case import (
    ALL,
    COLOURS,
    FRAMES,
    TIMES,
    TRUTH,
    Case,
    X,
    Y,
    settings,
    stack,
)
from tests.support.reader_faults.micromanager import INTERLEAVED
from tests.support.reader_faults.tiff import array
from tests.support.reader_faults.zarr import multiscale, say

STACKS = FRAMES.reshape(TIMES, 3, 3, Y, X)
"""[time, angle, phase, y, x]."""
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
        say(group, multiscales=[{"datasets": [{"path": "0"}], **axes}])
        return folder / "raw.ome.zarr"

    return build


def zarr_channels(folder: Path) -> Path:
    group = zarr.create_group(folder / "raw.ome.zarr")
    image = multiscale(group, "0", STACKS.swapaxes(1, 2), "tczyx")
    say(group, multiscales=[image])
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
