"""A notebook that sends frames to an engine and listens to it."""

from __future__ import annotations

from threading import Event
from types import SimpleNamespace

import numpy as np
import pytest

import livesim
from livesim.api import live
from livesim.values.frames import StackIndex
from livesim.values.results import Result
from livesim.wire.header import WireError
from tests.support.running_engine import Mean, running
from tests.support.simulations import settings

SETTINGS = settings(size=(16, 24))
FRAME = np.full((16, 24), 300, np.uint16)
AT = {"time": 0, "angle": 0, "phase": 0}


@pytest.fixture(scope="module")
def engine():
    with running(lambda settings: lambda stacks, ended: Mean()) as engine:
        yield engine.control


def test_every_stream_is_another_one_whatever_it_is_called(engine):
    for _ in range(2):
        with livesim.Sender(engine, SETTINGS, stream="cells") as sender:
            for _ in range(2):
                for phase in range(3):
                    sender.send(FRAME, time=0, angle=0, phase=phase)
                assert sender.finish().received == 3


@pytest.mark.parametrize("kind", ["int64", ">u2", "float64", "uint8", "int16"])
def test_frames_of_any_type_arrive(engine, kind):
    with livesim.Sender(engine, SETTINGS) as sender:
        sender.send((FRAME // 2).astype(kind), **AT)
        assert sender.finish().received == 1


@pytest.mark.parametrize(
    ("frame", "sentence"),
    [
        (FRAME > 0, "expected camera counts"),
        (np.full((16, 24), np.nan), "expected finite values"),
        (FRAME.astype(int) - 400, "expected camera counts from 0 to 65535"),
        (FRAME[0], r"expected a frame \[y, x\], found the shape \(24,\)"),
        (FRAME[:0], r"expected a frame \[y, x\], found the shape \(0, 24\)"),
        (FRAME[:-2], r"expected frames \(16, 24\) in this stream, found \(14, 24\)"),
    ],
)
def test_what_is_no_frame_is_refused_and_the_stream_goes_on(engine, frame, sentence):
    with livesim.Sender(engine, SETTINGS) as sender:
        sender.send(FRAME, **AT)
        with pytest.raises(ValueError, match=sentence):
            sender.send(frame, time=0, angle=0, phase=1)
        sender.send(FRAME, time=0, angle=0, phase=1)
        assert sender.finish().received == 2


def test_a_place_that_is_none_is_refused(engine):
    with livesim.Sender(engine, SETTINGS) as sender:
        with pytest.raises(ValueError, match=r"expected an angle from 0 to 2 .* found angle 3"):
            sender.send(FRAME, time=0, angle=3, phase=0)
        with pytest.raises(TypeError, match="'float' object"):
            sender.send(FRAME, time=0.5, angle=0, phase=0)


def test_a_closed_sender_says_so(engine):
    sender = livesim.Sender(engine, SETTINGS)
    sender.close()
    sender.close()
    with pytest.raises(WireError, match="expected an open sender, found it closed"):
        sender.send(FRAME, **AT)


@pytest.mark.slow
def test_the_error_of_a_block_is_seen_though_the_engine_is_gone():
    with running(lambda settings: lambda stacks, ended: Mean()) as engine:
        sender = livesim.Sender(engine.control, SETTINGS)
        sender.send(FRAME, **AT)
    with pytest.raises(RuntimeError, match="mine"), sender:
        raise RuntimeError("mine")


def test_another_way_of_keeping_is_refused():
    with pytest.raises(ValueError, match="expected keep='latest' or 'drop-oldest', found 'all'"):
        next(livesim.listen("tcp://127.0.0.1:1", keep="all"))


def test_listening_ends_though_the_end_of_the_stream_was_missed(monkeypatch):
    monkeypatch.setattr(live, "ASK_EVERY_S", 0.0)
    images = (np.zeros((2, 2), np.float32), np.zeros((1, 1), np.float32))
    heard = Result("cells", StackIndex(), *images)
    messages = iter([heard])
    subscriber = SimpleNamespace(receive=lambda timeout_s: next(messages, None))
    running = ["cells", "cells", None]
    client = SimpleNamespace(status=lambda timeout_s: SimpleNamespace(stream=running.pop(0)))
    assert list(live._results(subscriber, client, 1, Event())) == [heard]
    assert not running


def test_listening_ends_when_another_thread_says_so():
    stop = Event()

    def receive(timeout_s):
        stop.set()

    assert (
        list(live._results(SimpleNamespace(receive=receive), SimpleNamespace(), None, stop)) == []
    )
