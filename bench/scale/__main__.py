"""Restore one recording by several processes, and kill them meanwhile: `python -m bench.scale`.

    python -m bench.scale --megabytes 2000 --workers 2 --kills 20 --drivers 5 --parts 4

Every process has one thread. A raw recording of so many megabytes is simulated, 256 x 256 pixels,
and restored without networks: by one worker; by several; by several that are killed one after the
other, their driver too, and the same command again; and by parts in processes that know nothing of
each other, one of which is killed and missing when the result is first to be finished. The images
of all have to be those of the first.
"""

from __future__ import annotations

import argparse
import random
import re
import tempfile
import time
from pathlib import Path

from bench.report import Row, report
from bench.scale.processes import EVERY_S, ended, killed, started, timed, workers_of
from bench.scale.recording import STACK_BYTES, differing, write_recording

SEED = 11
PAUSE_S = (2.0, 8.0)
"""From one kill to the next, at random."""
SHARES = (0.1, 0.25, 0.5, 0.75, 1.0)
"""Of a run, at which its memory is told."""
PLANNED_GB = 200
PLANNED_WORKERS = (1, 2, 16, 64)


def main() -> None:
    """Measure, and keep what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kills", type=int, default=20, help="of workers")
    parser.add_argument("--drivers", type=int, default=5, help="kills of the driver")
    parser.add_argument("--parts", type=int, default=4)
    parser.add_argument("--folder", type=Path, help="with room for five times as much")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        raw = Path(folder) / "raw.zarr"
        stacks = write_recording(raw, asked.megabytes)
        print(f"{stacks} raw stacks", flush=True)
        measured(raw, stacks, asked)


def measured(raw: Path, stacks: int, asked: argparse.Namespace) -> None:
    """Restore in every way, compare, and report."""
    few = raw.with_name("few.zarr")
    count = write_recording(few, 0)
    start = timed(few, raw.with_name("few.ome.zarr"), 1).seconds
    first = raw.with_name("one.ome.zarr")
    alone = timed(raw, first, 1)
    rows: list[Row] = [_row("1 worker", alone.seconds, 0, alone.cpu_s)]
    out = raw.with_name("several.ome.zarr")
    several = timed(raw, out, asked.workers)
    each_s = (alone.seconds - start) / (stacks - count)
    words = f"{asked.workers} workers"
    rows.append(_row(words, several.seconds, differing(first, out), several.cpu_s))
    share = alone.seconds / several.seconds / asked.workers
    rows[-1]["efficiency %"] = 100 * share
    began, out = time.monotonic(), raw.with_name("killed.ome.zarr")
    workers, drivers = attacked(raw, out, asked)
    words += f", {workers} kills of them, {drivers} of the driver"
    rows.append(_row(words, time.monotonic() - began, differing(first, out)))
    began, out = time.monotonic(), raw.with_name("parts.ome.zarr")
    missing, finish_s = in_parts(raw, out, asked.parts)
    words = f"{asked.parts} parts at once, one of them killed and done again"
    rows.append(_row(words, time.monotonic() - began, differing(first, out)))
    report(
        "scale",
        "One recording, several processes",
        rows,
        recording=[
            {
                "raw MB": stacks * STACK_BYTES / 1e6,
                "raw stacks": stacks,
                "each, ms": 1000 * each_s,
                "start, s": start,
            }
        ],
        memory=[
            {"s": second, "driver MB": driver, "largest worker MB": worker}
            for second, driver, worker in map(several.memory.at, SHARES)
        ],
        missing=[{"said": missing, "finish s": finish_s}],
        planned=[_planned(start, each_s, n, share) for n in PLANNED_WORKERS],
    )


def _row(method: str, seconds: float, differ: int, cpu_s: float | None = None) -> Row:
    """Return a row of the result."""
    row: Row = {"method": method, "s": seconds, "s of a core": cpu_s, "efficiency %": None}
    row["lost or different"] = differ
    print(row, flush=True)
    return row


def _planned(start_s: float, each_s: float, workers: int, share: float) -> Row:
    """Return by arithmetic how long a recording of `PLANNED_GB` takes, each stack as measured."""
    stacks = PLANNED_GB * 1e9 / STACK_BYTES
    efficiency = 1.0 if workers == 1 else share
    hours = (start_s + stacks * each_s / workers / efficiency) / 3600
    return {"workers": workers, "raw stacks": round(stacks), "hours": hours}


def attacked(raw: Path, out: Path, asked: argparse.Namespace) -> tuple[int, int]:
    """Restore while workers and drivers are killed at random moments; return how many were.

    After every so many kills of workers comes one of the driver, and then the same command again.
    """
    chance, workers, drivers = random.Random(SEED), 0, 0
    while True:
        process = started(raw, out, "--workers", str(asked.workers))
        before, share = workers, asked.kills // (asked.drivers + 1)
        while process.poll() is None:
            time.sleep(chance.uniform(*PAUSE_S))
            alive = workers_of(process.pid)
            more = drivers == asked.drivers or workers < before + share
            if alive and more and workers < asked.kills:
                workers += killed(chance.choice(alive))
            elif alive and not more:
                drivers += killed(process.pid)
                break
        _, said = process.communicate()
        if process.returncode == 0:
            return workers, drivers
        print(f"{workers} workers, {drivers} drivers killed: {said[-200:]!r}", flush=True)


def in_parts(raw: Path, out: Path, parts: int) -> tuple[str, float]:
    """Restore all parts at once, but one is killed; return what was said of it, and finish.

    The time is that of the command that finished at last.
    """
    names = [f"{number}/{parts}" for number in range(1, parts + 1)]
    processes = [started(raw, out, "--part", name) for name in names]
    begun = f"{out.name}.parts/result.ome.zarr/0/c/*"
    while len(list(out.parent.glob(begun))) < parts and any(p.poll() is None for p in processes):
        time.sleep(EVERY_S)
    processes[-1].kill()
    for process, name in zip(processes, names, strict=True):
        process.communicate()
        print(f"part {name}: {process.returncode}", flush=True)
    said = ended(started(raw, out, "--finish"), well=False)
    words = re.sub(r"\s+", " ", said).strip().replace(str(out.parent) + "/", "")
    ended(started(raw, out, "--part", names[-1]))
    began = time.monotonic()
    ended(started(raw, out, "--finish"))
    return words, time.monotonic() - began


if __name__ == "__main__":
    main()
