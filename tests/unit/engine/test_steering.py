"""Wishes for a running stream: what may change, from which stack on, and what is written of it."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager

import pytest
import zarr

from livesim.commands.restore.channels import read_steering
from livesim.commands.steer import parse_changes, steer_engine
from livesim.config.changes import (
    NetworkFile,
    SettingsChange,
    steered,
)
from livesim.config.settings import SettingsError
from livesim.engine.beside.steering import NOT_STEERABLE, Steering
from livesim.engine.meters import Faults
from livesim.engine.record.recording_log import RecordingLog
from livesim.engine.record.recordings import Recordings
from livesim.engine.seams import Prepared, Resolved
from livesim.io.logs import append_settings_change, read_settings_log
from livesim.io.recording_files import RAW_NAME, RESULTS_NAME, SETTINGS_LOG_NAME
from livesim.values.errors import DataError
from livesim.values.frames import RawStack, StackIndex
from livesim.wire.control_client import ControlClient
from livesim.wire.header import WireError
from livesim.wire.status import EngineState
from livesim_acquisition.sender import Sender
from livesim_models.checkpoint import file_sha256
from tests.support.running_engine import OWN, WAIT_S, FakePipeline, frames, running, start
from tests.support.waiting import wait_for

# The thread.


def stack(time_point):
    return RawStack("s", StackIndex(time=time_point), None, last_received_ns=time_point)


class Steered(FakePipeline):
    """Remembers which settings it works with; one Wiener parameter cannot be prepared."""

    def __init__(self):
        super().__init__()
        self.used, self.asked, self.stale, self.prepared = [OWN], 0, 0, 0
        self.recalibrating = False

    def prepare(self, settings):
        self.prepared += 1
        if settings.reconstruction.wiener == 6.66:
            raise RuntimeError("no memory on the GPU")

        def fits():
            self.stale -= 1
            return self.stale < 0

        return Prepared(fits, lambda: self.used.append(settings))

    def recalibrate(self):
        self.asked += 1


@pytest.fixture
def steering():
    made = Steering(Resolved(OWN), Resolved)
    yield made
    made.close()


def adopted(steering, first):
    """Let stacks pass until nothing is pending; return the time of the last one."""
    times = iter(range(first, 10**6))
    now = [first]

    def passes():
        now[0] = next(times)
        steering.adopt(stack(now[0]))
        return not steering.status.pending

    wait_for(passes)
    return now[0]


def test_a_wish_is_pending_until_a_stack_takes_it(steering):
    pipeline = Steered()
    steering.begin(0, pipeline)
    steering.wish({"reconstruction.wiener": 0.1})
    assert steering.status.pending == {"reconstruction.wiener": 0.1}
    assert steering.in_use.settings == OWN
    last = adopted(steering, 5)
    assert (steering.status.changes, steering.status.since) == (1, last)
    assert pipeline.used[-1] == steering.in_use.settings != OWN


def test_what_is_in_use_is_not_prepared_again(steering):
    pipeline = Steered()
    steering.begin(0, pipeline)
    steering.wish({"reconstruction.wiener": 0.1})
    adopted(steering, 5)
    steering.wish({"reconstruction.wiener": 0.2})
    adopted(steering, 5)
    assert pipeline.prepared == 2


def test_wishes_add_up_and_the_newest_wins(steering):
    pipeline = Steered()
    for wiener in (0.1, 0.2, 0.3):
        steering.wish({"reconstruction.wiener": wiener})
    steering.wish({"steps.two": "none"})
    steering.begin(0, pipeline)
    adopted(steering, 0)
    assert steering.in_use.settings.reconstruction.wiener == 0.3
    assert steering.in_use.settings.steps.two == "none"


def test_a_pattern_that_changes_meanwhile_is_prepared_for_again(steering):
    pipeline = Steered()
    pipeline.stale = 2
    steering.begin(0, pipeline)
    steering.wish({"reconstruction.wiener": 0.1})
    adopted(steering, 0)
    assert len(pipeline.used) == 2
    assert steering.status.changes == 1


def test_what_cannot_be_prepared_leaves_everything_as_it_was(steering):
    pipeline = Steered()
    steering.begin(0, pipeline)
    steering.wish({"reconstruction.wiener": 6.66})
    wait_for(lambda: steering.status.refused)
    assert steering.status.refused == "no memory on the GPU"
    assert steering.status.pending == {}
    steering.adopt(stack(0))
    assert steering.in_use.settings == OWN
    steering.wish({"reconstruction.wiener": 0.5})
    adopted(steering, 1)
    assert steering.status.refused is None


def test_a_fixed_pipeline_says_so(steering):
    steering.begin(0, FakePipeline())
    with pytest.raises(SettingsError, match=NOT_STEERABLE):
        steering.wish({"reconstruction.wiener": 0.1})
    with pytest.raises(SettingsError, match=NOT_STEERABLE):
        steering.recalibrate()


class FakeRecorder:
    resolved = Resolved(OWN, {"a.safetensors": "0" * 64}, {"a.safetensors": {"name": "a"}})

    def __init__(self, folder):
        self.folder, self.changes = folder, []

    def save_pattern(self, pattern, channel):
        pass

    def log_settings(self, change):
        self.changes.append(change)


def test_a_swapped_network_is_logged_with_the_cards_of_both(tmp_path):
    recorder, steps = FakeRecorder(tmp_path), {"steps.two": "b.safetensors"}
    recordings = Recordings(recorder)
    log = RecordingLog(recordings, Faults())
    other = {"b.safetensors": {"name": "b"}}
    swapped = Resolved(steered(OWN, steps), {"b.safetensors": "1" * 64}, other)
    for number, now in enumerate((recorder.resolved, swapped, swapped)):
        recordings.see(stack(number))
        log.see(stack(number), FakePipeline(), now)
    (change,) = recorder.changes
    assert change.stack.time == 1
    assert dict(change.new) == steps
    assert change.networks == {
        "a.safetensors": NetworkFile("0" * 64, {"name": "a"}),
        "b.safetensors": NetworkFile("1" * 64, {"name": "b"}),
    }
    append_settings_change(tmp_path / "log.jsonl", change)
    assert read_settings_log(tmp_path / "log.jsonl") == (change,)


def test_a_recording_is_not_restored_with_another_network_of_the_same_name(tmp_path):
    mine, log = tmp_path / "mine.safetensors", tmp_path / "log.jsonl"
    mine.write_bytes(b"first")
    used = {mine.name: NetworkFile(file_sha256(mine), {"name": "mine"})}
    names = {"steps.two": "none"}, {"steps.two": str(mine)}
    append_settings_change(log, SettingsChange(StackIndex(time=2), 0, *names, used))
    assert len(read_steering(log)) == 1
    mine.write_bytes(b"other")
    with pytest.raises(DataError, match="expected the network of the live run, found another one"):
        read_steering(log)


def test_a_recording_of_an_earlier_version_is_restored_with_the_pair_under_its_old_name(tmp_path):
    """The sums are those of the files of version 0.1.0, which held the same weights."""
    log = tmp_path / "log.jsonl"
    sums = {
        "one": "f57db65b32d342f773e14f2b97c61bffbdcd59275265077676a4249e2dcec7e4",
        "two": "bd24d2be135ecced63f4c62911f5a68035c5e5834afd4494e7a5b7ac77c1d22c",
    }
    used = {f"default-{step}.safetensors": NetworkFile(one, {}) for step, one in sums.items()}
    names = {"steps.two": "none"}, {"steps.one": "default", "steps.two": "default"}
    append_settings_change(log, SettingsChange(StackIndex(time=2), 0, *names, used))
    assert len(read_steering(log)) == 1
    used["default-two.safetensors"] = NetworkFile("0" * 64, {})
    append_settings_change(log, SettingsChange(StackIndex(time=3), 0, *names, used))
    with pytest.raises(DataError, match=r"pair-two.* expected the network of the live run, found"):
        read_steering(log)


def test_a_file_that_was_written_again_needs_a_name_of_its_own():
    files = iter(["0" * 64, "1" * 64])
    made = Steering(
        Resolved(OWN, {"mine.safetensors": "0" * 64}),
        lambda settings: Resolved(settings, {"mine.safetensors": next(files)}),
    )
    made.begin(0, Steered())
    made.wish({"reconstruction.wiener": 0.1})
    with pytest.raises(
        SettingsError, match=r"mine\.safetensors .* written again .* name of its own"
    ):
        made.wish({"reconstruction.wiener": 0.2})
    made.close()


def test_a_model_file_is_named_as_the_engine_finds_it_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.safetensors").write_bytes(b"")
    whole = str(tmp_path / "mine.safetensors")
    for text in ("mine.safetensors", '"mine.safetensors"', whole):
        assert parse_changes([f"steps.two={text}"]) == {"steps.two": whole}
    assert parse_changes(["steps.two=none"]) == {"steps.two": "none"}
    assert parse_changes(["steps.two=other.safetensors"]) == {"steps.two": "other.safetensors"}


def test_channels_change_together_and_one_that_comes_late_follows(steering):
    first, late = Steered(), Steered()
    steering.begin(0, first)
    steering.wish({"reconstruction.wiener": 0.1})
    adopted(steering, 0)
    steering.begin(1, late)
    assert steering.of(1).settings == OWN != steering.of(0).settings
    wait_for(lambda: steering.adopt(stack(9)) or len(late.used) == 2)
    assert steering.of(1) == steering.of(0)
    assert steering.status.changes == 1
    late.stale = 1
    steering.wish({"reconstruction.wiener": 0.2})
    adopted(steering, 10)
    assert first.used[-1] == late.used[-1] == steering.in_use.settings


# The engine.


@contextmanager
def streaming(pipeline, tmp_path=None, **options):
    """An engine that has been sent the start of a stream."""
    with (
        running(lambda s: lambda *_: pipeline, record=tmp_path, lossless=True, **options) as engine,
        Sender(engine.control) as sender,
        ControlClient(engine.control) as client,
    ):
        sender.start(start())
        yield engine, sender, client


def send_stacks(engine, sender, times):
    """Send stacks of these times, and wait until they are reconstructed."""
    for frame in frames(max(times) + 1):
        if frame.axes.time in times:
            sender.send(frame)
    engine.wait_for(lambda status: status.stages[3].done == max(times) + 1)


def test_a_stream_is_steered_and_no_stack_is_lost(tmp_path):
    pipeline = Steered()
    with streaming(pipeline, tmp_path) as (engine, sender, client):
        send_stacks(engine, sender, [0, 1])
        client.steer({"reconstruction.wiener": 0.1}, WAIT_S)
        with pytest.raises(WireError, match="can change while a stream runs"):
            client.steer({"optics.pixel_nm": 1.0}, WAIT_S)
        wait_for(lambda: engine.engine._intake.session.steering._ready)
        send_stacks(engine, sender, [2, 3])
        status = client.status(WAIT_S)
        assert status.steering.since == 2
        assert status.in_use.settings.reconstruction.wiener == 0.1
        client.recalibrate(WAIT_S)
        assert pipeline.asked == 1
        sender.finish()
        assert engine.times() == [0, 1, 2, 3]
    (change,) = read_settings_log(tmp_path / "stream-001" / SETTINGS_LOG_NAME)
    assert (change.stack.time, change.new) == (2, {"reconstruction.wiener": 0.1})


def test_without_a_stream_there_is_nothing_to_steer():
    with running() as engine, ControlClient(engine.control) as client:
        with pytest.raises(WireError, match="expected a running stream, found none"):
            client.steer({"steps.two": "none"}, WAIT_S)
        with pytest.raises(WireError, match="livesim engine --record FOLDER"):
            client.record(on=True, timeout_s=WAIT_S)
        assert client.status(WAIT_S).state is EngineState.IDLE


def written(folder, name, array):
    group = zarr.open_group(folder / name, mode="r")
    return group[array][:].ravel().nonzero()[0].tolist()


def test_recording_begins_and_ends_in_the_middle_of_a_stream(tmp_path):
    pipeline = Steered()
    with streaming(pipeline, tmp_path, record_later=True) as (engine, sender, client):
        send_stacks(engine, sender, [0, 1])
        status = client.status(WAIT_S)
        assert (status.recording, status.record.on) == (None, False)
        client.steer({"reconstruction.wiener": 0.1}, WAIT_S)
        client.record(on=True, timeout_s=WAIT_S)
        client.record(on=True, timeout_s=WAIT_S)  # once more changes nothing
        wait_for(lambda: engine.engine._intake.session.steering._ready)
        send_stacks(engine, sender, [2, 3])
        assert client.status(WAIT_S).recording.endswith("stream-001")
        client.record(on=False, timeout_s=WAIT_S)
        send_stacks(engine, sender, [4])
        assert client.status(WAIT_S).recording is None
        client.record(on=True, timeout_s=WAIT_S)
        send_stacks(engine, sender, [5])
        sender.finish()
        assert engine.times() == list(range(6))
    for folder, times in (("stream-001", [2, 3]), ("stream-002", [5])):
        assert written(tmp_path / folder, RAW_NAME, "written") == times
        assert written(tmp_path / folder / RESULTS_NAME, "", "written") == times
        assert json.loads((tmp_path / folder / "pattern.json").read_text())["pixel_nm"] == 80.0
    # Steered after the first recorder was made, so its own settings are older ones.
    (change,) = read_settings_log(tmp_path / "stream-001" / SETTINGS_LOG_NAME)
    assert (change.stack.time, change.new) == (2, {"reconstruction.wiener": 0.1})
    assert not (tmp_path / "stream-002" / SETTINGS_LOG_NAME).exists()
    assert not list(tmp_path.rglob("*.partial"))


def test_the_command_waits_until_it_is_so(tmp_path, capsys):
    pipeline = Steered()
    with streaming(pipeline, tmp_path, record_into=str(tmp_path)) as (engine, sender, _):
        send_stacks(engine, sender, [0])
        over = threading.Event()

        def go_on():
            for frame in frames(10**6):
                if over.is_set():
                    return
                if frame.axes.time:
                    sender.send(frame)

        thread = threading.Thread(target=go_on)
        thread.start()
        try:
            steer_engine(engine.control, ["reconstruction.wiener=0.1"], record="off")
            with pytest.raises(DataError, match="no memory on the GPU"):
                steer_engine(engine.control, ["reconstruction.wiener=6.66"])
        finally:
            over.set()
            thread.join(WAIT_S)
        words = capsys.readouterr().err
        assert "in use since stack" in words
        assert "not recording" in words
        assert pipeline.used[-1].reconstruction.wiener == 0.1
    with pytest.raises(SettingsError, match="expected KEY=VALUE, --recalibrate or --record"):
        steer_engine(engine.control, [])
