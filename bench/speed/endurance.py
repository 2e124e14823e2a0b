"""Watch memory and pace over a long stream: `python -m bench.speed.endurance [--frames 100000]`.

One engine process takes the frames of a small field as fast as it can; meanwhile its resident
memory and the results so far are read. Slopes are fitted over the second half of the run.
"""

from __future__ import annotations

import argparse
import threading
import time
from dataclasses import dataclass

import numpy as np

from bench.report import Row, report
from livesim.config.settings import Steps
from livesim.processes.engine import EngineProcess
from livesim.speed.live import memory_mb
from livesim.speed.scene import Scene, make_scene
from livesim.speed.source import send
from livesim.values.errors import DataError
from livesim.wire.control_client import ControlClient

EVERY_S = 1.0
SHOWN = 12
FEWEST = 5  # samples that a slope is fitted to


@dataclass(frozen=True, slots=True)
class Sample:
    """The engine at one moment of the stream."""

    seconds: float
    results: int
    memory_mb: float


def watch(scene: Scene, frames: int) -> list[Sample]:
    """Stream `frames` raw frames through an engine; return how it was meanwhile."""
    stacks = frames // scene.settings.pattern.stack_frames
    samples: list[Sample] = []
    with EngineProcess("--lossless") as engine:
        control = engine.control()
        sending = threading.Thread(
            target=send, args=(scene.counts.numpy(), scene.settings, control, stacks, None)
        )
        begin = time.monotonic()
        sending.start()
        with ControlClient(control) as client:
            while sending.is_alive():
                sending.join(EVERY_S)
                done = {one.name: one.done for one in client.status().stages}["publish"]
                memory = memory_mb(engine.pid)
                if memory is None:
                    raise DataError("expected a system that states a process' memory, found none")
                samples.append(Sample(time.monotonic() - begin, done, memory))
    return samples


def slopes(samples: list[Sample]) -> dict[str, float]:
    """Return how memory and time grow with the frames over the second half of the run."""
    late = samples[len(samples) // 2 :]
    if len(late) < FEWEST:
        raise DataError(
            f"expected a run of at least {2 * FEWEST * EVERY_S:.0f} s, found {len(samples)} samples"
        )
    results = np.array([one.results for one in late], dtype=float)
    memory = np.polyfit(results, [one.memory_mb for one in late], 1)
    seconds = np.array([one.seconds for one in late])
    line = np.polyfit(results, seconds, 1)
    bent = np.polyfit(results, seconds, 2)
    return {
        "memory_kb_per_1000_results": float(memory[0] * 1024.0 * 1000.0),
        "ms_per_result": float(line[0] * 1000.0),
        "ms_per_result_gained_over_this_half": float(2000.0 * bent[0] * (results[-1] - results[0])),
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--size", type=int, default=64)
    options = parser.parse_args()
    scene = make_scene(options.size, Steps(one="none", two="none"))
    samples = watch(scene, options.frames)
    shown = samples[:: max(len(samples) // SHOWN, 1)]
    rows: list[Row] = [
        {"seconds": one.seconds, "results": one.results, "memory MB": one.memory_mb}
        for one in shown
    ]
    found = slopes(samples)
    title = f"{options.frames} raw frames of {options.size} x {options.size} through one engine"
    report("endurance", title, rows, frames=options.frames, size=options.size, **found)
    print(found)


if __name__ == "__main__":
    main()
