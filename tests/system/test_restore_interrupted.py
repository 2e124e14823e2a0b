"""Ctrl-C or SIGTERM in the middle of `livesim restore` leaves no part of the result."""

from __future__ import annotations

import signal
import subprocess
import sys

import numpy as np
import pytest
import tifffile

from tests.support.scenes import simulate
from tests.support.waiting import wait_for
from tests.system.test_live_equals_offline import TOML

pytestmark = pytest.mark.slow

LIMIT_S = 120.0
STACKS = 3000
"""So many that the work outlasts the signal by far."""


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("result.ome.tif", signal.SIGINT),
        ("result.ome.zarr", signal.SIGINT),
        ("result.ome.zarr", signal.SIGTERM),
    ],
)
def test_an_interrupted_restore_leaves_nothing(name, number, tmp_path):
    stack = simulate(0, (64, 64)).counts.numpy()
    tifffile.imwrite(tmp_path / "raw.tif", np.tile(stack.reshape(9, 64, 64), (STACKS, 1, 1)))
    (tmp_path / "raw.toml").write_text(TOML)
    out = tmp_path / "out"
    out.mkdir()
    command = [sys.executable, "-m", "livesim", "restore", tmp_path / "raw.tif"]
    with subprocess.Popen([*command, "--out", out / name], stderr=subprocess.DEVNULL) as process:
        wait_for(lambda: list(out.glob("*.partial")), during=process)
        process.send_signal(number)
        assert process.wait(LIMIT_S) == 130
    assert list(out.iterdir()) == []
