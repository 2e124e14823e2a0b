"""Make frames that are known to the last bit by their stream and number."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livesim.values.frames import FrameAxes

ANGLES = PHASES = 3
STACK_FRAMES = ANGLES * PHASES

Counts = NDArray[np.uint16]


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

    def frame(self, stream: str, sequence: int) -> Counts:
        """Return the frame [y, x] of that number."""
        light = self._light[sequence % STACK_FRAMES]
        digest = hashlib.shake_128(f"{stream}/{sequence}".encode()).digest(light.shape[0])
        rows = np.frombuffer(digest, np.uint8) & np.uint8(15)
        return light + rows.astype(np.uint16)[:, None]

    def stack(self, stream: str, time: int) -> Counts:
        """Return the raw stack [angle, phase, y, x] of a time point."""
        first = time * STACK_FRAMES
        frames = [self.frame(stream, first + number) for number in range(STACK_FRAMES)]
        return np.stack(frames).reshape(ANGLES, PHASES, *frames[0].shape)


def axes_of(sequence: int) -> FrameAxes:
    """Return where a frame belongs, phase fastest."""
    time, place = divmod(sequence, STACK_FRAMES)
    angle, phase = divmod(place, PHASES)
    return FrameAxes(time=time, angle=angle, phase=phase)


def complete_stacks(sequences: list[int]) -> list[int]:
    """Return the time points all of whose frames are among `sequences`, as they were completed."""
    seen: dict[int, set[int]] = {}
    done = []
    for sequence in sequences:
        time, place = divmod(sequence, STACK_FRAMES)
        places = seen.setdefault(time, set())
        if place not in places:
            places.add(place)
            if len(places) == STACK_FRAMES:
                done.append(time)
    return done


def journal(folder: Path, stream: str) -> Path:
    """Return the file of the numbers of a stream, int32 each, in the order of sending."""
    return folder / f"{stream}.sent"


def read_journal(file: Path) -> list[int]:
    """Return all numbers that a source was about to send, or has sent."""
    whole = file.read_bytes()
    return np.frombuffer(whole[: len(whole) // 4 * 4], np.int32).tolist()
