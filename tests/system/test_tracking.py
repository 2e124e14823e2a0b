"""A pattern that drifts, jumps and vanishes on its way through real processes."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import tifffile
import zarr

from livesim.io.logs import read_pattern_log
from livesim.io.pattern_file import read_pattern
from livesim.processes.engine import EngineProcess
from livesim.values.illumination import ChangeKind
from livesim.wire.control_client import ControlClient
from livesim.wire.endpoints import FREE_ADDRESS
from tests.support.drifting import DriftingScene
from tests.support.processes import livesim
from tests.support.scenes import simulate
from tests.system.test_live_equals_offline import TOML, live_images, replay_into_engine

pytestmark = pytest.mark.slow

TIMES = 60
RATE_DEG = 1.5
LOST_FROM, JUMP_AT, JUMP_DEG = 20, 45, 70.0


def turn_deg(number):
    return RATE_DEG * number + (JUMP_DEG if number >= JUMP_AT else 0.0)


def recording(folder):
    """Write a recording in which angle 1 loses its fringes and all angles drift and jump."""
    drifting = DriftingScene(simulate(7, (96, 112), peak=1000.0), 1000.0)
    counts = [
        drifting.counts(math.radians(turn_deg(n)), (1.0, 0.0 if n >= LOST_FROM else 1.0, 1.0))
        for n in range(TIMES)
    ]
    raw = folder / "drifting.tif"
    tifffile.imwrite(raw, np.concatenate(counts).reshape(-1, *counts[0].shape[-2:]))
    raw.with_suffix(".toml").write_text(TOML)
    return raw


def test_what_was_followed_live_is_followed_offline(tmp_path):
    stream = replay_into_engine(recording(tmp_path), tmp_path / "recorded")
    live = live_images(stream)
    first = read_pattern(stream / "pattern.json")
    changes = read_pattern_log(stream / "pattern-log.jsonl", first)

    jumps = [change for change in changes if change.kind is ChangeKind.JUMP]
    assert {change.stack.time for change in jumps} == {JUMP_AT}
    assert {change.angle for change in jumps} >= {0, 2}
    lost = [change for change in changes if change.kind is ChangeKind.LOST]
    assert {change.angle for change in lost} == {1}
    assert LOST_FROM < lost[0].stack.time < LOST_FROM + 6
    # Turns count from the first pattern, which is the mean of as many stacks as had come by then.
    early = next(change for change in changes if change.stack.time >= 5)
    turned = math.degrees(changes[-1].new.turns_rad[0] - early.new.turns_rad[0])
    expected = turn_deg(changes[-1].stack.time) - turn_deg(early.stack.time)
    assert changes[-1].stack.time > JUMP_AT
    assert turned == pytest.approx(expected, abs=2.0)

    again = tmp_path / "again.ome.zarr"
    livesim("restore", stream / "raw.zarr", "--out", again)
    offline = zarr.open_array(again / "0", mode="r")[:, 0, 0]
    assert live.shape == (TIMES, 192, 224)
    np.testing.assert_array_equal(live, offline)

    fixed = tmp_path / "fixed.ome.zarr"
    (stream / "pattern-log.jsonl").unlink()  # as in recordings that were made before there was one
    livesim("restore", stream / "raw.zarr", "--out", fixed)
    still = zarr.open_array(fixed / "0", mode="r")[:, 0, 0]
    assert np.abs(still[-1] - live[-1]).max() > 0.1 * live[-1].max()


def test_the_status_of_a_running_stream_tells_of_its_pattern(tmp_path):
    raw = recording(tmp_path)
    with EngineProcess("--lossless") as engine:
        control = engine.control()
        assert FREE_ADDRESS not in control
        livesim("replay", raw, "--rate", "max", "--engine", control)
        with ControlClient(control) as client:
            status = client.status(10.0)
        assert status.last_fault is not None
        assert "jumped by" in status.last_fault or "no fringes" in status.last_fault
        words = livesim("status", "--engine", control).stdout
        assert json.loads(livesim("status", "--engine", control, "--json").stdout)["latency"]
        assert "jump" in words or "fringes" in words
