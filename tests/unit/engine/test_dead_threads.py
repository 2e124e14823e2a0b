"""A thread that dies of a mistake ends the engine: rather none than one that lacks a part."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import zarr

from livesim.engine.answers import Answers
from livesim.engine.process import Engine
from livesim.engine.publishing import Publishing
from livesim.engine.receiving import Receiver
from livesim.engine.record.folder import record_into
from livesim.io.recording_files import RAW_NAME
from livesim.io.write.recorder import RawRecorder
from livesim.wire.control_client import ControlClient
from livesim.wire.header import WireError
from livesim_acquisition.sender import Sender
from tests.support.running_engine import (
    WAIT_S,
    FakePipeline,
    Fakes,
    anywhere,
    at_once,
    frames,
    start,
    wait_for,
)

SENT, LAST = 4, 2
"""Raw stacks, and the one of which a thread dies."""
PLANTED = {
    "receiver": (Receiver, "add", lambda frame: frame.axes.time),
    "recorder": (RawRecorder, "write", lambda stack: stack.index.time),
    "processor": (FakePipeline, "__call__", lambda stack: stack.index.time),
    "publisher": (Publishing, "_publish_one", lambda made: made.result.index.time),
}
"""Who dies -> in which method, and how that knows the time of what it is given."""


class Mistake(Exception):  # noqa: N818
    """Of a kind that nothing in the engine expects."""


def plant(monkeypatch, kind, method, time_of):
    """Let a method fail of what belongs to the stack `LAST`."""
    real = getattr(kind, method)

    def work(self, value):
        if time_of(value) == LAST:
            raise Mistake("planted")
        return real(self, value)

    monkeypatch.setattr(kind, method, work)


def kill_control(monkeypatch, control):
    """Ask for a status of which the control thread dies."""

    def die(*_):
        raise Mistake("planted")

    monkeypatch.setattr(Answers, "_snapshot", die)
    with ControlClient(control) as client, pytest.raises(WireError):
        client.status(0.01)


@pytest.mark.parametrize("dies", ["control", *PLANTED])
def test_a_dead_thread_ends_the_engine_closes_the_recording_and_says_why(
    dies, tmp_path, monkeypatch
):
    if dies in PLANTED:
        plant(monkeypatch, *PLANTED[dies])
    options = anywhere(lossless=True, stop_grace_s=WAIT_S)
    with (
        ThreadPoolExecutor(1) as pool,
        Engine(options, Fakes(at_once), None, record_into(tmp_path)) as engine,
    ):
        running = pool.submit(engine.run)
        with Sender(engine.endpoints.control) as sender:
            sender.start(start())
            for frame in frames(SENT):
                sender.send(frame)
            if dies == "control":
                wait_for(engine, lambda status: status.stages[1].done == SENT)
                kill_control(monkeypatch, engine.endpoints.control)
            with pytest.raises(Mistake, match="planted"):
                running.result(WAIT_S)
        assert engine.failed.is_set()
        assert "a thread of it has died: Mistake('planted')" in engine.status().last_fault
    assert not list(tmp_path.rglob("*.partial"))
    group = zarr.open_group(tmp_path / "stream-001" / RAW_NAME, mode="r")
    assert group["written"][0, :LAST, 0, 0].all()
