"""Percentiles of the time each stage took, and where they are shown."""

from __future__ import annotations

import re
from io import StringIO

import numpy as np
import pytest
import torch
from rich.console import Console

from livesim.commands.status.command import print_status
from livesim.engine.latencies import WINDOW_NS, Latencies
from livesim.reconstruction.step_clock import StepClock
from livesim.values.clock import steady_ns
from livesim.values.frames import Passage
from livesim_gui.state.health.health import health_of
from livesim_gui.state.stream.connection import Connection
from livesim_gui.state.stream.feed import News
from tests.doubles.fake_engine import engine_status
from tests.support.prometheus import page_of, samples_of

MS = 1_000_000


def passage(assemble, wait, reconstruct, publish, ago_ns=0):
    begin = steady_ns() - ago_ns
    moments = np.cumsum([begin, *(round(ms * MS) for ms in (assemble, wait, reconstruct, publish))])
    return Passage(*(int(moment) for moment in moments))


def known():
    """A hundred results: the wait grows from 1 to 100 ms, the rest stays."""
    latencies = Latencies()
    for number in range(1, 101):
        steps = (("reconstruct", 3.0), ("step two", 2.0 * number))
        latencies.add(passage(0.5, number, 14.0, 0.25), steps)
    return latencies.status()


def test_percentiles_of_every_stage():
    status = known()
    assert status.results == 100
    stages = {part.name: (part.p50_ms, part.p95_ms, part.p99_ms) for part in status.stages}
    assert stages["assemble"] == pytest.approx((0.5, 0.5, 0.5))
    assert stages["wait"] == pytest.approx((50.5, 95.05, 99.01))
    assert stages["reconstruct"] == pytest.approx((14.0, 14.0, 14.0))
    assert stages["publish"] == pytest.approx((0.25, 0.25, 0.25))
    total = (status.p50_ms, status.p95_ms, status.p99_ms)
    assert total == pytest.approx((65.25, 109.8, 113.76))
    steps = {part.name: part.p50_ms for part in status.steps}
    assert steps == pytest.approx({"reconstruct": 3.0, "step two": 101.0})


def test_only_the_last_results_count():
    latencies = Latencies()
    assert latencies.status() is None
    for number in range(20):
        old = number < 10
        latencies.add(passage(50.0 if old else 1.0, 1.0, 1.0, 1.0, 2 * WINDOW_NS if old else 0))
    assert latencies.status().results == 10
    assert latencies.status().p99_ms == pytest.approx(4.0)
    assert latencies.status().steps == ()


def test_the_last_result_counts_however_old_it_is():
    latencies = Latencies()
    for assemble in (1.0, 2.0):
        latencies.add(passage(assemble, 1.0, 1.0, 1.0, 2 * WINDOW_NS))
    assert (latencies.status().results, latencies.status().p50_ms) == (1, pytest.approx(5.0))


def test_a_new_stream_begins_with_none():
    latencies = Latencies()
    latencies.add(passage(1.0, 1.0, 1.0, 1.0))
    latencies.begin()
    assert latencies.status() is None


def test_steps_that_come_twice_are_added():
    clock = StepClock(torch.device("cpu"))
    for step in ("reconstruct", "step one", "reconstruct"):
        clock.mark(step)
    clock._seconds[:] = [0.0, 0.010, 0.012, 0.020]
    assert dict(clock.read()) == pytest.approx({"reconstruct": 18.0, "step one": 2.0})


def test_the_status_shows_a_table():
    console = Console(width=100, file=StringIO())
    print_status(engine_status(latency=known()), console)
    rows = [re.split(r" *│ *", line.strip("│ ")) for line in console.file.getvalue().split("\n")]
    for row in (
        ["wait", "50.50", "95.05", "99.01"],
        ["step two", "101.00", "190.10", "198.02"],
        ["in all", "65.25", "109.80", "113.76"],
    ):
        assert row in rows


def test_prometheus_is_told_seconds():
    values = samples_of(page_of(engine_status(latency=known())))
    for key, seconds in {
        ("livesim_latency_seconds", ("quantile", "0.5")): 0.06525,
        ("livesim_stage_latency_seconds", ("quantile", "0.95"), ("stage", "wait")): 0.09505,
        ("livesim_step_latency_seconds", ("quantile", "0.5"), ("step", "step_two")): 0.101,
    }.items():
        assert values[key] == pytest.approx(seconds)


def test_the_viewer_lists_the_stages():
    lines = {line.label: line.value for line in health_of(_news(known())).lines}
    assert lines["… waiting for the processor"] == "50.5 ms (95 %: 95.0)"


def _news(latency):
    return News(connection=Connection.CONNECTED, status=engine_status(latency=latency))
