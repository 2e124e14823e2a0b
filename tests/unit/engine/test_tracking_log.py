"""What tracking changes reaches the log, the status and the last fault."""

from __future__ import annotations

import math

import pytest

from livesim.config.settings import Optics, Settings
from livesim.engine.beside.doctor import LiveDoctor
from livesim.engine.beside.tracking_log import SHOWN, TrackingLog
from livesim.engine.channels import StreamChannels
from livesim.engine.meters import Faults
from livesim.engine.record.recording_log import RecordingLog
from livesim.engine.record.recordings import Recordings
from livesim.engine.seams import Resolved
from livesim.values.illumination import ChangeKind
from livesim.wire.stream_status import ChannelStatus
from tests.support.running_engine import SETTINGS, Fakes, at_once
from tests.support.tracked_stream import stack, streams

__all__ = ["streams"]


class FakeRecorder:
    """Keeps what it is given, unless the disk is full."""

    settings = Settings(optics=Optics(numerical_aperture=1.4, emission_nm=500.0))

    def __init__(self, full=False):
        self.full, self.logged = full, []

    def log_changes(self, changes):
        if self.full:
            raise OSError("no space left")
        self.logged += changes

    def save_pattern(self, pattern, channel):
        self.saved = pattern

    def log_settings(self, change):
        self.steered = change


def logged(recorder, faults, count=100):
    """Return the log beside a recording of so many stacks."""
    recordings = Recordings(recorder)
    for number in range(count):
        recordings.see(stack(number))
    return RecordingLog(recordings, faults)


def test_changes_reach_the_log_the_status_and_the_last_fault(streams):
    stream, recorder, faults, alarms = streams(), FakeRecorder(), Faults(), []
    log = TrackingLog(
        logged(recorder, faults).pattern_changed, faults, lambda: alarms.append(faults.last)
    )
    assert log.health is None
    log.begin(stream.pipeline)
    for number in range(80):
        stream.light.phases = [0.02 * number, 0.0, 2.0 if number == 79 else 0.0]
        stream.pipeline(stack(number))
        log.look()
    assert [c.kind for c in recorder.logged][-2:] == [ChangeKind.DRIFT, ChangeKind.JUMP]
    sent = ChannelStatus(channel=0, tracking=log.health, changes=log.changes)
    status = ChannelStatus.model_validate_json(sent.model_dump_json())
    assert status == sent
    assert len(status.changes) == SHOWN < len(recorder.logged)
    assert status.changes[-1].number == len(recorder.logged) == status.tracking.swaps
    assert (status.changes[-1].time, status.changes[-1].alarm, status.tracking.alarms) == (
        79,
        True,
        1,
    )
    assert status.tracking.angles[0].drift_deg == pytest.approx(math.degrees(1.58), abs=1.0)
    assert status.tracking.angles[0].rate_deg == pytest.approx(math.degrees(0.02), abs=0.1)
    assert status.tracking.angles[1].modulation == pytest.approx(0.8, abs=0.01)
    assert faults.last.startswith("pattern jump, angle 2 at stack 79: the phases jumped by +114")
    assert alarms == [faults.last]


def test_a_full_disk_does_not_stop_the_tracking(streams):
    stream, faults = streams(), Faults()
    log = TrackingLog(logged(FakeRecorder(full=True), faults).pattern_changed, faults)
    log.begin(stream.pipeline)
    stream.feed(3)
    stream.light.phases = [1.0, 0.0, 0.0]
    stream.pipeline(stack(3))
    log.look()
    assert faults.last == "the pattern's log could not be written: no space left"
    assert len(log.changes) == 1


def test_a_stream_looks_for_what_every_stack_has_changed(streams):
    stream, faults = streams(), Faults()
    log, doctor = logged(None, faults), LiveDoctor("s", None)
    settings = Resolved(Settings.model_validate(SETTINGS))
    channels = StreamChannels(settings, Fakes(at_once), log, doctor, faults)
    channels.begin(0, stream.pipeline)
    stream.feed(3)
    stream.light.phases = [1.0, 0.0, 0.0]
    stream.pipeline(stack(3))
    channels.after(stack(3))
    channels.steering.close()
    (status,) = channels.status
    assert [change.time for change in status.changes] == [3]
