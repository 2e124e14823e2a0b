"""A recording whose folder is deleted, moved or replaced counts nothing that is not there."""

from __future__ import annotations

import os
import shutil
from types import SimpleNamespace

import pytest
import zarr

from livesim.engine.meters import Faults
from livesim.engine.record import folder as recorded_into
from livesim.engine.record.folder import record_into
from livesim.engine.record.recorder import Track
from livesim.io.recording_files import RAW_NAME
from livesim.values.errors import DataError
from livesim.wire.control_client import ControlClient
from livesim_acquisition.sender import Sender
from tests.support.running_engine import WAIT_S, after, frames, running, start


def delete(folder, _elsewhere):
    shutil.rmtree(folder)


def move(folder, elsewhere):
    folder.rename(elsewhere)


def replace(folder, elsewhere):
    """As where a disk is taken away, and what lies below it appears."""
    folder.rename(elsewhere)
    shutil.copytree(elsewhere, folder)


def empty(folder, _elsewhere):
    """As a deletion that fails at the last folder, since another file has come into it."""
    for one in sorted(folder.rglob("*"), reverse=True):
        one.rmdir() if one.is_dir() else one.unlink()
    (folder / f"{RAW_NAME}.partial" / "raw").mkdir(parents=True)


def on_disk(engine):
    """Return how many raw stacks and results of the running stream count as written."""
    recording = engine.engine._intake.session.recording
    return recording.written, recording._results.written


GONE = [delete, move, replace, empty]


@pytest.mark.parametrize("shard", [1, 4])
@pytest.mark.parametrize("gone", GONE)
def test_what_was_acknowledged_before_its_folder_went_is_taken_back_and_said(gone, shard, tmp_path):
    folder, elsewhere = tmp_path / "out" / "stream-001", tmp_path / "elsewhere"
    settings = {"recording": {"shard": shard}}
    with (
        running(record=tmp_path / "out", lossless=True) as engine,
        Sender(engine.control) as sender,
    ):
        sender.start(start(settings=start().settings | settings))
        stream = list(frames(70))
        for frame in stream[:18]:
            sender.send(frame)
        engine.wait_for(lambda _: on_disk(engine) == (2, 2))
        gone(folder, elsewhere)
        before = set(tmp_path.rglob("*"))
        for frame in stream[18:]:  # also past the place where the arrays are lengthened
            sender.send(frame)
        engine.wait_for(lambda status: status.stages[3].done == 70)
        status = engine.wait_for(lambda status: status.faults.unrecorded_stacks >= 140)
        assert "raw.zarr: expected its folder to stay, found it gone" in status.recording_fault
        assert "; 2 written before are not there" in status.recording_fault
        assert status.faults.unrecorded_stacks == 140
        with ControlClient(engine.control) as control:
            assert control.ready("s", WAIT_S).recorded == 0
        sender.finish()
        assert len(engine.times()) == 70  # the view goes on
    assert set(tmp_path.rglob("*")) == before  # no shell of it


def test_a_folder_that_is_deleted_while_stacks_are_written_to_it(tmp_path):
    """A deletion takes file after file, and fails at a folder that another file has come into."""
    with running(record=tmp_path, lossless=True) as engine, Sender(engine.control) as sender:
        sender.start(start())
        for number, frame in enumerate(frames(80)):
            if number == 180:
                engine.wait_for(lambda _: min(on_disk(engine)) >= 2)
                shutil.rmtree(tmp_path / "stream-001", ignore_errors=True)
            sender.send(frame)
        status = engine.wait_for(lambda status: status.stages[1].done == 80)
        assert "found it gone" in status.recording_fault
        sender.finish()
        status = engine.wait_for(lambda status: status.stream is None)
        assert status.faults.unrecorded_stacks == 160
        with ControlClient(engine.control) as control:
            assert control.ready("s", WAIT_S).recorded == 0


def test_a_folder_that_goes_before_the_last_stack_is_missed_at_the_end(tmp_path):
    folder = tmp_path / "stream-001"
    with running(record=tmp_path, lossless=True) as engine, Sender(engine.control) as sender:
        sender.start(start())
        for frame in frames(3):
            sender.send(frame)
        engine.wait_for(lambda _: on_disk(engine) == (3, 3))
        move(folder, tmp_path / "elsewhere")
        sender.finish()
        engine.messages()
        status = engine.wait_for(lambda status: status.stream is None)
        assert status.faults.unrecorded_stacks == 6
        assert "3 written before are not there" in status.last_fault
        with ControlClient(engine.control) as control:
            assert control.ready("s", WAIT_S).recorded == 0
    assert not folder.exists()
    moved = zarr.open_group(tmp_path / "elsewhere" / f"{RAW_NAME}.partial", mode="r")
    assert moved["written"][0, :3, 0, 0].all()


def test_a_folder_that_goes_before_the_pattern_is_known_costs_the_recording_alone(tmp_path):
    with running(after(3), record=tmp_path) as engine, Sender(engine.control) as sender:
        sender.start(start())
        stream = list(frames(4))
        for frame in stream[:18]:
            sender.send(frame)
        engine.wait_for(lambda status: status.stages[1].done == 2)
        delete(tmp_path / "stream-001", None)
        for frame in stream[18:]:
            sender.send(frame)
        sender.finish()
        assert engine.times() == [0, 1, 2, 3]
        assert engine.thread.is_alive()


def test_a_stack_that_cannot_be_written_does_not_count_as_recorded():
    """Whatever refuses it: the disk, its shape, or a folder that is gone."""

    class Sink:
        def write(self, value):
            if value is not None:
                raise value

        def close(self):
            pass

    faults = Faults()
    track = Track(lambda first: Sink(), faults)
    for value in (None, ValueError("another shape"), None, OSError("no space left"), None):
        track.write(value)
    assert track.written == 2
    assert faults.total.unrecorded_stacks == 3
    assert track.fault == "no space left"


def test_a_link_to_nowhere_takes_a_name_and_refuses_no_stream(tmp_path):
    os.symlink(tmp_path / "nowhere", tmp_path / "stream-001")
    with running(record=tmp_path, lossless=True) as engine:
        with Sender(engine.control) as sender:
            sender.start(start())
            for frame in frames(2):
                sender.send(frame)
            sender.finish()
        assert engine.times() == [0, 1]
    written = zarr.open_group(tmp_path / "stream-002" / RAW_NAME, mode="r")["written"]
    assert written[:].sum() == 2


def test_no_stream_is_recorded_below_a_disk_that_was_taken_away(tmp_path, monkeypatch):
    recorder_for = record_into(tmp_path / "mount")
    monkeypatch.setattr(recorded_into, "_disk_of", lambda folder: -1)
    with pytest.raises(DataError, match="mount: expected the disk that it was on, found another"):
        recorder_for(start(), SimpleNamespace())
    assert not (tmp_path / "mount").exists()
