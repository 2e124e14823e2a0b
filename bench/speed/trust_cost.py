"""Time what arbitration costs a frame and a review: `python -m bench.speed.trust_cost`."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch

from bench.report import Row, report
from livesim.config.settings import Settings
from livesim.pipeline.calibration import with_levels
from livesim.pipeline.pipeline import ReconstructionPipeline
from livesim.pipeline.work import ARBITRATION
from livesim.values.frames import RawStack, StackIndex
from tests.support.scenes import simulate

SIDES = (256, 512)
PHOTONS = 30.0
REPEATS = 2
FRAMES = 9


def core_s(work: Callable[[], object]) -> float:
    """Return the least processor time that a piece of work took, s."""
    found = []
    for _ in range(REPEATS):
        begin = time.process_time()
        work()
        found.append(time.process_time() - begin)
    return min(found)


def measure(side: int) -> Row:
    """Return how long result and review of one raw stack take."""
    scene = simulate(4, (side, side), peak=PHOTONS)
    settings = Settings(optics=scene.optics, camera=scene.camera, pattern=scene.settings)
    stack = RawStack(stream="s", index=StackIndex(), pixels=scene.counts[0].numpy())
    pipeline = ReconstructionPipeline(settings, with_levels(scene.pattern, [stack], settings))
    review = pipeline.reconstruct(stack).review
    assert review is not None
    made, looked = core_s(lambda: pipeline(stack)), core_s(lambda: review(lambda done: None))
    weighed = float(np.median([_arbitration(pipeline, stack) for _ in range(FRAMES)]))
    return {
        "raw frames": f"{side}²",
        "result s": made,
        "review s": looked,
        "share": looked / made,
        "arbitration %": 100.0 * weighed,
    }


def _arbitration(pipeline: ReconstructionPipeline, stack: RawStack) -> float:
    """Return which share of one frame's time the arbitration takes."""
    steps = dict(pipeline.reconstruct(stack).steps_ms)
    return steps[ARBITRATION] / sum(steps.values())


def main() -> None:
    """Measure, print, write."""
    torch.set_num_threads(1)
    report("trust_cost", "Time of one core", [measure(side) for side in SIDES])


if __name__ == "__main__":
    main()
