"""What a publisher that fails leaves behind it: nobody who waits for it."""

from __future__ import annotations

import threading

import pytest

from livesim.engine.meters import Gauges
from livesim.engine.publishing import RESULT_DEPTH, Publishing
from livesim.engine.record.stream_recording import StreamRecording
from livesim.engine.seams import Reconstructed
from tests.support.running_engine import WAIT_S, Mean, start
from tests.support.tracked_stream import stack


class Deaf:
    """An outlet through which nothing goes."""

    def say(self, message):
        raise RuntimeError("planted")


def test_nobody_waits_for_a_publisher_that_has_failed():
    gauges = Gauges()
    publishing = Publishing(start(), Deaf(), StreamRecording(None, None, gauges), gauges)
    with pytest.raises(RuntimeError, match="planted"):
        publishing.run()
    made = Reconstructed(Mean()(stack(0)))

    def process():
        for _ in range(RESULT_DEPTH + 1):
            publishing.results.put(made)

    processing = threading.Thread(target=process, daemon=True)
    processing.start()
    processing.join(WAIT_S)
    assert not processing.is_alive()
