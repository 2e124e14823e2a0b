"""Other settings for a pipeline that tracks its pattern: from which stack on they hold."""

from __future__ import annotations

import pytest

from livesim.engine.beside.proposals import RecentStack
from livesim.values.illumination import ChangeKind
from tests.support.tracked_stream import BLIND, WATCHING, shifted, stack, steerable, streams
from tests.support.waiting import wait_for

__all__ = ["streams"]


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


def test_other_settings_leave_the_phases_of_the_stacks_before(streams):
    stream = steerable(streams())
    stream.background.steer(stream._prepare, unasked=False)
    stream.light.phases[1] = 1.0
    stream.feed(6)

    def phases():
        return [one.phases for one in stream.background._recent]

    before = phases()
    assert len(before) > 2
    stream.pipeline.prepare(WATCHING).use()
    assert phases() == before


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
    recent = RecentStack(stack(stream.count), (0.0,) * 3, stream.pipeline.pattern)
    wait_for(lambda: stream.background.offer(recent) or stream.background._proposal is not None)
    other = stream.pipeline.prepare(BLIND)
    steered_to = stream.prepared[-1]
    assert other.fits()
    other.use()
    stream.feed(3)
    assert stream.pipeline._active is steered_to
    assert stream.changes == []


def test_a_tracking_that_is_switched_off_leaves_the_pattern_where_it_is(streams):
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
