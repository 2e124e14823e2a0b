"""Check recordings of a soak against the journals of its source."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import zarr

from bench.soak.frames import KnownFrames, complete_stacks, journal, read_journal, time_of
from livesim.io.recording_files import TIME_LABELS_NAME


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What the engine said last of a stream."""

    received: int = 0
    """Frames."""
    recorded: int = 0
    """Raw stacks on the disk."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of the raw stacks of one stream."""

    stream: str
    closed: bool
    """The engine has finished the recording, rather than being killed."""
    sent_frames: int
    """At most one of them was never sent: that at which the source was killed."""
    received_frames: int
    acknowledged: int
    """Raw stacks that the engine has said are on the disk."""
    right: int
    """Raw stacks on the disk with the right bytes."""
    wrong: int
    acknowledged_missing: int
    received_missing: int
    """Complete raw stacks of which the engine had all frames, but which are not on the disk."""
    unasked: int
    """On the disk though not all of their frames were ever sent."""


def check(
    folder: Path,
    streams: list[str],
    acknowledged: dict[str, Acknowledged],
    journals: Path,
    light: Path,
) -> Checked | None:
    """Compare one recording with what was sent, then empty it; None = it holds no raw stack.

    `streams` are those whose recording it may be.
    """
    frames = KnownFrames(np.load(light))
    group = _raw(folder)
    written = [] if group is None else _written(group)
    labels = _labels(folder)
    stream = None
    if group is not None and written:
        stream = _stream_of(group, written, labels, streams, frames)
    if stream is None or group is None:
        if written:
            raise ValueError(f"{folder}: expected raw stacks of one of {streams}, found others")
        _empty(folder)
        return None
    found = [_right_time(group, stream, row, labels, frames) for row in written]
    right = [time for time in found if time is not None]
    sent = read_journal(journal(journals, stream))
    said = acknowledged.get(stream, Acknowledged())
    complete = complete_stacks(sent[: said.received])
    checked = Checked(
        stream=stream,
        closed=(folder / "raw.zarr").exists(),
        sent_frames=len(sent),
        received_frames=said.received,
        acknowledged=said.recorded,
        right=len(right),
        wrong=len(written) - len(right),
        acknowledged_missing=len(set(complete[: said.recorded]) - set(right))
        + max(0, said.recorded - len(complete)),
        received_missing=len(set(complete) - set(right)),
        unasked=len(set(right) - set(complete_stacks(sent))),
    )
    _empty(folder)
    return checked


def _empty(folder: Path) -> None:
    """Make room; the folder stays, so that its name is not used again."""
    shutil.rmtree(folder)
    folder.mkdir()


def _raw(folder: Path) -> zarr.Group | None:
    for name in ("raw.zarr", "raw.zarr.partial"):
        if (folder / name).exists():
            return zarr.open_group(folder / name, mode="r")
    return None


def _written(group: zarr.Group) -> list[int]:
    """Return the rows that are marked as written; none if it was killed at the start."""
    if "written" not in group:
        return []
    return np.argwhere(np.asarray(_array(group, "written")[:]))[:, 1].tolist()


def _array(group: zarr.Group, name: str) -> zarr.Array:
    array = group[name]
    assert isinstance(array, zarr.Array)
    return array


def _labels(folder: Path) -> dict[int, int]:
    """Return what the source called the times, where they did not count: row -> label."""
    file = folder / TIME_LABELS_NAME
    if not file.exists():
        return {}
    _header, *lines = file.read_text(encoding="utf-8").split("\n")[:-1]  # one may be cut off
    return {line["time"]: line["label"] for line in map(json.loads, lines)}


def _stream_of(
    group: zarr.Group,
    written: list[int],
    labels: dict[int, int],
    streams: list[str],
    frames: KnownFrames,
) -> str | None:
    """Return the stream that one of the first stacks is of; a killed engine may spoil one."""
    for stream in streams:
        found = (_right_time(group, stream, row, labels, frames) for row in written[:2])
        if any(time is not None for time in found):
            return stream
    return None


def _right_time(
    group: zarr.Group, stream: str, row: int, labels: dict[int, int], frames: KnownFrames
) -> int | None:
    """Return the time point of a row, as the stream counts it; None where its stack is wrong."""
    time = time_of(stream, labels.get(row, row))
    found = np.asarray(_array(group, "raw")[0, row, 0, 0])
    right = time is not None and np.array_equal(found, frames.stack(stream, time))
    return time if right else None
