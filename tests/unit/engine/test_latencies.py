"""Percentiles of the time each stage took, and where they are shown."""

from __future__ import annotations

import re
from io import StringIO

import numpy as np
import pytest
import torch
from rich.console import Console

from livesim.commands.status.command import _print
from livesim.commands.status.metrics import metrics
from livesim.engine.latencies import EVENTS, Latencies
from livesim.reconstruction.step_clock import StepClock
from livesim.values.frames import Passage
from livesim_gui.state.health.health import health_of
from livesim_gui.state.stream.connection import Connection
from livesim_gui.state.stream.feed import News
from tests.doubles.fake_engine import engine_status

MS = 1_000_000


def passage(assemble, wait, reconstruct, publish, begin=5):
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
    for number in range(EVENTS + 10):
        latencies.add(passage(1.0 if number >= 10 else 1e6, 1.0, 1.0, 1.0))
    assert latencies.status().p99_ms == pytest.approx(4.0)
    assert latencies.status().steps == ()


def test_steps_that_come_twice_are_added():
    clock = StepClock(torch.device("cpu"))
    for step in ("reconstruct", "step one", "reconstruct"):
        clock.mark(step)
    clock._seconds[:] = [0.0, 0.010, 0.012, 0.020]
    assert dict(clock.read()) == pytest.approx({"reconstruct": 18.0, "step one": 2.0})


def test_the_status_shows_a_table():
    console = Console(width=100, file=StringIO())
    _print(engine_status(latency=known()), console)
    rows = [re.split(r" *│ *", line.strip("│ ")) for line in console.file.getvalue().split("\n")]
    for row in (
        ["wait", "50.50", "95.05", "99.01"],
        ["step two", "101.00", "190.10", "198.02"],
        ["in all", "65.25", "109.80", "113.76"],
    ):
        assert row in rows


def test_prometheus_is_told_seconds():
    page = metrics(engine_status(latency=known())).splitlines()
    for line in (
        'livesim_latency_seconds{quantile="0.5"} 0.06525',
        'livesim_stage_latency_seconds{stage="wait",quantile="0.95"} 0.09505',
        'livesim_step_latency_seconds{step="step_two",quantile="0.5"} 0.101',
    ):
        assert line in page


def test_the_viewer_lists_the_stages():
    lines = {line.label: line.value for line in health_of(_news(known())).lines}
    assert lines["… waiting for the processor"] == "50.5 ms (95 %: 95.0)"


def _news(latency):
    return News(connection=Connection.CONNECTED, status=engine_status(latency=latency))
