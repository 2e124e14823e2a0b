"""A source may say what it knows of the light: the pattern of each channel."""

from __future__ import annotations

import pytest

from livesim.wire.header import WireError
from livesim_acquisition.sender import Sender
from tests.support.running_engine import PATTERN, SETTINGS, Mean, frames, running, start

TWO = SETTINGS | {"channels": {1: {"name": "red"}}}


def test_every_channel_gets_what_is_known_of_it():
    asked = []

    def factory_for(settings, known=None):
        asked.append(known)
        return lambda stacks, ended: Mean()

    with running(factory_for, lossless=True) as engine, Sender(engine.control) as sender:
        sender.start(start(settings=TWO, patterns={1: PATTERN}))
        for frame in frames(2):
            sender.send(frame)
        sender.finish()
        assert engine.times() == [0, 1]
    assert asked == [None, PATTERN]


def test_a_pattern_that_cannot_be_used_costs_its_stream_alone():
    def factory_for(settings, known=None):
        if known is not None:
            raise RuntimeError("no such light")
        return lambda stacks, ended: Mean()

    with running(factory_for, lossless=True) as engine, Sender(engine.control) as sender:
        with pytest.raises(WireError, match=r"channel 0 that fits .* no such light"):
            sender.start(start(patterns={0: PATTERN}))
        sender.start(start("t"))
        for frame in frames(1, "t"):
            sender.send(frame)
        sender.finish()
        assert engine.times() == [0]
