"""The watched pipeline and its background, with a reconstruction that is a fake."""

from __future__ import annotations

import cmath
import math
import threading
import time
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import pytest

from livesim.config import Optics, Settings, Watchdog
from livesim.drift import AngleState, ChangeKind
from livesim.engine import background as background_module
from livesim.engine.background import Background
from livesim.engine.in_use import patterns_in_use
from livesim.engine.meters import Faults
from livesim.engine.notes import Notes
from livesim.engine.pipeline import Ready, Watched
from livesim.engine.proposal import Seen
from livesim.engine.recordings import Recordings
from livesim.engine.watch_log import SHOWN, WatchLog
from livesim.engine.watched import WatchedPipeline
from livesim.frames import DataError, Pattern, PatternAngle, RawStack, Result, Rolling, StackIndex
from livesim.reconstruction.check import BandReading
from livesim.wire.pattern_status import WatchdogStatus

WAIT_S = 10.0
ANGLES = tuple(PatternAngle((5.0, float(n)), (0.0, 2.0, 4.0), (0.8,)) for n in range(3))
PATTERN = Pattern(80.0, (16, 16), ANGLES)


@dataclass
class Light:
    """What the fake stacks show: the same for all fakes."""

    phases: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    modulation: list[float] = field(default_factory=lambda: [0.8, 0.8, 0.8])
    coherence: float = 0.5
    fault: Exception | None = None


class Fake:
    """A reconstruction that remembers with which turns it was asked."""

    def __init__(self, pattern, light, coherence=None):
        self.pattern, self.light, self.coherence = pattern, light, coherence
        self.turns = []

    def begin(self, stack, decide):
        self.turns.append(decide(lambda: self.measure(stack)))
        image = np.zeros((32, 32), np.float32)
        return Ready(Result(stack.stream, stack.index, image, image[:16, :16]))

    def measure(self, stack):
        if self.light.fault is not None:
            raise self.light.fault
        return tuple(
            BandReading(number, 1, self._ratio(number, angle), 0.01, self._coherence())
            for number, angle in enumerate(self.pattern.angles)
            if angle.usable
        )

    def _ratio(self, number, angle):
        off = self.light.phases[number] - angle.phases_rad[0]
        return self.light.modulation[number] / angle.modulation[0] * cmath.exp(1j * off)

    def _coherence(self):
        return self.light.coherence if self.coherence is None else self.coherence


def stack(number):
    pixels = np.zeros((3, 3, 16, 16), np.uint16)
    return RawStack("s", StackIndex(time=number), pixels, last_received_ns=number)


class Stream:
    """A watched pipeline of fakes and the stacks it gets."""

    def __init__(self, estimate=None, coherence=None):
        self.light = Light()
        self.prepared = [Fake(PATTERN, self.light)]
        self._coherence = coherence
        self.background = Background(self._prepare, estimate, self.prepared[0])
        self.pipeline = WatchedPipeline(self.prepared[0], self.background)
        self.changes = []
        self.count = 0

    def _prepare(self, pattern):
        self.prepared.append(Fake(pattern, self.light, self._coherence))
        return self.prepared[-1]

    def feed(self, count=1):
        for _ in range(count):
            self.pipeline(stack(self.count))
            self.count += 1
            self.changes += self.pipeline.take_changes()

    def feed_until(self, condition):
        deadline = time.monotonic() + WAIT_S
        while not condition():
            assert time.monotonic() < deadline, self.changes
            self.feed()
            time.sleep(0.005)

    def kinds(self):
        return [change.kind for change in self.changes]


@pytest.fixture
def streams():
    made = []

    def make(*args, **more):
        made.append(Stream(*args, **more))
        return made[-1]

    yield make
    for one in made:
        one.pipeline.close()


def test_a_still_pattern_is_left_alone(streams):
    stream = streams()
    stream.feed(20)
    assert isinstance(stream.pipeline, Watched)
    assert stream.changes == []
    assert stream.prepared[0].turns == [(0.0, 0.0, 0.0)] * 20


def test_a_stack_is_turned_by_what_it_shows_itself(streams):
    stream = streams()
    stream.feed(10)
    stream.light.phases[1] = 1.0
    stream.feed()
    (change,) = stream.changes
    assert (change.kind, change.angle, change.stack.time) == (ChangeKind.JUMP, 1, 10)
    assert (change.old.turns_rad, change.received_ns) == ((0.0, 0.0, 0.0), 10)
    assert change.new.turns_rad == stream.prepared[0].turns[-1]
    assert change.new.turns_rad == pytest.approx((0.0, 1.0, 0.0))
    assert stream.pipeline.health.alarms == 1
    (told,) = patterns_in_use({0: stream.pipeline})
    assert told.angles[1].phases_rad[0] == pytest.approx(1.0)
    assert change.new.turned.angles[1].phases_rad[0] == pytest.approx(1.0)


def test_every_change_continues_the_last(streams):
    stream = streams()
    for number in range(60):
        stream.light.phases = [0.02 * number, -0.01 * number, 0.0]
        stream.feed()
    assert set(stream.kinds()) == {ChangeKind.DRIFT}
    for before, after in pairwise(stream.changes):
        assert before.new == after.old
    assert stream.changes[-1].new == stream.pipeline.illumination
    assert stream.pipeline.health.swaps == len(stream.changes)


def test_a_running_stack_is_turned_but_not_looked_at(streams):
    stream = streams()
    stream.feed(10)
    stream.light.phases[1] = 1.0
    running = replace(stack(10), rolling=Rolling(whole=False, resolution_ms=50.0))
    stream.pipeline(running)
    assert stream.pipeline.take_changes() == []
    assert stream.prepared[0].turns[-1] == (0.0, 0.0, 0.0)
    stream.feed()
    assert [change.kind for change in stream.changes] == [ChangeKind.JUMP]
    stream.pipeline(replace(running, index=StackIndex(time=11)))
    assert stream.prepared[0].turns[-1] == pytest.approx((0.0, 1.0, 0.0))


@pytest.mark.parametrize("fault", [RuntimeError("no memory"), DataError("no peak")])
def test_a_check_that_fails_leaves_the_stack_as_it_is(streams, fault, caplog):
    stream = streams()
    stream.light.fault = fault
    stream.feed(3)
    stream.light.fault = None
    stream.feed(3)
    assert len(stream.prepared[0].turns) == 6
    assert stream.pipeline.health.failures == 3
    assert str(fault) in caplog.text


def test_a_lost_angle_becomes_widefield_until_it_is_found_again(streams):
    stream = streams()
    stream.feed(5)
    stream.light.modulation[2] = 0.0
    stream.feed_until(lambda: not stream.pipeline.pattern.angles[2].usable)
    assert stream.kinds() == [ChangeKind.LOST, ChangeKind.LOST]
    alarm, other = stream.changes
    assert alarm.old == alarm.new
    assert not other.new.pattern.angles[2].usable
    assert stream.pipeline.health.angles[2].state is AngleState.LOST
    stream.light.modulation[2] = 0.7
    stream.light.phases[2] = 2.0
    stream.feed_until(lambda: stream.pipeline.pattern.angles[2].usable)
    assert stream.kinds()[2:] == [ChangeKind.FOUND]
    assert stream.changes[-1].new.turns_rad[2] == pytest.approx(2.0)
    assert stream.pipeline.health.angles[2].state is AngleState.FOLLOWED
    assert stream.pipeline.health.alarms == 1


def test_two_angles_lost_in_the_same_stack(streams):
    stream = streams()
    stream.feed(5)
    stream.light.modulation[:2] = [0.0, 0.0]
    stream.feed_until(lambda: [a.usable for a in stream.pipeline.pattern.angles] == [0, 0, 1])
    assert stream.pipeline.health.alarms == 2


def test_a_modulation_that_falls_gets_its_own_weights(streams):
    stream = streams()
    stream.feed(5)
    stream.light.modulation[0] = 0.5
    stream.feed_until(lambda: ChangeKind.MODULATION in stream.kinds())
    assert stream.pipeline.pattern.angles[0].modulation[0] == pytest.approx(0.5, abs=0.02)
    assert stream.pipeline.health.angles[0].modulation == pytest.approx(0.5, abs=0.02)
    assert "0.6" in stream.changes[-1].reason


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


def notes_of(recorder, faults, count=100):
    """Return notes beside a recording of so many stacks."""
    recordings = Recordings(recorder)
    for number in range(count):
        recordings.see(stack(number))
    return Notes(recordings, faults)


def test_changes_reach_the_log_the_status_and_the_last_fault(streams):
    stream, recorder, faults, alarms = streams(), FakeRecorder(), Faults(), []
    log = WatchLog(
        notes_of(recorder, faults).pattern_changed, faults, lambda: alarms.append(faults.last)
    )
    assert log.status() is None
    log.begin(stream.pipeline)
    for number in range(80):
        stream.light.phases = [0.02 * number, 0.0, 2.0 if number == 79 else 0.0]
        stream.pipeline(stack(number))
        log.look()
    assert [c.kind for c in recorder.logged][-2:] == [ChangeKind.DRIFT, ChangeKind.JUMP]
    status = WatchdogStatus.model_validate_json(log.status().model_dump_json())
    assert len(status.changes) == SHOWN < len(recorder.logged)
    assert status.changes[-1].number == len(recorder.logged) == status.swaps
    assert (status.changes[-1].time, status.changes[-1].alarm, status.alarms) == (79, True, 1)
    assert status.angles[0].drift_deg == pytest.approx(math.degrees(1.58), abs=1.0)
    assert status.angles[0].rate_deg == pytest.approx(math.degrees(0.02), abs=0.1)
    assert status.angles[1].modulation == pytest.approx(0.8, abs=0.01)
    assert faults.last.startswith("pattern jump, angle 2 at stack 79: the phases jumped by +114")
    assert alarms == [faults.last]


def test_a_full_disk_does_not_stop_the_watchdog(streams):
    stream, faults = streams(), Faults()
    log = WatchLog(notes_of(FakeRecorder(full=True), faults).pattern_changed, faults)
    log.begin(stream.pipeline)
    stream.feed(3)
    stream.light.phases = [1.0, 0.0, 0.0]
    stream.pipeline(stack(3))
    log.look()
    assert faults.last == "the pattern's log could not be written: no space left"
    assert len(log.status().changes) == 1


def shifted(phase):
    """Return an estimate whose phases are ahead of the known pattern's by `phase`."""
    angles = tuple(replace(a, phases_rad=tuple(p + phase for p in a.phases_rad)) for a in ANGLES)
    return lambda stacks: replace(PATTERN, angles=angles)


def test_a_better_estimate_is_taken_and_the_drift_goes_on(streams):
    stream = streams(shifted(0.3), coherence=0.6)
    stream.light.phases = [0.3, 0.3, 0.3]
    stream.feed_until(lambda: ChangeKind.ESTIMATE in stream.kinds())
    change = stream.changes[-1]
    assert change.new.pattern.angles[0].phases_rad[0] == pytest.approx(0.3)
    assert change.new.turned.angles[0].phases_rad == pytest.approx((0.3, 2.3, 4.3), abs=0.01)
    assert stream.pipeline.health.angles[0].drift_deg == pytest.approx(17.2, abs=0.5)
    stream.feed(5)
    assert stream.changes[-1] is change


@pytest.mark.parametrize("coherence", [0.5, 0.4])
def test_an_estimate_that_is_no_better_is_not_taken(streams, coherence):
    stream = streams(shifted(0.0), coherence=coherence)
    stream.feed_until(lambda: stream.pipeline.health.estimates)
    stream.feed(10)
    assert stream.changes == []


def test_an_estimate_never_holds_a_stack(streams):
    gate = threading.Event()
    begun = threading.Event()

    def estimate(stacks):
        begun.set()
        assert gate.wait(WAIT_S)
        return PATTERN

    stream = streams(estimate)
    stream.feed_until(begun.is_set)
    before = stream.count
    stream.feed(200)  # would stand still here
    assert stream.count == before + 200
    gate.set()


def test_an_estimate_that_fails_is_counted_and_the_stream_goes_on(streams, caplog):
    def estimate(stacks):
        raise DataError("expected a peak, found none")

    stream = streams(estimate)
    stream.feed_until(lambda: stream.pipeline.health.failures)
    stream.feed(3)
    assert "expected a peak" in caplog.text


def test_an_estimate_that_misses_an_angle_is_not_taken(streams):
    angles = (replace(ANGLES[0], usable=False, modulation=(0.0,)), *ANGLES[1:])
    stream = streams(lambda stacks: replace(PATTERN, angles=angles), coherence=0.9)
    stream.feed_until(lambda: stream.pipeline.health.estimates)
    stream.feed(5)
    assert stream.changes == []


def test_estimates_rest_four_fifths_of_the_time(streams, monkeypatch):
    monkeypatch.setattr(background_module, "PERIOD_S", 0.0)
    spans = []

    def estimate(stacks):
        start = time.monotonic()
        time.sleep(0.02)
        spans.append((start, time.monotonic()))
        return PATTERN

    stream = streams(estimate)
    stream.feed_until(lambda: len(spans) >= 4)
    for (start, end), (again, _) in pairwise(spans):
        assert again - end >= 3.9 * (end - start)


def test_a_new_estimate_is_taken_when_asked_for_whatever_it_is(streams):
    stream = streams(shifted(0.3), coherence=0.6)
    stream.pipeline.follows = False
    stream.background.steer(stream._prepare, watching=False)
    stream.feed(20)
    assert (stream.pipeline.health.estimates, stream.changes) == (0, [])
    stream.pipeline.recalibrate()
    assert stream.pipeline.recalibrating
    stream.feed_until(lambda: stream.changes)
    (change,) = stream.changes
    assert change.reason == "asked for; estimated from 4 stacks"
    assert change.new.turned.angles[0].phases_rad == pytest.approx((0.3, 2.3, 4.3))
    assert not stream.pipeline.recalibrating


def test_an_estimate_that_comes_too_late_is_asked_for_again(streams):
    stream = steerable(streams(shifted(0.3), coherence=0.6))
    stream.background.steer(stream._prepare, watching=False)
    stream.pipeline.recalibrate()
    deadline = time.monotonic() + WAIT_S
    stream.feed(4)
    while stream.background._proposal is None:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    stream.pipeline.prepare(BLIND).use()
    stream.feed()
    assert stream.pipeline.recalibrating
    stream.feed_until(lambda: ChangeKind.ESTIMATE in stream.kinds())
    assert stream.pipeline.pattern.angles[0].phases_rad[0] == pytest.approx(0.3)


def test_an_estimate_that_shows_no_fringes_changes_nothing(streams):
    dark = tuple(replace(angle, usable=False) for angle in ANGLES)
    stream = streams(lambda stacks: replace(PATTERN, angles=dark))
    stream.background.steer(stream._prepare, watching=False)
    stream.pipeline.recalibrate()
    stream.feed_until(lambda: stream.changes)
    (change,) = stream.changes
    assert change.reason == "asked for, but 4 stacks show no fringes"
    assert change.old == change.new
    assert stream.pipeline.pattern is PATTERN
    assert stream.pipeline.health.swaps == 0


def test_an_angle_that_a_new_estimate_does_not_show_is_lost_and_comes_back(streams):
    without = (ANGLES[0], replace(ANGLES[1], usable=False), ANGLES[2])
    stream = streams(lambda stacks: replace(PATTERN, angles=without))
    stream.background.steer(stream._prepare, watching=False)
    stream.light.modulation[1] = 0.0
    stream.pipeline.recalibrate()
    stream.feed_until(lambda: ChangeKind.ESTIMATE in stream.kinds())
    assert stream.pipeline.health.angles[1].state is AngleState.LOST
    stream.light.modulation[1] = 0.8
    stream.feed_until(lambda: ChangeKind.FOUND in stream.kinds())
    assert stream.pipeline.pattern.angles[1].usable


class Settled:
    """What prepares fakes for settings, and remembers for which."""

    def __init__(self, stream):
        self.stream, self.asked = stream, []

    def __call__(self, settings):
        self.asked.append(settings)
        return self.stream._prepare


def steerable(stream):
    stream.pipeline._prepare_for = Settled(stream)
    return stream


WATCHING = Settings(optics=Optics(numerical_aperture=1.4, emission_nm=500.0))
BLIND = WATCHING.model_copy(update={"watchdog": Watchdog(follow=False)})


def test_other_settings_keep_the_turns_and_hold_from_the_next_stack(streams):
    stream = steerable(streams())
    stream.feed(10)
    stream.light.phases[1] = 1.0
    stream.feed(3)
    other = stream.pipeline.prepare(WATCHING)
    stream.feed()
    assert len(stream.prepared[1].turns) == 0, "prepared, and not in use"
    assert other.fits()
    other.use()
    stream.feed()
    assert stream.prepared[1].turns[-1] == stream.prepared[0].turns[-1]
    assert stream.prepared[1].turns[-1][1] == pytest.approx(1.0, abs=0.01)


def test_what_was_prepared_for_another_pattern_is_not_used(streams):
    stream = steerable(streams(shifted(0.3), coherence=0.6))
    other = stream.pipeline.prepare(WATCHING)
    stream.light.phases = [0.3, 0.3, 0.3]
    stream.feed_until(lambda: ChangeKind.ESTIMATE in stream.kinds())
    assert not other.fits()
    assert stream.pipeline.prepare(WATCHING).fits()


def test_what_the_background_prepares_with_old_settings_is_dropped(streams):
    stream = steerable(streams(shifted(0.3), coherence=0.6))
    stream.light.phases = [0.3, 0.3, 0.3]
    deadline = time.monotonic() + WAIT_S
    while stream.background._proposal is None:
        stream.background.offer(Seen(stack(stream.count), (0.0,) * 3, stream.pipeline.pattern))
        assert time.monotonic() < deadline
        time.sleep(0.005)
    other = stream.pipeline.prepare(BLIND)
    steered_to = stream.prepared[-1]
    assert other.fits()
    other.use()
    stream.feed(3)
    assert stream.pipeline._active is steered_to
    assert stream.changes == []


def test_a_watchdog_that_is_switched_off_leaves_the_pattern_where_it_is(streams):
    stream = steerable(streams())
    stream.feed(5)
    stream.pipeline.prepare(BLIND).use()
    stream.light.phases[1] = 1.0
    stream.feed(5)
    assert stream.changes == []
    assert not stream.pipeline.follows
    stream.pipeline.prepare(WATCHING).use()
    stream.feed()
    assert stream.kinds() == [ChangeKind.JUMP]
