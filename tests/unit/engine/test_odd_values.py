"""Values that look right and have no bound, through a running engine: said, skipped, gone on."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import zmq

from livesim.config.settings import Settings
from livesim.engine.meters import Faults
from livesim.io.read.open import open_recording
from livesim.io.read.result_time_lapse import open_result
from livesim.io.recording_files import RAW_NAME, RESULTS_NAME, TIME_LABELS_NAME
from livesim.values.frames import FrameAxes, RawFrame
from livesim.wire.codec import encode
from livesim.wire.control import read_request
from livesim.wire.control_client import ControlClient
from livesim.wire.header import WireError
from livesim.wire.sockets import FramePusher
from livesim.wire.status import EngineState
from livesim_acquisition.sender import Sender
from tests.support.running_engine import (
    SETTINGS,
    WAIT_S,
    Fakes,
    frames,
    running,
    send,
    start,
)

SECONDS = 1_764_393_630
PATTERN = Settings.model_validate(SETTINGS).pattern


def renamed(what, **axes):
    """Give frames other axes: name -> what becomes of the value."""
    for frame in what:
        changed = {axis: change(getattr(frame.axes, axis)) for axis, change in axes.items()}
        yield replace(frame, axes=replace(frame.axes, **changed))


def float_frames(times, odd=None):
    """Frames of floating-point numbers, all equal to their time; `odd` in a pixel of time 1."""
    for frame in frames(times):
        pixels = frame.pixels.astype(np.float32)
        if odd is not None and (frame.axes.time, frame.axes.phase) == (1, 2):
            pixels[3, 4] = odd
        yield replace(frame, pixels=pixels)


def recorded(folder, name=RAW_NAME):
    """Return time and value of every recorded stack."""
    with open_recording(folder / "stream-001" / name, PATTERN) as recording:
        stacks = [recording.stack(index) for index in recording.indices]
    return [(one.index.time, float(one.pixels[0, 0, 0, 0])) for one in stacks]


@pytest.mark.parametrize("label", [SECONDS, 1000 * SECONDS, 2**63 - 10])
def test_time_stamps_as_times_are_labels_of_rows(tmp_path, label):
    with running(record=tmp_path, lossless=True) as engine:
        sent = send(engine, renamed(frames(4), time=lambda time: label + 3 * time))
        assert sent.received == 36
        assert engine.times() == [0, 1, 2, 3]
        status = engine.wait_for(lambda s: s.state is EngineState.IDLE)
    assert status.last_fault == (
        f"expected the axis time to count time points from 0, found {label}: taken for a label, "
        "so that this one is time 0 and the next ones follow"
    )
    assert recorded(tmp_path) == [(time, time) for time in range(4)]
    header, *lines = (tmp_path / "stream-001" / TIME_LABELS_NAME).read_text().splitlines()
    assert json.loads(header) == {"format": "livesim-time-labels/1"}
    labels = [json.loads(line) for line in lines]
    assert [(one["time"], one["label"]) for one in labels] == [
        (time, label + 3 * time) for time in range(4)
    ]


def test_times_that_count_have_no_labels(tmp_path):
    with running(record=tmp_path, lossless=True) as engine:
        send(engine, renamed(frames(3), time=lambda time: 2 * time))
        assert engine.times() == [0, 2, 4]
        engine.wait_for(lambda s: s.state is EngineState.IDLE)
    assert recorded(tmp_path) == [(0, 0), (2, 1), (4, 2)]
    assert not (tmp_path / "stream-001" / TIME_LABELS_NAME).exists()


@pytest.mark.parametrize("axis", ["position", "channel", "z"])
@pytest.mark.parametrize("place", [10**6, 2**63 - 1])
def test_a_place_that_no_recording_has_is_said_and_the_stream_ends(tmp_path, axis, place):
    odd = renamed(frames(1), **{axis: lambda _: place})
    with running(record=tmp_path, lossless=True) as engine:
        assert send(engine, [*odd, *frames(2)]).received == 27
        assert engine.times() == [0, 1]
        status = engine.wait_for(lambda s: s.state is EngineState.IDLE)
    assert status.faults.unfit_frames == 9
    assert f"expected the axis {axis} to count from 0 to" in status.last_fault
    assert recorded(tmp_path) == [(0, 0), (1, 1)]


@pytest.mark.parametrize("axis", ["time", "z", "angle"])
@pytest.mark.parametrize("value", ["9223372036854775808", "1e30", "1e19"])
def test_numbers_that_no_array_can_have_are_malformed(axis, value):
    parts = encode(next(frames(1)))
    header = bytes(parts[0]).replace(f'"{axis}":0'.encode(), f'"{axis}":{value}'.encode())
    assert header != parts[0]
    with running(lossless=True) as engine:
        stranger = zmq.Context.instance().socket(zmq.PUSH)
        stranger.connect(engine.engine.endpoints.frames)
        stranger.send_multipart([header, parts[1]])
        engine.wait_for(lambda s: s.faults.malformed_messages == 1)
        stranger.close()
        send(engine, frames(2))
        assert engine.times() == [0, 1]


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf, 1e38])
@pytest.mark.parametrize("rolling", ["off", "frame"])
def test_a_pixel_that_is_no_number_costs_its_own_stack(tmp_path, odd, rolling):
    settings = SETTINGS | {"live": {"rolling": rolling}}
    with running(record=tmp_path, lossless=True) as engine:
        with Sender(engine.control) as sender:
            sender.start(start(settings=settings))
            for frame in float_frames(3, odd):
                sender.send(frame)
            assert sender.finish().received == 27
        results = engine.results()
        assert [one.index.time for one in results if one.whole] == [0, 2]
        assert all(np.isfinite(one.image).all() for one in results)
        status = engine.wait_for(lambda s: s.state is EngineState.IDLE)
    assert (status.faults.unfit_frames, status.faults.incomplete_stacks) == (3, 1)
    assert "in every pixel, found" in status.last_fault
    assert recorded(tmp_path) == [(0, 0), (2, 2)]


@pytest.mark.parametrize("rolling", ["off", "angle"])
@pytest.mark.parametrize("shape", [(512, 512), (2, 3), (1, 1), (16, 13)])
def test_frames_unlike_the_others_of_their_stream_disturb_none(tmp_path, rolling, shape):
    """They carry the axes of stacks that are being assembled."""
    good = list(frames(4))
    odd = [replace(one, pixels=np.zeros(shape, np.uint16)) for one in good]
    mixed = good[:9] + [one for pair in zip(odd[9:], good[9:], strict=True) for one in pair]
    settings = SETTINGS | {"live": {"rolling": rolling}}
    with running(record=tmp_path, lossless=True) as engine:
        with Sender(engine.control) as sender:
            sender.start(start(settings=settings))
            for frame in mixed:
                sender.send(frame)
            sender.finish()
        assert [one.index.time for one in engine.results() if one.whole] == [0, 1, 2, 3]
        status = engine.wait_for(lambda s: s.state is EngineState.IDLE)
    assert (status.faults.unfit_frames, status.faults.mixed_stacks) == (27, 0)
    assert recorded(tmp_path) == [(time, time) for time in range(4)]


def test_tiny_frames_alone_do_not_end_a_rolling_engine():
    settings = SETTINGS | {"live": {"rolling": "frame"}}
    with running(lossless=True) as engine:
        with Sender(engine.control) as sender:
            sender.start(start(settings=settings))
            for frame in frames(2):
                sender.send(replace(frame, pixels=np.zeros((3, 3), np.uint16)))
            assert sender.finish().received == 18
        assert engine.results() == []
        send(engine, frames(2, "t"), "t")
        assert engine.times() == [0, 1]


def test_a_frame_far_ahead_does_not_stop_rolling():
    """It is newer than all that come after it, but they still take its place."""
    settings = SETTINGS | {"live": {"rolling": "frame"}}
    stray = RawFrame("s", 0, FrameAxes(time=10**12), np.zeros((16, 12), np.uint16), 5.0)
    with running(lossless=True) as engine:
        with Sender(engine.control) as sender:
            sender.start(start(settings=settings))
            for frame in [*frames(1), stray, *list(frames(2))[9:]]:
                sender.send(frame)
            sender.finish()
        whole = [one for one in engine.results() if one.whole]
    assert [one.index.time for one in whole] == [0, 1]
    assert whole[-1].rolling.resolution_ms < 60_000.0


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"sizes": {"position": 10**6}}, "expected up to 4096 places of the axis position, found"),
        ({"sizes": {"channel": 10**9}}, "expected up to 64 places of the axis channel, found"),
        ({"sizes": {"z": 5000}}, "expected up to 4096 places of the axis z, found 5000"),
        ({"sizes": {"time": 2**63}}, "expected up to 9223372036854775807 places of the axis time"),
        ({"settings": SETTINGS | {"channels": {"1000000000": {}}}}, "channels.*less than 64"),
        ({"settings": SETTINGS | {"x": "a" * 70_000}}, "at most 65536 characters of settings"),
    ],
)
def test_a_stream_that_announces_too_much_is_refused(tmp_path, more, words):
    with running(record=tmp_path) as engine:
        with (
            Sender(engine.control) as sender,
            pytest.raises(WireError, match=f"the engine refused the stream: .*{words}"),
        ):
            sender.start(start(**({"settings": SETTINGS} | more)))
        assert not list(tmp_path.iterdir())
        send(engine, frames(2, "t"), "t")
        assert engine.times() == [0, 1]


def test_as_many_times_as_there_are_make_no_file(tmp_path):
    with running(record=tmp_path, lossless=True) as engine:
        with Sender(engine.control) as sender:
            sender.start(start(sizes={"time": 10**12, "channel": 1}))
            for frame in frames(1):
                sender.send(frame)
            sender.finish()
        engine.wait_for(lambda s: s.state is EngineState.IDLE)
    assert recorded(tmp_path) == [(0, 0)]
    assert len(list((tmp_path / "stream-001" / RESULTS_NAME).rglob("*"))) < 40


def test_announced_positions_make_no_files_and_others_are_recorded(tmp_path):
    with running(record=tmp_path, lossless=True) as engine:
        with Sender(engine.control) as sender:
            sender.start(start(sizes={"position": 1024}))
            for frame in renamed(frames(1), position=lambda _: 5):
                sender.send(frame)
            sender.finish()
        engine.wait_for(lambda s: s.state is EngineState.IDLE)
    assert len(list((tmp_path / "stream-001" / RESULTS_NAME).rglob("*"))) < 40


@pytest.mark.parametrize("sizes", [None, {"position": 1}, {"position": 2}])
def test_a_position_that_was_not_announced_has_results_too(tmp_path, sizes):
    sent = [*frames(1), *renamed(frames(1), position=lambda _: 2)]
    with running(record=tmp_path, lossless=True) as engine:
        with Sender(engine.control) as sender:
            sender.start(start(sizes=sizes))
            for frame in sent:
                sender.send(frame)
            sender.finish()
        status = engine.wait_for(lambda s: s.state is EngineState.IDLE)
    assert status.faults.unrecorded_stacks == 0
    with open_result(tmp_path / "stream-001" / RESULTS_NAME) as results:
        assert np.argwhere(results.written).tolist() == [[0, 0, 0, 0], [2, 0, 0, 0]]


LONG = "x" * 60_000


@pytest.mark.parametrize("kind", [LONG, "start"])
def test_a_long_word_in_a_refused_message_is_not_repeated(kind):
    """It would make the status longer than any client takes."""
    header = {"version": 4, "kind": kind, LONG * 15: LONG}
    with running() as engine, ControlClient(engine.control) as client:
        stranger = zmq.Context.instance().socket(zmq.PUSH)
        stranger.connect(engine.engine.endpoints.frames)
        stranger.send(json.dumps(header).encode())
        engine.wait_for(lambda s: s.faults.malformed_messages == 1)
        stranger.close()
        status = client.status(WAIT_S)
        assert "characters)" in status.last_fault
        assert len(status.model_dump_json()) < 20_000
        with pytest.raises(WireError, match=r"found 'x+… \(60002 characters\)"):
            read_request(json.dumps({"version": 4, "kind": "networks", "run": LONG}).encode())


def test_a_request_that_is_far_too_long_is_refused():
    with running() as engine, ControlClient(engine.control) as client:
        with pytest.raises(WireError, match="expected a request of up to 65536 B, found 7"):
            client.steer({"steps.one": "x" * 70_000}, WAIT_S)
        assert client.status(WAIT_S).state is EngineState.IDLE


def test_frames_of_another_stream_are_not_taken(tmp_path):
    """Two sources at once: what the second sends belongs to no stream that is running."""
    with running(record=tmp_path, lossless=True) as engine:
        with Sender(engine.control) as sender:
            sender.start(start())
            first, second = list(frames(2))[:9], list(frames(2, "t"))
            with FramePusher(engine.engine.endpoints.frames) as other:
                for frame in second:
                    assert other.send(frame, WAIT_S)
                engine.wait_for(lambda s: s.faults.stray_frames == 18)
            for frame in first:
                sender.send(frame)
            assert sender.finish().received == 9
        assert engine.times() == [0]
        engine.wait_for(lambda s: s.state is EngineState.IDLE)
    assert recorded(tmp_path) == [(0, 0)]


@pytest.mark.parametrize("lossless", [True, False])
def test_signed_counts_are_read_again_whatever_the_first_stack_holds(tmp_path, lossless):
    """The offset was subtracted, and the first frames happen to lie above 0."""
    signed = [replace(one, pixels=one.pixels.astype(np.int16)) for one in frames(3)]
    for frame in signed[9:18]:
        frame.pixels[2, 3] = -7
    with running(record=tmp_path, lossless=lossless) as engine:
        assert send(engine, signed).received == 27
        engine.wait_for(lambda s: s.state is EngineState.IDLE)
    with open_recording(tmp_path / "stream-001" / RAW_NAME, PATTERN) as recording:
        stacks = [recording.stack(index).pixels for index in recording.indices]
        assert recording.warnings == ()
    assert [one[0, 0, 2, 3] for one in stacks] == [0, -7, 2]
    assert {one.dtype for one in stacks} == {np.dtype(np.float32)}


def test_a_stack_for_which_there_is_no_memory_costs_itself(tmp_path, monkeypatch):
    def memory(self, shape, dtype):
        nonlocal asked
        asked += 1
        if asked == 2:
            raise MemoryError
        return np.zeros(shape, dtype)

    asked = 0
    monkeypatch.setattr(Fakes, "memory", memory)
    with running(record=tmp_path, lossless=True) as engine:
        assert send(engine, frames(3)).received == 27
        status = engine.wait_for(lambda s: s.state is EngineState.IDLE)
    assert (status.faults.unfit_frames, status.faults.incomplete_stacks) == (1, 1)
    assert recorded(tmp_path) == [(0, 0), (2, 2)]


def test_a_flood_of_odd_messages_is_one_line_of_the_log(caplog):
    with running() as engine:
        stranger = zmq.Context.instance().socket(zmq.PUSH)
        stranger.connect(engine.engine.endpoints.frames)
        for number in range(200):
            stranger.send(b'{"version": 4, "kind": "%d"}' % number)
        status = engine.wait_for(lambda s: s.faults.malformed_messages == 200)
        stranger.close()
    assert "199" in status.last_fault
    lines = [one for one in caplog.messages if "kind" in one]
    assert len(lines) == 1


def test_a_flood_of_unfit_frames_is_one_line_of_the_log(caplog):
    with running(lossless=True) as engine:
        odd = renamed(frames(20), channel=lambda _: 1000 + next(numbers))
        numbers = iter(range(10**6))
        send(engine, [*odd, *frames(1)])
        assert engine.times() == [0]
    lines = [one for one in caplog.messages if "expected the axis channel" in one]
    assert len(lines) == 1


def test_the_log_says_how_many_faults_it_left_out(caplog):
    now = 100.0
    faults = Faults(lambda: now)
    for number in range(5):
        faults.report("malformed_messages", f"expected a frame, found {number}")
        faults.report("unrecorded_stacks", f"stack {number} was not recorded")
    now += 61.0
    faults.report("malformed_messages", "expected a frame, found 5")
    odd = [one for one in caplog.messages if "frame" in one]
    assert odd == [
        "expected a frame, found 0",
        "expected a frame, found 5 (4 of the kind were not logged before)",
    ]
    assert len(caplog.messages) == 7, "what only the engine itself can cause is always logged"
