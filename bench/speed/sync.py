"""Measure what it costs to bring raw stacks to the disk: `python -m bench.speed.sync [FOLDER]`.

Raw stacks are written one after the other as fast as the recorder takes them, in each way of
`[recording] sync`, into a folder on the disk that is asked about; the first ones are left out. The
images are those of a field whose noise nothing can compress, so no disk sees less.
"""

from __future__ import annotations

import argparse
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp
from typing import get_args

import numpy as np

from bench.report import Row, report
from livesim.config.settings import Settings, Sync
from livesim.io.recipe import Recipe
from livesim.io.write.output_layout import RawLayout
from livesim.io.write.recorder import RawRecorder
from livesim.values.frames import RawStack, StackIndex

SETTINGS = Settings.model_validate({"optics": {"numerical_aperture": 1.4, "emission_nm": 520.0}})
SIDES = (256, 512, 1024)
WARM_UP = 8


def measure(folder: Path, sync: Sync, side: int, stacks: int) -> Row:
    """Write raw stacks of `side` x `side` pixels; return what each took, and the end."""
    layout = RawLayout(angles=3, phases=3, y=side, x=side, pixel_nm=65.0)
    pixels = np.random.default_rng(side).integers(0, 1 << 16, layout.shape, np.uint16)
    stack = RawStack("bench", StackIndex(), pixels, 5.0)
    recorder = RawRecorder(folder / "raw.zarr", layout, Recipe(settings=SETTINGS), sync=sync)
    took = []
    os.sync()  # or the system writes what the last one has left
    for number in range(stacks + WARM_UP):
        begin = time.perf_counter()
        recorder.write(replace(stack, index=StackIndex(time=number)))
        took.append(1000.0 * (time.perf_counter() - begin))
    begin = time.perf_counter()
    recorder.close()
    end_s = time.perf_counter() - begin
    took = took[WARM_UP:]
    return {
        "pixels": f"{side} x {side}",
        "sync": sync,
        "p50 ms": float(np.percentile(took, 50)),
        "p95 ms": float(np.percentile(took, 95)),
        "max ms": max(took),
        "stacks per s": 1000.0 * len(took) / sum(took),
        "end s": end_s,
        "MB": (stacks + WARM_UP) * pixels.nbytes / 1e6,
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path.cwd())
    parser.add_argument("--stacks", type=int, default=100)
    options = parser.parse_args()
    rows: list[Row] = []
    for side in SIDES:
        for sync in get_args(Sync):
            folder = Path(mkdtemp(dir=options.folder))
            try:
                rows.append(measure(folder, sync, side, options.stacks))
            finally:
                shutil.rmtree(folder)
    title = f"{options.stacks} raw stacks, written one after the other"
    report("sync", title, rows, stacks=options.stacks)


if __name__ == "__main__":
    main()
