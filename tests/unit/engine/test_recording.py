"""What an engine records, and what it says when it cannot."""

from __future__ import annotations

import json
import threading

import numpy as np
import pytest
import zarr

from livesim.commands.status.command import show_status
from livesim.config.settings import Settings
from livesim.engine.meters import Gauges
from livesim.engine.process import Engine
from livesim.engine.record import recordings, stream_recording
from livesim.engine.record.stream_recording import StreamRecording
from livesim.engine.record.time_labels import TimeLabels
from livesim.engine.seams import Resolved
from livesim.io.pattern_file import read_pattern
from livesim.io.read.open import open_recording
from livesim.io.recording_files import PATTERN_NAME, RAW_NAME, RESULTS_NAME
from livesim.io.write.recorder import RawRecorder
from livesim.values.frames import RawStack, StackIndex
from livesim.values.results import Result
from livesim.wire.control_client import ControlClient
from livesim.wire.status import EngineState
from livesim_acquisition.sender import Sender
from tests.support.running_engine import (
    PATTERN,
    SETTINGS,
    WAIT_S,
    Fakes,
    anywhere,
    at_once,
    frames,
    running,
    start,
)


@pytest.mark.parametrize(("shard", "files"), [(1, 4), (3, 2)])
def test_a_recording_is_whole_and_gives_the_same_frames(tmp_path, shard, files):
    settings = SETTINGS | {"recording": {"shard": shard}}
    with running(record=tmp_path, lossless=True) as engine:
        with Sender(engine.control) as sender:
            sender.start(start(settings=settings))
            for frame in frames(4):
                sender.send(frame)
            sender.finish()
        engine.wait_for(lambda s: s.state is EngineState.IDLE and s.stages[3].done == 4)
    folder = tmp_path / "stream-001"
    assert {one.name for one in folder.iterdir()} == {RAW_NAME, RESULTS_NAME, PATTERN_NAME}
    assert read_pattern(folder / PATTERN_NAME) == PATTERN
    assert len(list((folder / RAW_NAME / "raw").glob("c.*"))) == files
    pattern = Settings.model_validate(settings).pattern
    with open_recording(folder / RAW_NAME, pattern) as recording:
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


def test_a_recording_that_fails_does_not_stop_the_view(tmp_path):
    class Full:
        folder = tmp_path
        settings = Settings.model_validate(SETTINGS)
        resolved = Resolved(settings)

        def open_raw(self, first):
            raise OSError("no space left")

        def open_results(self, first):
            raise OSError("no space left")

        def save_pattern(self, pattern, channel):
            raise OSError("no space left")

    options = anywhere(once=True, lossless=True)
    with Engine(options, Fakes(at_once), None, lambda *_: Full()) as engine:
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
        shown = "".join(capsys.readouterr().out.split())  # lines are wrapped where a path ends
        assert "stream-001hasstopped:nospaceleft" in shown
        sender.finish()
        assert len(engine.times()) == 3
    assert zarr.open_group(tmp_path / "stream-001" / RAW_NAME, mode="r")["written"][:].sum() == 1


@pytest.mark.parametrize(("side", "held"), [(512, 113), (2048, 7), (8192, 1)])
def test_stacks_that_wait_for_the_disk_hold_no_more_memory_however_large_they_are(side, held):
    gauges = Gauges()
    recording = StreamRecording(None, None, gauges)
    pixels = np.empty((3, 3, side, side), np.uint16)  # not touched, so it takes no memory
    recording.add(RawStack("s", StackIndex(), pixels, 5.0))
    assert gauges.record.status().queue_limit == held
    assert held == 1 or held * pixels.nbytes <= 512 << 20


def test_a_stack_that_waits_for_the_disk_is_remembered_until_it_is_there():
    """Else one would not know which of two recordings it belongs to."""
    assert stream_recording.RECORD_DEPTH < recordings.UNDER_WAY


def test_a_label_of_a_stack_that_is_not_remembered_ends_no_recording(monkeypatch):
    """Its track says that it is not recorded."""
    monkeypatch.setattr(recordings, "UNDER_WAY", 1)
    known = recordings.Recordings(None)
    known.switch(None)
    stacks = [
        RawStack("s", StackIndex(time=n), np.zeros((3, 3, 8, 8)), 5.0, label=n) for n in (0, 1)
    ]
    for stack in stacks:
        known.see(stack)
    with pytest.raises(KeyError):
        known.of(stacks[0].index)
    TimeLabels(known, Gauges().faults).see(stacks[0])
