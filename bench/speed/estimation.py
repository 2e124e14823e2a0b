"""Time an older commit's estimate and ours in turn: `python -m bench.speed.estimation`."""

from __future__ import annotations

import argparse
import importlib
import io
import re
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch

from bench.report import Row, report
from livesim.reconstruction.estimate.estimation import estimate_pattern
from livesim.values.pattern import Pattern
from tests.support.scenes import simulate

BEFORE = "51776b6"
"""The last commit whose estimate went over all frames in every overlap."""
SIZES = (128, 256, 512)
PACKAGE = "livesim_before"

Estimate = Callable[..., Pattern]


def estimate_of(commit: str, folder: Path) -> Estimate:
    """Return `estimate_pattern` as it was at `commit`, unpacked into `folder` as another package.

    It gets today's settings and stacks, whose fields it knows.
    """
    command = ["git", "archive", commit, "livesim"]
    packed = subprocess.run(command, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    before = (folder / "livesim").rename(folder / PACKAGE)
    for file in before.rglob("*.py"):
        text = re.sub(r"(?m)^(\s*(?:from|import)) livesim\b", rf"\1 {PACKAGE}", file.read_text())
        file.write_text(text)
    sys.path.insert(0, str(folder))
    room = (
        "reconstruction.estimate"
        if (before / "reconstruction/estimate").is_dir()
        else "reconstruction"
    )
    module = importlib.import_module(f"{PACKAGE}.{room}.estimation")
    estimate: Estimate = module.estimate_pattern
    return estimate


def row(size: int, both: dict[str, Estimate], rounds: int) -> Row:
    """Return the CPU time and the time on the clock of both, medians over rounds in turn, in ms."""
    scene = simulate(0, (size, size))
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in both}
    for _ in range(rounds + 1):  # the first one warms up
        for name, estimate in both.items():
            start = time.process_time(), time.perf_counter()
            estimate(scene.counts, scene.optics, scene.settings, scene.camera, 80.0)
            spent[name].append((time.process_time() - start[0], time.perf_counter() - start[1]))
    line: Row = {"field": f"{size} x {size}"}
    for name, times in spent.items():
        line[f"{name}, CPU ms"], line[f"{name}, ms"] = (
            1000.0 * median(part) for part in zip(*times[1:], strict=True)
        )
    line["CPU, times less"] = line["before, CPU ms"] / line["now, CPU ms"]
    return line


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", default=BEFORE, help="commit to compare with")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        both = {"before": estimate_of(options.before, Path(folder)), "now": estimate_pattern}
        rows = [row(size, both, options.rounds) for size in SIZES]
    report(
        "estimation",
        f"Pattern of one 3 x 3 stack, in turn with {options.before}, {options.threads} thread(s)",
        rows,
        before=options.before,
        threads=options.threads,
    )


if __name__ == "__main__":
    main()
