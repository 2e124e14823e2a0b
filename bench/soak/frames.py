"""Make frames that are known to the last bit by their stream and number."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livesim.values.frames import FrameAxes

ANGLES = PHASES = 3
STACK_FRAMES = ANGLES * PHASES
CLOCKS = {"seconds": (1_764_393_630, 3), "milliseconds": (1_764_393_630_123, 97)}
"""Kind of a stream -> what it calls its first time, by a clock, and how much later the next is."""
KINDS = ("counts", "floats", *CLOCKS)
"""Of streams, as their names tell: 16-bit counts, floats, and such with the time of a clock."""
ODD = (np.nan, np.inf, -np.inf, 1e30)
"""Values that no camera counts."""

Counts = NDArray[np.uint16]
Frame = NDArray[Any]


class KnownFrames:
    """Frames under a real pattern; every row carries the stream and place that it belongs to.

    What a row adds, 0 to 15 counts, is a hash of stream and number, so that a row from elsewhere
    goes unnoticed once in sixteen times, and a frame from elsewhere never.

    Parameters
    ----------
    light
        [angle, phase, y, x] counts that all stacks have in common.
    """

    def __init__(self, light: Counts) -> None:
        self._light = light.reshape(STACK_FRAMES, *light.shape[-2:])

    def frame(self, stream: str, sequence: int) -> Frame:
        """Return the frame [y, x] of that number."""
        light = self._light[sequence % STACK_FRAMES]
        digest = hashlib.shake_128(f"{stream}/{sequence}".encode()).digest(light.shape[0])
        rows = np.frombuffer(digest, np.uint8) & np.uint8(15)
        counts = light + rows.astype(np.uint16)[:, None]
        return counts.astype(np.float32) if kind_of(stream) == "floats" else counts

    def odd(self, stream: str, sequence: int) -> Frame:
        """Return the frame of that number with one pixel that cannot be used."""
        pixels = self.frame(stream, sequence).astype(np.float32)
        pixels.flat[sequence % pixels.size] = ODD[sequence % len(ODD)]
        return pixels

    def stack(self, stream: str, time: int) -> Frame:
        """Return the raw stack [angle, phase, y, x] of a time point."""
        first = time * STACK_FRAMES
        frames = [self.frame(stream, first + number) for number in range(STACK_FRAMES)]
        return np.stack(frames).reshape(ANGLES, PHASES, *frames[0].shape)


def kind_of(stream: str) -> str:
    """Return which of `KINDS` a stream is."""
    return next((kind for kind in KINDS if f"-{kind}-" in stream), "counts")


def axes_of(stream: str, sequence: int) -> FrameAxes:
    """Return where a frame belongs, phase fastest, in the words of its stream."""
    time, place = divmod(sequence, STACK_FRAMES)
    angle, phase = divmod(place, PHASES)
    return FrameAxes(time=label_of(stream, time), angle=angle, phase=phase)


def label_of(stream: str, time: int) -> int:
    """Return what a stream calls a time point."""
    first, step = CLOCKS.get(kind_of(stream), (0, 1))
    return first + step * time


def time_of(stream: str, label: int) -> int | None:
    """Return the time point that a stream calls so; None where it has none."""
    first, step = CLOCKS.get(kind_of(stream), (0, 1))
    time, rest = divmod(label - first, step)
    return time if rest == 0 and time >= 0 else None


def complete_stacks(sequences: list[int]) -> list[int]:
    """Return the time points all of whose frames are among `sequences`, as they were completed.

    Negative ones are odd frames, which belong to none.
    """
    seen: dict[int, set[int]] = {}
    done = []
    for sequence in sequences:
        if sequence < 0:
            continue
        time, place = divmod(sequence, STACK_FRAMES)
        places = seen.setdefault(time, set())
        if place not in places:
            places.add(place)
            if len(places) == STACK_FRAMES:
                done.append(time)
    return done


def journal(folder: Path, stream: str) -> Path:
    """Return the file of the numbers of a stream, int32 each, in the order of sending.

    That of an odd frame is -1 less the one of the frame that it was made of.
    """
    return folder / f"{stream}.sent"


def read_journal(file: Path) -> list[int]:
    """Return all numbers that a source was about to send, or has sent."""
    whole = file.read_bytes()
    return np.frombuffer(whole[: len(whole) // 4 * 4], np.int32).tolist()
