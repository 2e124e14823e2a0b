"""Streams of plausible values through an engine process: some of those of `bench.soak.fuzz`."""

from __future__ import annotations

import sys
import tomllib
from contextlib import closing

import numpy as np
import pytest

from bench.soak.plausible import Plausible
from tests.support.processes import engine
from tests.support.scenes import settings_text

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="a folder that is open stays there"),
]

STREAMS = 40


def test_odd_streams_and_messages_cost_nothing_that_was_acknowledged(tmp_path):
    records = tmp_path / "records"
    records.mkdir()
    light = np.full((3, 3, 64, 64), 200.0)
    settings = tomllib.loads(settings_text(networks=False))
    with (
        engine(records) as running,
        closing(Plausible(running.control, records, light, settings, seed=1)) as plausible,
    ):
        for _ in range(STREAMS):
            plausible.stream()
        assert running.status().stream is None
        tally = plausible.tally
    assert (tally.disturbed, tally.unreadable) == (0, 0)
    assert tally.good > STREAMS / 3
    assert tally.acknowledged >= 3 * tally.good
    assert tally.refused > 0
