"""What an engine tells who asks: counts, times, what is in use."""

from __future__ import annotations

import math
import threading
import time

import numpy as np
import pytest
import zarr

from livesim.config.settings import Settings
from livesim.engine import channel_processing, latencies, receiving
from livesim.engine import publishing as publishing_module
from livesim.engine.process import Engine
from livesim.io.recording_files import RAW_NAME
from livesim.values.results import Result
from livesim.wire import sockets as frame_sockets
from livesim.wire.control_client import ControlClient
from livesim.wire.status import EngineState
from livesim_acquisition.sender import Sender
from tests.support.running_engine import (
    SETTINGS,
    WAIT_S,
    FakePipeline,
    Fakes,
    TwoSteps,
    anywhere,
    at_once,
    frames,
    running,
    send,
    start,
)


def test_the_status_tells_what_happened():
    with running(lossless=True) as engine:
        send(engine, frames(5, bad=[2], lost=[(0, 1, 1)]))
        engine.messages()
        with ControlClient(engine.control) as client:
            engine.wait_for(lambda status: status.state is EngineState.IDLE)
            status = client.status(WAIT_S)
        done = {stage.name: stage.done for stage in status.stages}
        assert done == {"receive": 44, "record": 4, "process": 3, "publish": 3, "networks": 0}
        assert (status.faults.failed_stacks, status.faults.incomplete_stacks) == (1, 1)
        assert status.last_fault == "expected no 666, found one"
        assert status.latency.results == 3
        assert 0 < status.latency.p50_ms <= status.latency.p95_ms <= status.latency.p99_ms
        stages = {part.name: part for part in status.latency.stages}
        assert list(stages) == ["assemble", "wait", "reconstruct", "publish"]
        assert all(part.p99_ms > 0 for part in stages.values())


def test_the_time_a_stack_waits_is_no_time_of_its_reconstruction(monkeypatch):
    """On a clock that stands still but for the 100 ms that the first stack takes."""
    now = [10**18]
    for module in (receiving, channel_processing, publishing_module, latencies, frame_sockets):
        monkeypatch.setattr(module, "steady_ns", lambda: now[0])
    gate, begun = threading.Event(), threading.Event()

    class Slow(FakePipeline):
        def __call__(self, stack):
            begun.set()
            return super().__call__(stack)

    slow = Slow(gate=gate)
    with running(lambda s: lambda *_: slow, lossless=True) as engine:
        with Sender(engine.control) as sender:
            sender.start(start())
            for frame in frames(3):
                sender.send(frame)
            engine.wait_for(lambda s: s.stages[1].done == 3)
            assert begun.wait(WAIT_S)
            now[0] += 100_000_000
            gate.set()
            sender.finish()
        status = engine.wait_for(lambda s: s.latency is not None and s.latency.results == 3)
    stages = {part.name: part for part in status.latency.stages}
    assert stages["wait"].p50_ms == 100.0  # of the second and the third
    assert stages["reconstruct"].p99_ms > 95.0  # of the first
    assert stages["reconstruct"].p50_ms == 0.0


def test_the_status_tells_what_is_in_use_even_to_who_comes_late():
    gate = threading.Event()
    with running(lambda settings: lambda *_: FakePipeline(gate=gate)) as engine:
        with Sender(engine.control) as sender:
            sender.start(start(interval_s=0.5))
            for frame in frames(2):
                sender.send(frame)
            engine.wait_for(lambda status: status.state is EngineState.RUNNING)
            with ControlClient(engine.control) as client:
                told = client.status(WAIT_S).in_use
            gate.set()
            sender.finish()
        pattern = told.patterns[0]
        assert [angle.k_cycles_per_um for angle in pattern.angles] == [(5.0, 0.0)] * 3
        assert pattern.attainable_resolution_nm == 110.0
        assert pattern.angles[0].peak_to_noise == math.inf, "never measured"
        assert told.settings == Settings.model_validate(SETTINGS)
        assert (told.stream.source, told.stream.interval_s) == ("test", 0.5)
        assert (told.stream.frame_shape, told.stream.dtype) == ((16, 12), "uint16")
        engine.messages()
        assert engine.wait_for(lambda s: s.state is EngineState.IDLE).in_use is None


def test_a_clock_that_is_set_changes_no_latency(tmp_path, monkeypatch):
    with running(record=tmp_path) as engine:
        send(engine, frames(2))
        monkeypatch.setattr(time, "time_ns", lambda: 0)
        send(engine, frames(2), "after")
        status = engine.wait_for(lambda s: len(list(tmp_path.iterdir())) == 2 and s.stream is None)
    assert 0.0 <= status.latency.p50_ms <= status.latency.p99_ms < 1000.0 * WAIT_S
    received = [
        zarr.open_group(folder / RAW_NAME, mode="r")["last_received_ns"][0, :, 0, 0]
        for folder in sorted(tmp_path.iterdir())
    ]
    assert (np.diff(np.concatenate(received)) > 0).all()


@pytest.mark.parametrize(("asked", "shown_ns", "sent"), [(True, 10**12, True), (True, 0, False),
                                                         (False, 10**12, False)])  # fmt: skip
def test_the_stages_travel_while_a_viewer_asks_for_them(monkeypatch, asked, shown_ns, sent):
    monkeypatch.setattr(publishing_module, "SHOWN_NS", shown_ns)
    with (
        running(lambda settings: lambda *_: TwoSteps(), lossless=True, once=True) as engine,
        ControlClient(engine.control) as client,
    ):
        client.status(WAIT_S, stages=asked)
        with Sender(engine.control) as sender:
            sender.start(start())
            for frame in frames(2):
                sender.send(frame)
            sender.finish()
        results = [one for one in engine.messages() if isinstance(one, Result)]
    assert len(results) == 2
    for one in results:
        assert (one.step_one is not None) is sent
        assert not sent or (one.step_one == 5.0).all()
        assert (one.network is not None) is sent
        assert not sent or (one.network == 6.0).all()


def test_an_engine_that_cannot_answer_ends(monkeypatch):
    with Engine(anywhere(), Fakes(at_once)) as engine:
        failed = []
        thread = threading.Thread(target=lambda: failed.append(raised_by(engine.run)))
        thread.start()
        monkeypatch.setattr("livesim.engine.process.figures_of", lambda status: 1 / 0)
        with (
            ControlClient(engine.endpoints.control) as client,
            pytest.raises(ValueError, match="expected an engine"),
        ):
            client.status(1.0)
        thread.join(WAIT_S)
        assert not thread.is_alive()
        assert failed == [ZeroDivisionError]


def raised_by(work):
    try:
        work()
    except ArithmeticError as error:
        return type(error)
