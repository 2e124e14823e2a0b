"""What an engine does when it is too slow, is to stop, or has a mistake in it."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
import zarr

from livesim.engine.process import Engine
from livesim.engine.record.folder import record_into
from livesim.engine.session import PROCESS_DEPTH, Session
from livesim.io.recording_files import RAW_NAME
from livesim.wire.control_client import ControlClient
from livesim.wire.sockets import FramePusher, Keep
from livesim_acquisition import sender as sender_module
from livesim_acquisition.sender import Sender
from tests.support.running_engine import (
    WAIT_S,
    FakePipeline,
    Fakes,
    anywhere,
    frames,
    running,
    send,
    start,
)


def test_a_slow_pipeline_skips_whole_stacks_but_the_recording_has_all(tmp_path):
    gate = threading.Event()
    slow = FakePipeline(gate=gate)
    with running(lambda s: lambda stacks, ended: slow, record=tmp_path) as engine:
        with Sender(engine.control) as sender:
            sender.start(start())
            for frame in frames(30):
                sender.send(frame)
            status = engine.wait_for(lambda s: s.stages[1].done == 30)
            gate.set()
            sender.finish()
        assert status.stages[2].dropped >= 30 - 2 * PROCESS_DEPTH - 1
        times = engine.times()
        assert times[-1] == 29
        assert times == sorted(times)
        assert len(times) == 30 - status.stages[2].dropped
    raw = zarr.open_group(tmp_path / "stream-001" / RAW_NAME, mode="r")
    assert raw["written"][:].sum() == 30


def test_lossless_lets_the_source_wait():
    gate = threading.Event()
    slow = FakePipeline(gate=gate)
    with running(lambda s: lambda stacks, ended: slow, lossless=True) as engine:
        sending = threading.Thread(target=send, args=(engine, frames(200)))
        sending.start()
        engine.wait_for(lambda s: s.stages[2].queued == PROCESS_DEPTH)
        gate.set()
        sending.join(WAIT_S)
        assert engine.times() == list(range(200))
        assert all(stage.dropped == 0 for stage in engine.engine.status().stages)


def test_a_camera_is_never_held(monkeypatch):
    """With drop-oldest, sending goes on at full pace although the engine takes nothing."""
    monkeypatch.setattr(sender_module, "HELD_BYTES", 32 << 20)
    gate = threading.Event()
    slow = FakePipeline(gate=gate)
    with running(lambda s: lambda *_: slow, lossless=True) as engine:
        with Sender(engine.control, Keep.DROP_OLDEST) as sender:
            sender.start(start())
            for one in frames(100):
                sender.send(replace(one, pixels=np.zeros((512, 512), np.uint16)))
            assert sender.unsent > 0
            gate.set()
            delivery = sender.finish()
        assert delivery.sent + delivery.unsent == 900
        assert delivery.received == delivery.sent


def test_an_interrupted_source_does_not_wait_for_a_slow_engine(monkeypatch):
    monkeypatch.setattr(sender_module, "ABORT_S", 1.5)
    gate, end = threading.Event(), ControlClient.end
    # The engine is slow until it has been told to take no more.
    monkeypatch.setattr(ControlClient, "end", lambda *asked: (end(*asked), gate.set()))
    slow = FakePipeline(gate=gate)
    with (
        running(lambda s: lambda *_: slow, lossless=True, once=True) as engine,
        Sender(engine.control) as sender,
    ):
        sender.start(start())
        for frame in frames(30):
            sender.send(frame)
        engine.wait_for(lambda s: s.stages[2].queued == PROCESS_DEPTH)
        delivery = sender.finish(aborted=True)
        assert 9 * PROCESS_DEPTH < delivery.received < delivery.sent == 270
        engine.stopped()
        assert engine.messages()[-1].aborted


def test_a_stop_request_ends_it_and_keeps_what_came(tmp_path):
    with running(record=tmp_path, lossless=True) as engine:
        with Sender(engine.control) as sender, ControlClient(engine.control) as client:
            sender.start(start())
            for frame in list(frames(3))[:-1]:
                sender.send(frame)
            engine.wait_for(lambda s: s.stages[0].done == 26)
            client.stop(WAIT_S)
            engine.stopped()
        assert engine.messages()[-1].aborted
    assert not list(tmp_path.rglob("*.partial"))
    written = zarr.open_group(tmp_path / "stream-001" / RAW_NAME, mode="r")["written"]
    assert written[:].sum() == 2


def test_stopping_does_not_wait_for_a_pipeline_that_is_too_slow(tmp_path, monkeypatch):
    given_up, hurry = threading.Event(), Session.hurry
    monkeypatch.setattr(Session, "hurry", lambda self: (hurry(self), given_up.set()))
    slow = FakePipeline(gate=given_up)  # its first stack takes until the engine gives up waiting
    with (
        running(lambda s: lambda *_: slow, record=tmp_path, stop_grace_s=0.0) as engine,
        Sender(engine.control) as sender,
    ):
        sender.start(start())
        for frame in frames(PROCESS_DEPTH):
            sender.send(frame)
        engine.wait_for(lambda s: s.stages[1].done == PROCESS_DEPTH)
        engine.engine.request_stop()
        status = engine.stopped()
    assert (status.stages[2].done, status.faults.skipped_stacks) == (1, PROCESS_DEPTH - 1)
    written = zarr.open_group(tmp_path / "stream-001" / RAW_NAME, mode="r")["written"]
    assert written[:].sum() == PROCESS_DEPTH


def test_a_mistake_of_ours_ends_the_engine_and_is_raised(tmp_path):
    class Broken(FakePipeline):
        def __call__(self, stack):
            raise TypeError("a mistake")

    recorder_for = record_into(tmp_path)
    with (
        Engine(anywhere(), Fakes(lambda s: lambda *_: Broken()), None, recorder_for) as engine,
        FramePusher(engine.endpoints.frames) as source,
    ):
        source.send(start(), WAIT_S)
        for frame in frames(1):
            source.send(frame, WAIT_S)
        with pytest.raises(TypeError, match="a mistake"):
            engine.run()
    assert not list(tmp_path.rglob("*.partial"))
