"""Several processes restore one recording; killed at any moment they cost time, and no image."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr

from livesim.values.errors import DataError
from tests.support.scenes import simulate
from tests.support.waiting import wait_for
from tests.system.test_live_equals_offline import TOML

pytestmark = pytest.mark.slow

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
            wait_for(lambda before=before: planes(raw) > before, during=process)
            os.kill(chance.choice(workers_of(process)), signal.SIGKILL)
        before = planes(raw)
        wait_for(lambda before=before: planes(raw) > before, during=process)
        process.kill()
        _, said = process.communicate(timeout=LIMIT_S)
    assert "the process died of SIGKILL; begun again" in said
    assert not raw.with_name("out.ome.zarr").exists()
    kept = planes(raw)
    assert kept > 0
    subprocess.run(command(raw, "out.ome.zarr", "--workers", "2"), check=True, timeout=LIMIT_S)
    np.testing.assert_array_equal(images(raw, "out.ome.zarr"), images(raw, "once.ome.zarr"))
    assert not np.isnan(images(raw, "out.ome.zarr")).any()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for processes in /proc")
def test_a_halted_worker_does_not_keep_an_interrupted_driver(raw):
    with subprocess.Popen(
        command(raw, "out.ome.zarr", "--workers", "2"), stderr=subprocess.PIPE, text=True
    ) as process:
        wait_for(lambda: planes(raw) > 0, during=process)
        halted, other = workers_of(process)
        os.kill(halted, signal.SIGSTOP)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 130
    assert "expected its process to end within 10 s, found it at work; killed" in said
    assert not any(Path(f"/proc/{one}").exists() for one in (halted, other))
    assert not raw.with_name("out.ome.zarr").exists()


def test_parts_at_once_without_a_driver(raw):
    jobs = [
        subprocess.Popen(command(raw, "out.ome.zarr", "--part", f"{number}/3"))
        for number in (1, 2, 3)
    ]
    assert [job.wait(LIMIT_S) for job in jobs] == [0, 0, 0]
    subprocess.run(command(raw, "out.ome.zarr", "--finish"), check=True, timeout=LIMIT_S)
    subprocess.run(command(raw, "once.ome.zarr"), check=True, timeout=LIMIT_S)
    np.testing.assert_array_equal(images(raw, "out.ome.zarr"), images(raw, "once.ome.zarr"))


def dask(*words):
    return subprocess.Popen([sys.executable, "-m", "dask", *words, "--no-dashboard"])


def test_a_cluster_that_loses_a_worker_makes_the_same(raw):
    subprocess.run(command(raw, "once.ome.zarr"), check=True, timeout=LIMIT_S)
    named = raw.with_name("scheduler.json")
    here = ("--scheduler-file", named)
    started = [dask("scheduler", *here, "--host", "127.0.0.1", "--port", "0")]
    try:
        wait_for(lambda: named.is_file() and named.stat().st_size, during=started[0])
        address = json.loads(named.read_text())["address"]
        for name in "ab":
            started.append(dask("worker", *here, "--name", name, "--nthreads", "1", "--no-nanny"))
        wait_for_workers(address, 2)
        with subprocess.Popen(command(raw, "out.ome.zarr", "--cluster", address)) as process:
            wait_for(lambda: planes(raw) > 0, during=process)
            started[1].kill()
            assert process.wait(LIMIT_S) == 0
    finally:
        for one in reversed(started):
            one.kill()
            one.wait()
    np.testing.assert_array_equal(images(raw, "out.ome.zarr"), images(raw, "once.ome.zarr"))


def wait_for_workers(address, number):
    """Wait for them in a process of its own, as Dask leaves threads behind."""
    code = (
        f"from distributed import Client; Client({address!r}).wait_for_workers({number}, {LIMIT_S})"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=LIMIT_S)


def test_without_a_scheduler_it_says_so(raw, monkeypatch):
    from livesim.commands.restore import cluster
    from livesim.commands.restore.request import RestoreRequest
    from livesim.io.settings_beside import settings_for

    monkeypatch.setattr(cluster, "CONNECT_S", 1)
    asked = RestoreRequest(raw, settings_for(raw, None, []), None, raw.with_name("o.zarr"))
    with pytest.raises(DataError, match=r"^tcp://127.0.0.1:9: expected a Dask scheduler, found"):
        cluster.restore_on_cluster(asked, "tcp://127.0.0.1:9")
