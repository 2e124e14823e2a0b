"""A pipeline follows a pattern that drifts, jumps and fades, and says what has changed."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from livesim.engine.channels import pattern_now
from livesim.engine.seams import Tracked
from livesim.values.errors import DataError
from livesim.values.frames import Rolling, StackIndex
from livesim.values.illumination import AngleState, ChangeKind
from tests.support.tracked_stream import stack, streams

__all__ = ["streams"]


def test_a_still_pattern_is_left_alone(streams):
    stream = streams()
    stream.feed(20)
    assert isinstance(stream.pipeline, Tracked)
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
    assert pattern_now(stream.pipeline).angles[1].phases_rad[0] == pytest.approx(1.0)
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
