"""The newest images of an engine, for a viewer that looks now and then."""

from __future__ import annotations

from queue import Queue

import numpy as np
import pytest

from livesim.plugins import newest
from livesim.plugins.newest import Newest
from livesim.values.frames import StackIndex
from livesim.values.results import Result
from livesim.wire.header import WireError


def result(time, channel=0):
    image = np.zeros((4, 4), np.float32)
    return Result("cells", StackIndex(time=time, channel=channel), image, image[::2, ::2])


@pytest.fixture
def engine(monkeypatch):
    """What an engine publishes, handed over one by one: `None` ends it, an error is raised."""
    sent, taken = Queue(), Queue()

    def listen(engine, *, keep, streams, stop):
        assert (engine, keep, streams) == ("here", "drop-oldest", None)
        while not stop.is_set():
            one = sent.get(timeout=60)
            if isinstance(one, Exception):
                raise one
            if one is None:
                return
            yield one
            taken.put(one)  # the listener has come back for more

    monkeypatch.setattr(newest, "listen", listen)

    def publish(*results):
        for one in results:
            sent.put(one)
        for _ in results:
            taken.get(timeout=60)

    publish.sent = sent
    return publish


def test_of_each_channel_the_newest_is_taken_once(engine):
    listener = Newest("here")
    engine(result(0), result(1), result(0, channel=2))
    found = {channel: one.index.time for channel, one in listener.take().items()}
    assert found == {0: 1, 2: 0}
    assert not listener.take()
    engine(result(2))
    assert listener.take()[0].index.time == 2
    engine.sent.put(None)
    listener.close()
    listener._thread.join(60)
    assert listener.fault == ""


def test_a_window_does_not_wait_for_the_engine_that_is_being_asked(engine):
    listener = Newest("here")
    listener.close()
    assert listener._thread.is_alive(), "it waits for an answer"
    engine.sent.put(result(0))
    listener._thread.join(60)
    assert not listener._thread.is_alive()


def test_why_nothing_comes_is_a_sentence(engine):
    listener = Newest("here")
    engine.sent.put(WireError("expected an engine at here, found none"))
    listener._thread.join(60)
    assert listener.fault == "expected an engine at here, found none"
    listener.close()
