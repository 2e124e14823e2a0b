"""Measure live rates at 9, 6 and 3 frames a raw stack: `python -m bench.speed.few_frames_live`.

Source, engine and listener are processes of their own, as in `livesim bench`; the pattern is known.
Every frame takes as long as any other, so a camera's raw stacks of 6 and of 3 frames come 1.5 and 3
times as often.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import torch

from bench.quality.few_frames import KEPT
from bench.report import Row, report
from livesim.config.settings import Steps
from livesim.pipeline.calibration import calibrate
from livesim.reconstruction.few_frames import of_frames
from livesim.reconstruction.plan import make_plan
from livesim.reconstruction.reconstructor import Reconstructor
from livesim.speed.live import run_live
from livesim.speed.scene import Scene, make_scene

IMAGES = 5
WITHOUT = Steps(one="none", two="none")


def calibrated(size: int) -> Scene:
    """Return a scene whose noise is known: it says how many steps an image of few frames takes."""
    whole = make_scene(size, WITHOUT)
    return replace(whole, pattern=calibrate([whole.stack()], whole.settings))


def kept(whole: Scene, frames: tuple[int, ...]) -> Scene:
    """Return a scene whose raw stacks hold some frames alone."""
    angles = whole.counts.shape[0]
    phases = len(frames) // angles
    pattern = whole.settings.pattern.model_copy(update={"phases": phases})
    counts = whole.counts.flatten(0, 1)[list(frames)].unflatten(0, (angles, phases))
    settings = whole.settings.model_copy(update={"pattern": pattern})
    return replace(
        whole, settings=settings, pattern=of_frames(whole.pattern, frames), counts=counts
    )


def one_thread_ms(own: Scene) -> float:
    """Return the processor time of one image, whatever else the machine does."""
    settings = own.settings
    plan = make_plan(own.pattern, own.otf, settings.camera, settings.reconstruction)
    reconstruct, stacks = Reconstructor(plan), own.counts[None].float()
    reconstruct(stacks)
    start = time.process_time()
    for _ in range(IMAGES):
        reconstruct(stacks)
    return 1000.0 * (time.process_time() - start) / IMAGES


def measured(whole: Scene, frames: tuple[int, ...], stacks: int) -> Row:
    """Return what the processes manage at a number of frames."""
    own = kept(whole, frames)
    live = run_live(own, "plain", stacks)
    per_s = live.results_per_s
    return {
        "frames": len(frames),
        "pixels": live.size,
        "raw stacks/s": per_s,
        "frames/s": per_s * len(frames),
        "one thread, ms": one_thread_ms(own),
        "p50 ms": live.latency.p50_ms,
        "p95 ms": live.latency.p95_ms,
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[128, 256])
    parser.add_argument("--stacks", type=int, default=60)
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = [
        measured(whole, frames, options.stacks)
        for whole in map(calibrated, options.sizes)
        for frames in KEPT.values()
    ]
    report("few_frames_live", "Live with fewer frames", rows, stacks=options.stacks)


if __name__ == "__main__":
    main()
