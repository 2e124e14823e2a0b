"""Time one recording restored by one worker and by several, and kill some meanwhile.

    python -m bench.speed.workers --megabytes 256 --workers 2 --kills 20 --drivers 5

Every worker has one thread. A raw recording of so many megabytes is simulated, 256 x 256 pixels,
and restored without networks: by one worker, by several, and by several of which one after the
other is killed, their driver too. The images of all three have to be equal.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import zarr

from bench.report import report
from tests.support.scenes import settings_text, simulate

SIDE = 256
SEED = 11


def main() -> None:
    """Measure, and keep what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=256)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--drivers", type=int, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        raw = recording(Path(folder), asked.megabytes)
        one = timed(raw, "one.ome.zarr", 1)
        several = timed(raw, "several.ome.zarr", asked.workers)
        killed = attacked(raw, asked.workers, asked.kills, asked.drivers)
        first = images(raw, "one.ome.zarr")
        stacks = first.shape[0]
        others = [images(raw, f"{name}.ome.zarr") for name in ("several", "killed")]
        differing = sum(
            not np.array_equal(first[n], other[n]) for other in others for n in range(stacks)
        )
        row = {
            "raw MB": raw.stat().st_size / 1e6,
            "raw stacks": stacks,
            "workers": asked.workers,
            "one worker s": one["s"],
            "several s": several["s"],
            "efficiency %": 100 * one["s"] / several["s"] / asked.workers,
            "peak MB of a worker": max(one["peak MB"], several["peak MB"]),
            "workers killed": killed["workers"],
            "drivers killed": killed["drivers"],
            "images lost or different": differing,
        }
    report("workers", "One recording, several processes", [row])


def recording(folder: Path, megabytes: int) -> Path:
    """Write raw stacks of changing light, and their settings."""
    scene = simulate(SEED, (SIDE, SIDE), peak=1000.0, times=4)
    stacks = scene.counts.numpy().astype(np.uint16).reshape(4, 9, SIDE, SIDE)
    count = max(asked_stacks(megabytes, stacks[0].nbytes), 4)
    raw = folder / "raw.tif"
    with tifffile.TiffWriter(raw, bigtiff=True) as file:
        for number in range(count):
            for frame in stacks[number % 4] - np.uint16(number % 7):
                file.write(frame, contiguous=True)
    raw.with_suffix(".toml").write_text(settings_text(networks=False))
    return raw


def asked_stacks(megabytes: int, stack_bytes: int) -> int:
    """Return how many raw stacks so many megabytes are."""
    return int(megabytes * 1e6) // stack_bytes


def started(raw: Path, out: str, workers: int) -> subprocess.Popen[bytes]:
    """Start the command, with one thread a worker."""
    livesim = [sys.executable, "-m", "livesim", "restore", raw, "--out", raw.with_name(out)]
    threads = {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [*livesim, "--workers", str(workers)],
        env=os.environ | threads,
        stderr=subprocess.DEVNULL,
    )


def timed(raw: Path, out: str, workers: int) -> dict[str, float]:
    """Return the seconds of the whole command, and the most memory that a worker had."""
    began, peak = time.monotonic(), 0.0
    with started(raw, out, workers) as process:
        while process.poll() is None:
            peak = max([peak, *map(resident_mb, workers_of(process.pid))])
            time.sleep(0.2)
    if process.returncode:
        raise SystemExit(f"expected status 0, found {process.returncode}")
    return {"s": time.monotonic() - began, "peak MB": peak}


def attacked(raw: Path, workers: int, kills: int, drivers: int) -> dict[str, int]:
    """Restore while workers and drivers are killed at random moments; return how many were."""
    chance, left, ended, restarts = random.Random(SEED), kills, False, 0
    while not ended:
        with started(raw, "killed.ome.zarr", workers) as process:
            share = left // (drivers - restarts) if restarts < drivers else left
            before = left
            while process.poll() is None:
                time.sleep(chance.uniform(0.5, 2.0))
                alive = workers_of(process.pid)
                if left > before - share and alive and killed(chance.choice(alive)):
                    left -= 1
                elif left == before - share and restarts < drivers and killed(process.pid):
                    restarts += 1
                    break
        ended = process.returncode == 0
    return {"workers": kills - left, "drivers": restarts}


def killed(pid: int) -> bool:
    """Kill a process; False where it has ended."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def workers_of(pid: int) -> list[int]:
    """Return the ids of the processes that restore for a driver."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(one) for one in children if b"spawn_main" in command_of(one)]
    except OSError:
        return []


def command_of(pid: str) -> bytes:
    """Return the command of a process."""
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def resident_mb(pid: int) -> float:
    """Return the memory of a process; 0 where it has ended."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def images(raw: Path, out: str) -> Any:
    """Return the images of a result."""
    return zarr.open_group(raw.with_name(out), mode="r")["0"]


if __name__ == "__main__":
    main()
