"""Send known frames as fast as the engine takes them: `python -m bench.soak.source …`.

Every number is written to a journal before its frame is sent, so that who kills this process
knows what may have arrived. A line on stdin, drop, repeat, reorder or odd, spoils the next frames;
a line on stdout says when that is done, in which stream, and the last number that it concerns. A
kind of stream on stdin ends the present one and begins one of that kind. The end of stdin ends it.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from itertools import count, cycle
from pathlib import Path

import numpy as np

from bench.soak.frames import KINDS, KnownFrames, axes_of, journal
from livesim.values.frames import RawFrame
from livesim.wire.header import WireError
from livesim.wire.messages import StreamStart
from livesim.wire.sockets import Keep
from livesim_acquisition.sender import Sender

STREAM_S = 30.0
"""After which a stream ends in order and the next one begins."""
ANSWER_S = 2.0
SPOILT_FRAMES = 12
"""Fewer than two raw stacks, so that the engine still waits for what comes late."""


class Spoiler:
    """Numbers from 0 on, some of them lost, twice, in disorder or odd when that is asked for."""

    def __init__(self) -> None:
        self._asked: deque[str] = deque()
        self._usual = cycle(("counts", "floats"))
        self._random = np.random.default_rng(os.getpid())
        threading.Thread(target=self._listen, daemon=True).start()

    def kind(self) -> str:
        """Return which kind of stream is the next."""
        return self._asked.popleft() if self._is_another_asked else next(self._usual)

    @property
    def _is_another_asked(self) -> bool:
        return bool(self._asked) and self._asked[0] in KINDS

    def numbers(self, stream: str) -> Iterator[int]:
        """Yield until another stream is asked for."""
        for first in count(0, SPOILT_FRAMES):
            if self._is_another_asked:
                return
            fault = self._asked.popleft() if self._asked else None
            yield from self._spoilt(fault, list(range(first, first + SPOILT_FRAMES)))
            if fault is not None:
                print(stream, first + SPOILT_FRAMES - 1, flush=True)

    def _spoilt(self, fault: str | None, numbers: list[int]) -> list[int]:
        if fault == "drop":
            return [one for one in numbers if self._random.random() < 0.5]
        if fault == "repeat":
            return [one for one in numbers for _ in range(self._random.integers(1, 4))]
        if fault == "reorder":
            return self._random.permutation(numbers).tolist()
        if fault == "odd":
            return [one for number in numbers for one in (-1 - number, number)]
        return numbers

    def _listen(self) -> None:
        for line in sys.stdin:
            self._asked.append(line.strip())
        os._exit(1)  # who asked for frames is gone


def main(control: str, journals: str, light: str, pixel_nm: str) -> None:
    """Send until killed; an engine that goes is waited for."""
    frames, spoiler = KnownFrames(np.load(light)), Spoiler()
    for number in count(1):
        start = StreamStart(
            stream=f"soak-{spoiler.kind()}-{os.getpid()}-{number}",
            source="soak",
            pixel_nm=float(pixel_nm),
        )
        try:
            with Sender(control, Keep.BLOCK, ANSWER_S) as sender:
                _send(sender, start, frames, spoiler, Path(journals))
        except WireError as error:
            print(f"source: {error}", file=sys.stderr, flush=True)


def _send(
    sender: Sender, start: StreamStart, frames: KnownFrames, spoiler: Spoiler, journals: Path
) -> None:
    with journal(journals, start.stream).open("wb", buffering=0) as sent:
        sender.start(start)
        end = time.monotonic() + STREAM_S
        for number in spoiler.numbers(start.stream):
            if time.monotonic() > end:
                break
            sent.write(np.int32(number).tobytes())
            sender.send(_frame(frames, start.stream, number))
    sender.finish()


def _frame(frames: KnownFrames, stream: str, number: int) -> RawFrame:
    """Return the frame of a number, or an odd one in its place where that is negative."""
    sequence = number if number >= 0 else -1 - number
    pixels = (frames.frame if number >= 0 else frames.odd)(stream, sequence)
    return RawFrame(stream, sequence, axes_of(stream, sequence), pixels, exposure_ms=1.0)


if __name__ == "__main__":
    main(*sys.argv[1:])
