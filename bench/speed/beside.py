"""Measure what networks at work cost the plain path beside them: `python -m bench.speed.beside`.

One process, as the engine's: one thread makes the plain image of a raw stack every 100 ms, another
runs the networks without a pause: with the priority and the cores that the engine gives them, and
with others. Said of the plain image: the time from when its stack is due; of the networks: stacks a
second.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch

from bench.report import Row, report
from bench.speed.latency import raw_stacks
from bench.speed.plain_first import SETTINGS
from livesim.engine.beside.worker import step_back
from livesim.pipeline.calibration import calibrate
from livesim.pipeline.cores import TorchCores
from livesim.pipeline.paths import path_for
from livesim.pipeline.pipeline import ReconstructionPipeline
from livesim.values.frames import RawStack, StackIndex

SIDES = (256, 512)
SECONDS = 8.0
EVERY_S = 0.1
CPU = torch.device("cpu")
Prepare = Callable[[TorchCores], None]


def as_the_engine(cores: TorchCores) -> None:
    """Low priority, all cores."""
    step_back()
    cores.use_all()


def on_one_core(cores: TorchCores) -> None:
    """Low priority, one core: the sums come out differently in bfloat16."""
    step_back()
    cores.use_one()


WAYS: dict[str, Prepare | None] = {
    "no networks": None,
    "low priority, all cores": as_the_engine,
    "same priority, all cores": TorchCores.use_all,
    "low priority, one core": on_one_core,
    "same priority, one core": TorchCores.use_one,
}


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cores", type=int, default=torch.get_num_threads())
    parser.add_argument("--sides", type=int, nargs="+", default=list(SIDES))
    parser.add_argument("--seconds", type=float, default=SECONDS)
    asked = parser.parse_args()
    cores = TorchCores(asked.cores)
    cores.use_all()
    rows = [row for side in asked.sides for row in measure(side, asked.seconds, cores)]
    title = f"A plain image every {1000 * EVERY_S:.0f} ms beside the networks"
    report("beside", title, rows, threads=asked.cores, seconds=asked.seconds)


def measure(side: int, seconds: float, cores: TorchCores) -> Iterator[Row]:
    """Yield a row for each way."""
    counts = raw_stacks(side)
    stacks = [RawStack("s", StackIndex(time=n), one) for n, one in enumerate(counts)]
    pattern = calibrate(stacks, SETTINGS)
    pipeline = ReconstructionPipeline(
        SETTINGS, pattern, path=path_for(CPU), plain_path=path_for(CPU)
    )
    for way, prepare in WAYS.items():
        with networks(pipeline, stacks[0], prepare, cores) as done:
            begin, first = time.monotonic(), len(done)
            took = plain_ms(pipeline, stacks, seconds)
            per_s = (len(done) - first) / (time.monotonic() - begin)
        yield {
            "method": f"{side}², {way}",
            "plain ms": float(np.median(took)),
            "95 % ms": float(np.percentile(took, 95)),
            "worst ms": float(np.max(took)),
            "networks /s": per_s,
        }


def plain_ms(
    pipeline: ReconstructionPipeline, stacks: list[RawStack], seconds: float
) -> list[float]:
    """Make plain images for so long; return how late each was after its stack was due."""
    took: list[float] = []
    begin = time.monotonic()
    for number in range(round(seconds / EVERY_S)):
        due = begin + number * EVERY_S
        time.sleep(max(0.0, due - time.monotonic()))
        pipeline.begin_plain(stacks[number % len(stacks)], lambda _: ()).take()
        took.append(1000.0 * (time.monotonic() - due))
    return took


@contextmanager
def networks(
    pipeline: ReconstructionPipeline, stack: RawStack, prepare: Prepare | None, cores: TorchCores
) -> Iterator[list[float]]:
    """Run the networks in a thread of their own, without a pause; yield when each was done."""
    done: list[float] = []
    over, warm = threading.Event(), threading.Event()
    later = pipeline.begin_plain(stack, lambda _: ()).take().later
    assert later is not None

    def work() -> None:
        if prepare is None:
            warm.set()
            return
        prepare(cores)
        while not over.is_set():
            later.run()
            done.append(time.monotonic())
            warm.set()

    thread = threading.Thread(target=work)
    thread.start()
    warm.wait()
    try:
        yield done
    finally:
        over.set()
        thread.join()


if __name__ == "__main__":
    main()
