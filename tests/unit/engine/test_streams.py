"""One stream after another through an engine: how they begin, end, vanish and are refused."""

from __future__ import annotations

import pytest
import zarr

from livesim.config.settings import Settings
from livesim.engine.intake import Intake
from livesim.engine.record import folder
from livesim.io.recording_files import RAW_NAME
from livesim.values.errors import DataError
from livesim.wire.control_client import ControlClient
from livesim.wire.header import WireError
from livesim.wire.messages import StreamStart
from livesim.wire.sockets import FramePusher
from livesim.wire.status import EngineState
from livesim_acquisition import sender as sender_module
from livesim_acquisition.sender import Sender
from tests.support.running_engine import (
    SETTINGS,
    WAIT_S,
    FakePipeline,
    after,
    at_once,
    frames,
    running,
    send,
    start,
)


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
        assert engine.wait_for(lambda s: s.stream is None).faults.incomplete_stacks == 0
        assert engine.engine.faults.incomplete_stacks == 1, "of all streams together"
    assert not list(tmp_path.rglob("*.partial"))


@pytest.mark.parametrize(
    "more", [{"sizes": {"channel": 10**9}}, {"settings": SETTINGS | {"optics": {}}}]
)
def test_a_stream_that_is_refused_ends_no_other_one(tmp_path, more):
    with running(record=tmp_path, lossless=True) as engine:
        refused_amid(engine, lambda: start("t", **more))
    assert {one.name for one in tmp_path.iterdir()} == {"stream-001"}


def test_a_stream_for_which_there_is_no_folder_ends_no_other_one(tmp_path, monkeypatch):
    def no_room(_parent):
        raise OSError(28, "No space left on device")

    def full():
        monkeypatch.setattr(folder, "_new_folder", no_room)
        return start("t")

    with running(record=tmp_path, lossless=True) as engine:
        refused_amid(engine, full, "No space left")
    assert (tmp_path / "stream-001" / RAW_NAME).exists()


def refused_amid(engine, other_start, why=""):
    """Let a stream be refused in the middle of another one, which is then sent to its end."""
    with Sender(engine.control) as sender:
        sender.start(start())
        good = list(frames(2))
        for frame in good[:13]:
            sender.send(frame)
        with (
            Sender(engine.control) as other,
            pytest.raises(WireError, match=f"the engine refused the stream: .*{why}"),
        ):
            other.start(other_start())
        for frame in good[13:]:
            sender.send(frame)
        assert sender.finish().received == 18
    assert engine.times() == [0, 1]
    engine.wait_for(lambda s: s.stream is None)


def test_a_stream_that_is_refused_makes_no_other_forgotten(tmp_path):
    with running(record=tmp_path, lossless=True) as engine, ControlClient(engine.control) as client:
        send(engine, frames(2))
        engine.wait_for(lambda s: s.stream is None)
        with Sender(engine.control) as other, pytest.raises(WireError, match="refused the stream"):
            other.start(start("t", settings={}))
        assert client.ready("s", WAIT_S).recorded == 2
        assert client.ready("t", WAIT_S).refused is not None


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


def test_a_source_that_is_there_may_be_silent(monkeypatch):
    """Also where one that is gone would be ended the second time that the engine looks."""
    looked, real = [], Intake._end_if_alone

    def look(self):
        real(self)
        if self.session is not None:
            looked.append(self)

    monkeypatch.setattr(Intake, "_end_if_alone", look)
    with running(vanished_s=0.0) as engine, Sender(engine.control) as sender:
        sender.start(start())
        engine.wait_for(lambda _: len(looked) >= 4)
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


def test_once_ends_after_the_first_stream_and_says_goodbye():
    with running(once=True, lossless=True) as engine:
        assert send(engine, frames(2)).received == 18
        assert engine.stopped().state is EngineState.STOPPED


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
