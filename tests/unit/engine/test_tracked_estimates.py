"""Estimates in the background: which are taken, and that none ever holds a stack."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from functools import partial
from itertools import pairwise
from types import SimpleNamespace

import pytest

from livesim.engine.beside import estimates as estimates_module
from livesim.engine.beside.proposals import RecentStack, steady_stacks
from livesim.values.errors import DataError
from livesim.values.illumination import AngleState, ChangeKind
from tests.support.tracked_stream import (
    ANGLES,
    BLIND,
    PATTERN,
    WAIT_S,
    Fake,
    Light,
    shifted,
    stack,
    steerable,
    streams,
)
from tests.support.waiting import wait_for

__all__ = ["streams"]


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
    monkeypatch.setattr(estimates_module, "PERIOD_S", 0.0)
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
    stream.background.steer(stream._prepare, unasked=False)
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
    stream.background.steer(stream._prepare, unasked=False)
    stream.pipeline.recalibrate()
    stream.feed(4)
    wait_for(lambda: stream.background._proposal is not None)
    stream.pipeline.prepare(BLIND).use()
    stream.feed()
    assert stream.pipeline.recalibrating
    stream.feed_until(lambda: ChangeKind.ESTIMATE in stream.kinds())
    assert stream.pipeline.pattern.angles[0].phases_rad[0] == pytest.approx(0.3)


def test_an_estimate_that_shows_no_fringes_changes_nothing(streams):
    dark = tuple(replace(angle, usable=False) for angle in ANGLES)
    stream = streams(lambda stacks: replace(PATTERN, angles=dark))
    stream.background.steer(stream._prepare, unasked=False)
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
    stream.background.steer(stream._prepare, unasked=False)
    stream.light.modulation[1] = 0.0
    stream.pipeline.recalibrate()
    stream.feed_until(lambda: ChangeKind.ESTIMATE in stream.kinds())
    assert stream.pipeline.health.angles[1].state is AngleState.LOST
    stream.light.modulation[1] = 0.8
    stream.feed_until(lambda: ChangeKind.FOUND in stream.kinds())
    assert stream.pipeline.pattern.angles[1].usable


@pytest.mark.parametrize(("moved", "kept"), [(None, 0), (2, 3), (5, 6)])
def test_steady_are_the_newest_stacks_since_the_pattern_moved_in_their_order(moved, kept):
    def phases(number):
        return (0.0, 0.0, 0.0) if moved is None or number > moved else (0.0, 0.2, 0.0)

    recent = [RecentStack(stack(n), phases(n), PATTERN) for n in range(8)]
    assert steady_stacks(recent, PATTERN) == recent[kept:]
    assert steady_stacks(recent, replace(PATTERN)) == []


@pytest.mark.parametrize(("each_s", "second"), [(0.25, 8), (1.0, 3), (0.01, 9)])
def test_an_estimate_takes_as_many_stacks_as_fit_into_its_time(monkeypatch, each_s, second):
    """Of 12 stacks 3 are held out; 2 s are the most, and fewer than 3 are none."""
    now, taken = [1000.0], []
    monkeypatch.setattr(estimates_module, "time", SimpleNamespace(monotonic=lambda: now[0]))

    def estimate(stacks):
        taken.append(len(stacks))
        now[0] += each_s * len(stacks)
        return PATTERN

    estimates = estimates_module.Estimates(estimate, 12)
    prepare = partial(Fake, light=Light())
    recent = [RecentStack(stack(n), (0.0, 0.0, 0.0), PATTERN) for n in range(12)]
    for _ in range(2):
        estimates.improve(prepare(PATTERN), recent, prepare)
    assert taken == [3, second]
