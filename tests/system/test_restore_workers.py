"""Several processes restore one recording; killed at any moment they cost time, and no image."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr

from tests.support.scenes import simulate
from tests.system.test_live_equals_offline import TOML

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

LIMIT_S = 120.0
STACKS = 400


@pytest.fixture
def raw(tmp_path):
    stack = simulate(0, (64, 64)).counts.numpy().reshape(1, 9, 64, 64)
    dimmer = np.linspace(1.0, 0.5, STACKS)[:, None, None, None]
    frames = (stack * dimmer).astype(np.uint16).reshape(-1, 64, 64)
    tifffile.imwrite(tmp_path / "raw.tif", frames)
    (tmp_path / "raw.toml").write_text(TOML)
    return tmp_path / "raw.tif"


def command(raw, out, *flags):
    target = raw.with_name(out)
    livesim = [sys.executable, "-m", "livesim", "restore"]
    return [*livesim, raw, "--out", target, "--steps", "reconstruct", *flags]


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    """Another number of threads adds in another order, which changes the last digits."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def images(raw, out):
    return np.asarray(zarr.open_group(raw.with_name(out), mode="r")["0"])


def wait_until(true, process):
    end = time.monotonic() + LIMIT_S
    while not true():
        assert process.poll() is None, "expected the work to be under way"
        assert time.monotonic() < end, "expected it in time"
        time.sleep(0.01)


def planes(raw):
    """Return how many planes are there."""
    return sum(1 for _ in (raw.parent / "out.ome.zarr.parts").glob("result.ome.zarr/0/c/**/0"))


def workers_of(process):
    """Return the ids of the processes that restore."""
    found = []
    for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
        with_words = Path(f"/proc/{child}/cmdline").read_bytes()
        if b"spawn_main" in with_words:
            found.append(int(child))
    return found


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for processes in /proc")
def test_killed_workers_and_a_killed_driver_cost_no_image(raw):
    subprocess.run(command(raw, "once.ome.zarr"), check=True, timeout=LIMIT_S)
    chance = random.Random(5)
    with subprocess.Popen(
        command(raw, "out.ome.zarr", "--workers", "2"), stderr=subprocess.PIPE, text=True
    ) as process:
        for _ in range(2):
            before = planes(raw)
            wait_until(lambda before=before: planes(raw) > before, process)
            os.kill(chance.choice(workers_of(process)), signal.SIGKILL)
        before = planes(raw)
        wait_until(lambda before=before: planes(raw) > before, process)
        process.kill()
        _, said = process.communicate(timeout=LIMIT_S)
    assert "the process died of SIGKILL; begun again" in said
    assert not raw.with_name("out.ome.zarr").exists()
    kept = planes(raw)
    assert kept > 0
    subprocess.run(command(raw, "out.ome.zarr", "--workers", "2"), check=True, timeout=LIMIT_S)
    np.testing.assert_array_equal(images(raw, "out.ome.zarr"), images(raw, "once.ome.zarr"))
    assert not np.isnan(images(raw, "out.ome.zarr")).any()


def test_parts_at_once_without_a_driver(raw):
    jobs = [
        subprocess.Popen(command(raw, "out.ome.zarr", "--part", f"{number}/3"))
        for number in (1, 2, 3)
    ]
    assert [job.wait(LIMIT_S) for job in jobs] == [0, 0, 0]
    subprocess.run(command(raw, "out.ome.zarr", "--finish"), check=True, timeout=LIMIT_S)
    subprocess.run(command(raw, "once.ome.zarr"), check=True, timeout=LIMIT_S)
    np.testing.assert_array_equal(images(raw, "out.ome.zarr"), images(raw, "once.ome.zarr"))
