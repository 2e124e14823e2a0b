"""What is said where raw stacks have lost frames."""

from __future__ import annotations

from dataclasses import replace

import pytest

from livesim.engine import missing
from livesim.engine.meters import Gauges
from livesim.engine.missing import MissingFrames
from livesim.engine.queue import BoundedQueue
from livesim.wire.sockets import Keep
from tests.support.running_engine import frames

SECOND_NS = 1_000_000_000


@pytest.mark.parametrize(
    ("waiting", "late_s", "words"),
    [
        (5, 1.5, "5 wait for the disk"),
        (1, 1.5, "frames wait 1.5 s for a processor"),
        (1, 0.0, "they did not leave the source"),
    ],
)
def test_the_cause_is_what_was_slow(monkeypatch, waiting, late_s, words):
    """Whatever the clock of the source says: it is an hour ahead here."""
    now_ns = 5_000 * SECOND_NS
    monkeypatch.setattr(missing.time, "time_ns", lambda: now_ns)
    gauges = Gauges()
    queue = BoundedQueue(8, Keep.BLOCK)
    gauges.record.attach(queue)
    for number in range(waiting):
        queue.put(number)
    frame = replace(next(iter(frames(1))), sent_ns=now_ns + 3_600 * SECOND_NS)
    told = MissingFrames(gauges)
    told.see(frame, 0)
    assert gauges.faults.last is None
    told.see(replace(frame, sent_ns=frame.sent_ns - round(late_s * SECOND_NS)), 2)
    assert gauges.faults.last.startswith(f"2 raw stack(s) have lost frames: {words}")
