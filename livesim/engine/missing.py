"""Say why frames of a stream are missing, in the thread that receives them."""

from __future__ import annotations

import time

from livesim.engine.meters import Gauges
from livesim.values.frames import RawFrame

LATE_S = 0.25
"""Frames that wait longer than this between source and engine are late."""
EVERY_S = 5.0
"""How often it is said, while more and more are lost."""


class MissingFrames:
    """Says how many raw stacks have lost frames, and where frames wait for each other.

    A camera waits for nobody: its source gives frames up once they wait for too long. The engine
    sees that as raw stacks that are not complete, and here says what was slow.

    Parameters
    ----------
    gauges
        Of the stream: what waits for the disk, and whom to tell.
    """

    def __init__(self, gauges: Gauges) -> None:
        self._gauges = gauges
        self._least_s: float | None = None
        self._said, self._rests_until = 0, 0.0

    def see(self, frame: RawFrame, incomplete: int) -> None:
        """Hear of every frame, and how many raw stacks have been given up so far.

        The clocks of two machines differ, so a frame is as late as it is later than the quickest.
        """
        took_s = (time.time_ns() - frame.sent_ns) / 1e9
        self._least_s = took_s if self._least_s is None else min(self._least_s, took_s)
        if incomplete > self._said and time.monotonic() >= self._rests_until:
            self._said, self._rests_until = incomplete, time.monotonic() + EVERY_S
            why = self._why(took_s - self._least_s)
            self._gauges.faults.say(f"{incomplete} raw stack(s) have lost frames: {why}")

    def _why(self, late_s: float) -> str:
        record = self._gauges.record.status()
        if record.queued > record.queue_limit // 2:
            takes = f"{record.per_second:.3g} stacks/s are all that is written"
            return f"{record.queued} wait for the disk, and {takes}"
        if late_s > LATE_S:
            return f"frames wait {late_s:.1f} s for a processor that is too busy to take them"
        return "they did not leave the source, or were given up on the way"
