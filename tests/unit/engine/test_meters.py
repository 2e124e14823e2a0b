"""What is counted of a stream, and of all of them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from livesim.engine import meters
from livesim.engine.assemble import AssemblyCounts
from livesim.engine.meters import Gauges, Meter
from livesim.values.frames import Passage


def test_a_stream_begins_without_the_faults_of_the_one_before_and_the_total_keeps_them():
    gauges = Gauges()
    for stream in (1, 2):
        gauges.begin()
        assert gauges.faults.status(AssemblyCounts()).failed_stacks == 0
        assert gauges.faults.last is None
        assert [stage.status().done for stage in gauges.stages] == [0] * len(gauges.stages)
        assert gauges.latencies.status() is gauges.network_latencies.status() is None
        gauges.faults.report("failed_stacks", "expected light, found none", 2)
        for stage in gauges.stages:
            stage.meter.tick()
        for latencies in (gauges.latencies, gauges.network_latencies):
            latencies.add(Passage())
            assert latencies.status().results == 1
        assert gauges.faults.status(AssemblyCounts()).failed_stacks == 2
        assert gauges.faults.total.failed_stacks == 2 * stream


@pytest.mark.parametrize("gap_s", [0.1, 60.0])
def test_a_rate_is_that_of_the_last_events_until_the_next_is_overdue_by_far(monkeypatch, gap_s):
    now = [1000.0]
    monkeypatch.setattr(meters, "time", SimpleNamespace(monotonic=lambda: now[0]))
    meter = Meter()
    meter.tick()
    assert meter.per_second == 0.0
    now[0] += 500.0  # a pause that counts no more after some events
    for _ in range(200):
        meter.tick()
        now[0] += gap_s
    assert meter.per_second == pytest.approx(1.0 / gap_s)
    now[0] += gap_s
    assert meter.per_second == pytest.approx(1.0 / gap_s)
    now[0] += 20.0 * max(gap_s, meters.RATE_SECONDS)
    assert meter.per_second == 0.0
