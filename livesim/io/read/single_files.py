"""Read Micro-Manager's folders of single files: one TIFF a frame, a folder a position."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from livesim.io.read.file_names import natural
from livesim.io.read.metadata import Metadata, micromanager_metadata, names_of
from livesim.io.read.micromanager_stack import planned_frames
from livesim.io.read.planes import NO_PLANE, PlaneFile, PlaneGrid, expecting
from livesim.io.read.tiff import BAD_TIFF
from livesim.values.errors import DataError
from livesim.values.frames import Pixels

METADATA = "metadata.txt"
MARKS = (METADATA, f"*/{METADATA}")
"""Of a folder with one position, and of one with several."""
NAMES = (
    # Version 2, and version 1.4, where channels have names.
    re.compile(r"img_channel(?P<channel>\d+)_position\d+_time(?P<time>\d+)_z(?P<z>\d+)\.tiff?"),
    re.compile(r"img_(?P<time>\d+)_(?P<channel>.*)_(?P<z>\d+)\.tiff?"),
)
AXES = ("position", "time", "channel", "z")


@dataclass(frozen=True, slots=True)
class _Frame:
    """One file, and where its frame belongs."""

    path: Path
    position: int
    time: int
    channel: str
    z: int


def open_single_files(folder: Path) -> PlaneFile:
    """Open a folder of single files; only the first frame is read.

    Raises
    ------
    DataError
        If there are no frames, two at one place, or the first one is no grey TIFF.
    """
    frames = _frames(folder)
    channels = list(dict.fromkeys(frame.channel for frame in frames))
    places = [(one.position, one.time, channels.index(one.channel), one.z) for one in frames]
    if len(set(places)) < len(places):
        raise DataError(f"{folder}: expected one file for every frame, found several of one place")
    numbers = np.full(np.max(places, axis=0) + 1, NO_PLANE, dtype=np.int64)
    numbers[tuple(np.transpose(places))] = range(len(frames))
    first = _read(frames[0].path)
    if first.ndim != 2:
        raise DataError(f"{frames[0].path}: expected a grey frame, found the shape {first.shape}")
    summary, metadata = _metadata(frames[0].path.parent)
    warnings = planned_frames(summary, len(frames), folder)
    named = all(not channel.isdigit() for channel in channels)
    return PlaneFile(
        source=folder,
        frame_shape=(first.shape[0], first.shape[1]),
        dtype=first.dtype,
        grid=PlaneGrid(AXES, numbers),
        read=lambda number: _read(frames[number].path),
        close=lambda: None,  # every frame is a file of its own
        pixel_nm=metadata.pixel_nm,
        exposure_ms=metadata.exposure_ms,
        interval_s=metadata.interval_s,
        z_step_nm=metadata.z_step_nm,
        channel_names=names_of(channels) if named else metadata.channel_names,
        warnings=warnings,
        unfinished=bool(warnings),
    )


def _frames(folder: Path) -> list[_Frame]:
    """Return all frames, as acquired: time by time, the channels in the order of their numbers."""
    own = [folder] if (folder / METADATA).is_file() else _positions(folder)
    found = [
        _Frame(path, number, int(name["time"]), name["channel"], int(name["z"]))
        for number, position in enumerate(own)
        for path in sorted(position.iterdir())
        if (name := next(filter(None, (one.fullmatch(path.name) for one in NAMES)), None))
    ]
    if not found:
        raise DataError(f"{folder}: expected frames beside {METADATA}, found none")
    return sorted(found, key=lambda frame: (frame.time, frame.position, frame.z))


def _positions(folder: Path) -> list[Path]:
    folders = [path.parent for path in folder.glob(f"*/{METADATA}")]
    return sorted(folders, key=lambda path: natural(path.name))


def _read(path: Path) -> Pixels:
    with expecting("a readable frame", path, *BAD_TIFF):
        pixels: Pixels = tifffile.imread(path)
    return pixels


def _metadata(folder: Path) -> tuple[Mapping[str, Any], Metadata]:
    """Read what a position's file says; one of an acquisition that crashed has no end."""
    text = (folder / METADATA).read_text(encoding="utf-8", errors="replace").strip()
    for whole in (text, text.rstrip(",") + "}"):
        try:
            values = json.loads(whole)
        except ValueError:
            continue
        parts = values if isinstance(values, dict) else {}
        # A part that is no table says nothing.
        known = {key: part for key, part in parts.items() if isinstance(part, dict)}
        frames = (part for key, part in known.items() if key.startswith(("FrameKey", "Metadata")))
        summary = known.get("Summary", {})
        return summary, micromanager_metadata(summary, next(frames, {}))
    return {}, Metadata()
