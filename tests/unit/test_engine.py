"""The engine in this process, with a fake pipeline, over real sockets."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import pytest
import tifffile
import zarr

from livesim.commands.status import show_status
from livesim.config import Settings
from livesim.engine import opening as opening_module
from livesim.engine.folder import PATTERN_NAME, RAW_NAME, RESULTS_NAME, record_into
from livesim.engine.options import EngineOptions
from livesim.engine.process import Engine
from livesim.engine.session import PROCESS_DEPTH, Session
from livesim.frames import DataError, FrameAxes, Pattern, PatternAngle, RawFrame, Result
from livesim.io.open import open_recording
from livesim.io.pattern_file import read_pattern
from livesim.io.recorder import RawRecorder
from livesim.wire.codec import StreamEnd, StreamStart
from livesim.wire.control_client import ControlClient
from livesim.wire.endpoints import FREE_ADDRESS
from livesim.wire.header import WireError
from livesim.wire.sockets import FramePusher, Keep, Subscriber
from livesim.wire.status import EngineState
from livesim_acquisition import sender as sender_module
from livesim_acquisition.pace import Pace
from livesim_acquisition.rate import Rate, parse_rate
from livesim_acquisition.replay import replay
from livesim_acquisition.sender import Sender

WAIT_S = 20.0
SETTINGS = {"optics": {"numerical_aperture": 1.4, "emission_nm": 520.0, "pixel_nm": 80.0}}
ANGLE = PatternAngle((5.0, 0.0), (0.0, 2.0, 4.0), (0.8,))
PATTERN = Pattern(80.0, (16, 12), (ANGLE, ANGLE, ANGLE), 110.0)


@dataclass
class FakePipeline:
    """The doubled mean; a stack that holds a 666 cannot be reconstructed."""

    pattern: Pattern = PATTERN
    gate: threading.Event | None = None

    def __call__(self, stack) -> Result:
        if self.gate is not None:
            assert self.gate.wait(WAIT_S)
        if (stack.pixels == 666).any():
            raise ValueError("expected no 666, found one")
        widefield = stack.pixels.mean(axis=(0, 1), dtype=np.float32)
        image = np.kron(widefield, np.ones((2, 2), np.float32))
        return Result(stack.stream, stack.index, image, widefield)


@dataclass
class TwoSteps(FakePipeline):
    """Says besides what step one alone would give: 5 everywhere."""

    def __call__(self, stack) -> Result:
        made = super().__call__(stack)
        return replace(made, plain=made.image, make_step_one=lambda: np.full_like(made.image, 5.0))


def at_once(settings):
    return lambda stacks, ended: FakePipeline()


def after(count):
    """Return a factory that needs `count` stacks to know the pattern."""
    return lambda settings: lambda stacks, ended: FakePipeline() if len(stacks) >= count else None


def frames(times, stream="s", bad=(), lost=()):
    sequence = 0
    for time_ in range(times):
        for angle, phase in np.ndindex(3, 3):
            value = 666 if time_ in bad else time_
            if (time_, angle, phase) not in lost:
                axes = FrameAxes(time=time_, angle=angle, phase=phase)
                yield RawFrame(stream, sequence, axes, np.full((16, 12), value, np.uint16), 5.0)
            sequence += 1


def start(stream="s", settings=SETTINGS, **more):
    return StreamStart(stream=stream, source="test", settings=settings, **more)


@dataclass
class Running:
    engine: Engine
    thread: threading.Thread
    subscriber: Subscriber

    @property
    def control(self):
        return self.engine.endpoints.control

    def messages(self):
        """What is published, up to the end of a stream."""
        got = []
        while not got or not isinstance(got[-1], StreamEnd):
            message = self.subscriber.receive(WAIT_S)
            assert message is not None, f"expected a stream's end, found {got}"
            got.append(message)
        return got

    def times(self):
        return [one.index.time for one in self.messages() if isinstance(one, Result)]

    def wait_for(self, condition):
        """Wait until the status fulfils a condition."""
        deadline = time.monotonic() + WAIT_S
        while not condition(status := self.engine.status()):
            assert time.monotonic() < deadline, status
            time.sleep(0.005)
        return status

    def stopped(self):
        self.thread.join(WAIT_S)
        assert not self.thread.is_alive()
        return self.engine.status()


def anywhere(**options):
    """Return options with free ports, and room for all results that a test makes at once."""
    return EngineOptions(FREE_ADDRESS, FREE_ADDRESS, FREE_ADDRESS, results_depth=1000, **options)


@contextmanager
def running(factory=at_once, settings=None, record=None, **options):
    recorder = None if record is None else record_into(record)
    with Engine(anywhere(**options), factory, settings, recorder) as engine:
        thread = threading.Thread(target=engine.run)
        with Subscriber(engine.endpoints.results, Keep.DROP_OLDEST, 1000) as subscriber:
            _introduce(engine, subscriber)
            thread.start()
            try:
                yield Running(engine, thread, subscriber)
            finally:
                engine.request_stop()
                thread.join(WAIT_S)
                assert not thread.is_alive()


def _introduce(engine, subscriber):
    """Publish until the subscriber hears it, then until it has heard all."""
    deadline = time.monotonic() + WAIT_S
    while subscriber.receive(0.01) is None:
        assert time.monotonic() < deadline
        engine._publisher.publish(StreamStart(stream="hello"))
    engine._publisher.publish(StreamEnd(stream="hello"))
    while not isinstance(subscriber.receive(WAIT_S), StreamEnd):
        pass


def send(engine, what, stream="s", **finish):
    with Sender(engine.control) as sender:
        sender.start(start(stream))
        for frame in what:
            sender.send(frame)
        return sender.finish(**finish)


def test_a_stream_goes_through():
    with running(lossless=True) as engine:
        delivery = send(engine, frames(12))
        got = engine.messages()
        assert (delivery.sent, delivery.received, delivery.unsent) == (108, 108, 0)
        assert isinstance(got[0], StreamStart)
        results = got[1:-1]
        assert [one.index.time for one in results] == list(range(12))
        assert all((one.image == one.index.time).all() for one in results)
        assert all(one.published_ns >= one.last_received_ns > 0 for one in results)
        assert (got[-1].sent, got[-1].aborted) == (108, False)


def test_the_status_tells_what_happened():
    with running(lossless=True) as engine:
        send(engine, frames(5, bad=[2], lost=[(0, 1, 1)]))
        engine.messages()
        with ControlClient(engine.control) as client:
            engine.wait_for(lambda status: status.state is EngineState.IDLE)
            status = client.status(WAIT_S)
        done = {stage.name: stage.done for stage in status.stages}
        assert done == {"receive": 44, "record": 4, "process": 3, "publish": 3}
        assert (status.faults.failed_stacks, status.faults.incomplete_stacks) == (1, 1)
        assert status.last_fault == "expected no 666, found one"
        assert status.latency.results == 3
        assert 0 < status.latency.p50_ms <= status.latency.p95_ms <= status.latency.p99_ms
        stages = {part.name: part for part in status.latency.stages}
        assert list(stages) == ["assemble", "wait", "reconstruct", "publish"]
        assert all(part.p99_ms > 0 for part in stages.values())


def test_the_time_a_stack_waits_is_no_time_of_its_reconstruction():
    gate = threading.Event()
    slow = FakePipeline(gate=gate)
    with running(lambda s: lambda *_: slow, lossless=True) as engine:
        with Sender(engine.control) as sender:
            sender.start(start())
            for frame in frames(3):
                sender.send(frame)
            engine.wait_for(lambda s: s.stages[1].done == 3)
            begun = time.monotonic()
            while time.monotonic() < begun + 0.1:  # longer than anything else takes here
                time.sleep(0.01)
            gate.set()
            sender.finish()
        status = engine.wait_for(lambda s: s.latency is not None and s.latency.results == 3)
    stages = {part.name: part for part in status.latency.stages}
    assert stages["wait"].p50_ms > 100.0  # of the second and the third
    assert stages["reconstruct"].p99_ms > 95.0  # of the first
    assert stages["reconstruct"].p50_ms < stages["wait"].p50_ms


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
        (pattern,) = told.patterns
        assert [angle.k_cycles_per_um for angle in pattern.angles] == [(5.0, 0.0)] * 3
        assert pattern.attainable_resolution_nm == 110.0
        assert pattern.angles[0].peak_to_noise is None, "never measured"
        assert told.settings == Settings.model_validate(SETTINGS)
        assert (told.stream.source, told.stream.interval_s) == ("test", 0.5)
        assert (told.stream.frame_shape, told.stream.dtype) == ((16, 12), "uint16")
        engine.messages()
        assert engine.wait_for(lambda s: s.state is EngineState.IDLE).in_use is None


def test_a_failing_stack_does_not_stop_the_next():
    with running(lossless=True) as engine:
        send(engine, frames(6, bad=[0, 3]))
        assert engine.times() == [1, 2, 4, 5]


@pytest.mark.parametrize("count", [1, 4, 32])
def test_stacks_wait_for_their_pattern_and_none_is_lost(count):
    with running(after(count), lossless=True) as engine:
        send(engine, frames(40))
        assert engine.times() == list(range(40))


def test_a_stream_that_ends_before_its_pattern_is_known_is_decided_with_what_there_is():
    asked = []

    def factory(stacks, ended):
        asked.append((len(stacks), ended))
        return FakePipeline() if ended else None

    with running(lambda settings: factory, lossless=True) as engine:
        send(engine, frames(3))
        assert engine.times() == [0, 1, 2]
    assert asked[-1] == (3, True)


def test_no_pattern_is_said():
    with running(after(100)) as engine:
        send(engine, frames(3))
        assert engine.times() == []
        status = engine.engine.status()
        assert status.faults.skipped_stacks == 3
        assert status.last_fault == (
            "expected a pattern in 3 raw stack(s), found none: too little signal"
        )


def test_a_factory_that_fails_is_said_and_the_next_stream_goes_on():
    calls = []

    def factory_for(settings):
        calls.append(settings)

        def fail(stacks, ended):
            raise DataError("expected a peak, found none")

        return fail if len(calls) == 1 else at_once(settings)

    with running(factory_for, lossless=True) as engine:
        send(engine, frames(2))
        assert engine.times() == []
        status = engine.engine.status()
        assert status.faults.skipped_stacks == 2
        assert status.last_fault.endswith("found none: expected a peak, found none")
        send(engine, frames(2, "t"), "t")
        assert engine.times() == [0, 1]


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


def test_a_recording_is_whole_and_gives_the_same_frames(tmp_path):
    with running(record=tmp_path, lossless=True) as engine:
        send(engine, frames(4))
        engine.wait_for(lambda s: s.state is EngineState.IDLE and s.stages[3].done == 4)
    folder = tmp_path / "stream-001"
    assert {one.name for one in folder.iterdir()} == {RAW_NAME, RESULTS_NAME, PATTERN_NAME}
    assert read_pattern(folder / PATTERN_NAME) == PATTERN
    settings = Settings.model_validate(SETTINGS)
    with open_recording(folder / RAW_NAME, settings.pattern) as recording:
        values = [int(one.pixels[0, 0]) for one in recording.frames()]
    assert values == [time_ for time_ in range(4) for _ in range(9)]
    results = zarr.open_group(folder / RESULTS_NAME, mode="r")
    assert results["0"].shape == (4, 1, 1, 32, 24)
    assert "pattern" in json.dumps(dict(results.attrs))


@pytest.mark.parametrize(("mode", "between"), [("angle", 2), ("frame", 8)])
def test_rolling_updates_come_between_whole_stacks_and_only_those_are_recorded(
    tmp_path, mode, between
):
    rolling = SETTINGS | {"live": {"rolling": mode}}
    with running(record=tmp_path, lossless=True) as engine, Sender(engine.control) as sender:
        sender.start(start(settings=rolling))
        for number, frame in enumerate(frames(3)):
            sender.send(frame)
            if mode == "frame" or number % 3 == 2:  # an update has its turn only if nothing waits
                done = max(number - 7, 0) if mode == "frame" else max(number // 3 - 1, 0)
                engine.wait_for(lambda s, done=done: s.stages[3].done == done)
        engine.wait_for(lambda s: s.rolling is not None and s.rolling.mode == mode)
        sender.finish()
        results = [one for one in engine.messages() if isinstance(one, Result)]
    whole = [one for one in results if one.rolling.whole]
    assert [one.index.time for one in whole] == [0, 1, 2]
    assert all((one.image == one.index.time).all() for one in whole)
    updates = [one for one in results if not one.rolling.whole]
    assert [one.index.time for one in updates] == [1] * between + [2] * between
    assert (np.diff([one.image[0, 0] for one in results]) > 0).all()  # newer and newer frames
    assert all(one.rolling.updates_per_s > 0 for one in results[1:])
    recorded = zarr.open_group(tmp_path / "stream-001" / RESULTS_NAME, mode="r")["0"][:, 0, 0]
    assert recorded[:, 0, 0].tolist() == [0, 1, 2]


def test_a_second_stream_follows_without_a_restart(tmp_path):
    with running(record=tmp_path, lossless=True) as engine:
        send(engine, frames(2, "a"), "a")
        send(engine, frames(3, "b"), "b")
        assert engine.times() == [0, 1]
        assert engine.times() == [0, 1, 2]
    assert {one.name for one in tmp_path.iterdir()} == {"stream-001", "stream-002"}


def test_a_source_that_vanished_is_ended_by_the_next(tmp_path):
    with running(record=tmp_path, lossless=True) as engine:
        with FramePusher(engine.engine.endpoints.frames) as vanished:
            vanished.send(start("a"), WAIT_S)
            for frame in list(frames(3, "a"))[:-2]:
                vanished.send(frame, WAIT_S)
            engine.wait_for(lambda s: s.stages[0].done == 25)
        send(engine, frames(2, "b"), "b")
        first = engine.messages()
        assert [one.index.time for one in first[1:-1]] == [0, 1]
        assert first[-1].aborted
        assert engine.times() == [0, 1]
        assert engine.engine.status().faults.incomplete_stacks == 1
    assert not list(tmp_path.rglob("*.partial"))


def test_a_source_that_is_gone_ends_its_stream(tmp_path):
    with running(record=tmp_path, vanished_s=0.2) as engine:
        with FramePusher(engine.engine.endpoints.frames) as source:
            source.send(start(), WAIT_S)
            for frame in [*frames(3)][:-1]:
                source.send(frame, WAIT_S)
            engine.wait_for(lambda s: s.stages[0].done == 26)
        assert engine.messages()[-1].aborted
        status = engine.wait_for(lambda s: s.stream is None)
    assert status.faults.vanished_sources == 1
    assert status.faults.incomplete_stacks == 1
    assert status.last_fault == "test has gone without ending its stream: ended"
    raw = zarr.open_group(tmp_path / "stream-001" / RAW_NAME, mode="r")
    assert raw["written"][:].sum() == 2


def test_a_source_that_is_there_may_be_silent():
    with running(vanished_s=0.1) as engine, Sender(engine.control) as sender:
        sender.start(start())
        time.sleep(1.0)
        assert engine.engine.status().stream == "s"
        for frame in frames(1):
            sender.send(frame)
        assert sender.finish().received == 9
        assert engine.times() == [0]


def test_a_source_whose_stream_was_ended_is_told(monkeypatch):
    monkeypatch.setattr(sender_module, "CHECK_EVERY_S", 0.0)
    with running() as engine, Sender(engine.control) as sender:
        sender.start(start())
        with ControlClient(engine.control) as other:
            other.end("s", WAIT_S)
            engine.wait_for(lambda s: s.stream is None)
        with pytest.raises(WireError, match="found that it has ended it"):
            sender.send(next(frames(1)))


def test_the_engine_says_how_much_is_on_the_disk(tmp_path):
    with running(record=tmp_path) as engine, Sender(engine.control) as sender:
        sender.start(start())
        for frame in frames(3, lost=[(1, 0, 0)]):
            sender.send(frame)
        with ControlClient(engine.control) as control:
            while (told := control.ready("s", WAIT_S)).recorded < 2:
                assert told.started
            raw = zarr.open_group(tmp_path / "stream-001" / f"{RAW_NAME}.partial", mode="r")
            assert raw["written"][0, :3, 0, 0].tolist() == [True, False, True]
            sender.finish()
            engine.wait_for(lambda s: s.stream is None)
            assert control.ready("s", WAIT_S).recorded == 2


def test_a_clock_that_is_set_changes_no_latency(tmp_path, monkeypatch):
    with running(record=tmp_path) as engine:
        send(engine, frames(2))
        monkeypatch.setattr(time, "time_ns", lambda: 0)
        send(engine, frames(2), "after")
        status = engine.wait_for(lambda s: s.stages[3].done == 4 and s.stream is None)
    assert 0.0 <= status.latency.p50_ms <= status.latency.p99_ms < 1000.0 * WAIT_S
    received = [
        zarr.open_group(folder / RAW_NAME, mode="r")["last_received_ns"][0, :, 0, 0]
        for folder in sorted(tmp_path.iterdir())
    ]
    assert (np.diff(np.concatenate(received)) > 0).all()


def test_once_ends_after_the_first_stream_and_says_goodbye():
    with running(once=True, lossless=True) as engine:
        assert send(engine, frames(2)).received == 18
        assert engine.stopped().state is EngineState.STOPPED


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
        Engine(anywhere(), lambda s: lambda *_: Broken(), None, recorder_for) as engine,
        FramePusher(engine.endpoints.frames) as source,
    ):
        source.send(start(), WAIT_S)
        for frame in frames(1):
            source.send(frame, WAIT_S)
        with pytest.raises(TypeError, match="a mistake"):
            engine.run()
    assert not list(tmp_path.rglob("*.partial"))


def test_a_recording_that_fails_does_not_stop_the_view(tmp_path):
    class Full:
        folder = tmp_path
        settings = Settings.model_validate(SETTINGS)

        def open_raw(self, first):
            raise OSError("no space left")

        def open_results(self, first):
            raise OSError("no space left")

        def save_pattern(self, pattern, channel):
            raise OSError("no space left")

    options = anywhere(once=True, lossless=True)
    with Engine(options, at_once, None, lambda *_: Full()) as engine:
        thread = threading.Thread(target=engine.run)
        thread.start()
        with Sender(engine.endpoints.control) as sender:
            sender.start(start())
            for frame in frames(3):
                sender.send(frame)
            sender.finish()
        thread.join(WAIT_S)
        status = engine.status()
    assert status.stages[3].done == 3
    assert status.faults.unrecorded_stacks == 6
    assert status.last_fault == "recording stopped: no space left"


def test_the_status_keeps_saying_that_a_recording_has_stopped(tmp_path, monkeypatch, capsys):
    def full(*_):
        raise OSError("no space left")

    with running(record=tmp_path, factory=at_once) as engine, Sender(engine.control) as sender:
        sender.start(start())
        for number, frame in enumerate(frames(4, bad=[3])):
            sender.send(frame)
            if number == 8:
                engine.wait_for(lambda s: s.stages[1].done == 1)
                monkeypatch.setattr(RawRecorder, "write", full)
            if number == 17:
                engine.wait_for(lambda s: s.recording_fault == "no space left")
        status = engine.wait_for(lambda s: s.faults.failed_stacks == 1)
        assert status.recording_fault == "no space left"
        assert status.last_fault == "expected no 666, found one"
        show_status(engine.control, as_json=False)
        shown = capsys.readouterr().out.replace("\n", "")
        assert "stream-001 has stopped: no space left" in shown
        sender.finish()
        assert len(engine.times()) == 3
    assert zarr.open_group(tmp_path / "stream-001" / RAW_NAME, mode="r")["written"][:].sum() == 1


@pytest.mark.parametrize(
    ("own", "sent", "words"),
    [
        (None, None, "expected settings from the engine or the source, found none"),
        (None, {"optics": {}}, "expected the key 'optics.numerical_aperture'"),
        (None, SETTINGS | {"colour": 1}, "unknown key 'colour'"),
        (
            None,
            {"optics": {"numerical_aperture": 1.4, "emission_nm": 520.0}},
            "expected optics.pixel_nm from the settings or the source",
        ),
        (
            SETTINGS,
            SETTINGS | {"pattern": {"phases": 5}},
            r"expected 3 angle\(s\) x 3 phases as the engine's settings say, found 3 .* x 5",
        ),
    ],
)
def test_a_stream_without_usable_settings_is_refused(own, sent, words):
    settings = None if own is None else Settings.model_validate(own)
    with (
        running(settings=settings) as engine,
        Sender(engine.control) as sender,
        pytest.raises(WireError, match=f"the engine refused the stream: .*{words}"),
    ):
        sender.start(start(settings=sent))


def test_the_pixel_of_the_source_fills_a_gap_in_the_settings():
    seen = []

    def factory_for(settings):
        seen.append(settings)
        return at_once(settings)

    gap = {"optics": {"numerical_aperture": 1.4, "emission_nm": 520.0}}
    with running(factory_for) as engine, Sender(engine.control) as sender:
        sender.start(start(settings=gap, pixel_nm=65.0))
        sender.finish()
    assert seen[0].optics.pixel_nm == 65.0


def test_frames_of_no_stream_are_counted():
    with running() as engine, FramePusher(engine.engine.endpoints.frames) as source:
        source.send(next(frames(1)), WAIT_S)
        engine.wait_for(lambda s: s.faults.stray_frames == 1)


def test_a_camera_is_never_held():
    """With drop-oldest, sending goes on at full pace although the engine takes nothing."""
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
    monkeypatch.setattr(sender_module, "ABORT_S", 0.2)
    gate = threading.Event()
    slow = FakePipeline(gate=gate)
    with (
        running(lambda s: lambda *_: slow, lossless=True, once=True) as engine,
        Sender(engine.control) as sender,
    ):
        sender.start(start())
        for frame in frames(30):
            sender.send(frame)
        engine.wait_for(lambda s: s.stages[2].queued == PROCESS_DEPTH)
        threading.Timer(1.0, gate.set).start()
        delivery = sender.finish(aborted=True)
        assert 9 * PROCESS_DEPTH < delivery.received < delivery.sent == 270
        engine.stopped()
        assert engine.messages()[-1].aborted


def write_recording(path, times=3, **metadata):
    """Write an OME-TIFF whose time axis holds angles and phases, phase fastest."""
    pixels = np.repeat(np.arange(times, dtype=np.uint16), 9)[:, None, None]
    pixels = pixels * np.ones((16, 12), np.uint16)
    tifffile.imwrite(path, pixels, ome=True, metadata={"axes": "TYX", **metadata})
    return path


PHYSICAL = {"PhysicalSizeX": 0.08, "PhysicalSizeY": 0.08}


@pytest.mark.parametrize("rate", [Rate.MAX, 1000.0])
def test_a_recording_is_replayed(tmp_path, rate):
    settings = Settings.model_validate(SETTINGS)
    path = write_recording(tmp_path / "a.ome.tif", **PHYSICAL)
    seen = []
    with (
        running(lossless=True) as engine,
        open_recording(path, settings.pattern) as recording,
        Sender(engine.control) as sender,
    ):
        delivery = replay(recording, sender, settings, Pace(rate), lambda *at: seen.append(at))
        assert engine.times() == [0, 1, 2]
    assert delivery.received == 27
    assert seen == [(count, 27) for count in range(1, 28)]


def test_an_interrupted_replay_ends_its_stream(tmp_path):
    settings = Settings.model_validate(SETTINGS)
    path = write_recording(tmp_path / "a.ome.tif", **PHYSICAL)

    def interrupt(sent, total):
        if sent == 13:
            raise KeyboardInterrupt

    with (
        running(lossless=True) as engine,
        open_recording(path, settings.pattern) as recording,
        Sender(engine.control) as sender,
    ):
        with pytest.raises(KeyboardInterrupt):
            replay(recording, sender, settings, Pace(Rate.MAX), interrupt)
        got = engine.messages()
    assert [one.index.time for one in got[1:-1]] == [0]
    assert (got[-1].aborted, got[-1].sent) == (True, 13)


def test_real_time_needs_times(tmp_path):
    settings = Settings.model_validate(SETTINGS)
    path = write_recording(tmp_path / "a.ome.tif", **PHYSICAL)
    with (
        running() as engine,
        open_recording(path, settings.pattern) as recording,
        Sender(engine.control) as sender,
        pytest.raises(DataError, match="expected an exposure or a time interval"),
    ):
        replay(recording, sender, settings, Pace(Rate.REAL))


@pytest.mark.parametrize(("text", "rate"), [("real", Rate.REAL), ("max", Rate.MAX), ("25", 25.0)])
def test_rates_are_read(text, rate):
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["fast", "0", "-1", "nan", "inf"])
def test_other_rates_are_refused(text):
    with pytest.raises(ValueError, match="expected a rate of real, max or raw frames"):
        parse_rate(text)


@pytest.mark.parametrize(("asked", "shown_ns", "sent"), [(True, 10**12, True), (True, 0, False),
                                                         (False, 10**12, False)])  # fmt: skip
def test_step_one_travels_while_a_viewer_asks_for_it(monkeypatch, asked, shown_ns, sent):
    monkeypatch.setattr(opening_module, "SHOWN_NS", shown_ns)
    with (
        running(lambda settings: lambda *_: TwoSteps(), lossless=True, once=True) as engine,
        ControlClient(engine.control) as client,
    ):
        client.status(WAIT_S, step_one=asked)
        with Sender(engine.control) as sender:
            sender.start(start())
            for frame in frames(2):
                sender.send(frame)
            sender.finish()
        results = [one for one in engine.messages() if isinstance(one, Result)]
    assert len(results) == 2
    for one in results:
        assert (one.step_one is not None) is sent
        assert one.make_step_one is None
        assert not sent or (one.step_one == 5.0).all()
