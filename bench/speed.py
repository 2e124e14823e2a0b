"""Time one 3 x 3 stack of 512 x 512 to 1024 x 1024: `python -m bench.speed [--peer-python P]`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from contextlib import nullcontext
from statistics import median

import torch

from bench.peer import Peer
from bench.report import Row, report
from bench.textbook_order import TextbookOrder
from livesim.config import Reconstruction
from livesim.reconstruction.estimation import estimate_pattern
from livesim.reconstruction.plan import make_plan
from livesim.reconstruction.reconstructor import Reconstructor
from tests.scenes import Scene, simulate

LIVESIM, TEXTBOOK = "livesim", "textbook order, torch"
Task = Callable[[], float]


def clocked(work: Callable[[], object]) -> Task:
    """Return a task that does `work` and tells the milliseconds it took."""

    def task() -> float:
        start = time.perf_counter()
        work()
        return 1000.0 * (time.perf_counter() - start)

    return task


def in_turn(tasks: dict[str, Task], rounds: int) -> dict[str, list[float]]:
    """Run every task once a round, so that all see the same machine; the first does not count."""
    times: dict[str, list[float]] = {name: [] for name in tasks}
    for number in range(rounds + 1):
        for name, task in tasks.items():
            elapsed = task()
            if number:
                times[name].append(elapsed)
    return times


def rows(job: str, times: dict[str, list[float]]) -> list[Row]:
    """Return a row per method; the ratio is that of the medians to livesim's."""
    ours = median(times[LIVESIM])
    return [
        {
            "method": f"{job}: {name}",
            "median ms": median(values),
            "least ms": min(values),
            "ratio": median(values) / ours,
        }
        for name, values in times.items()
    ]


def reconstruction_tasks(scene: Scene, peer: Peer | None) -> dict[str, Task]:
    """Reconstruct with known parameters."""
    settings = Reconstruction(wiener=0.05)
    ours = Reconstructor(make_plan(scene.pattern, scene.otf, scene.camera, settings))
    textbook = TextbookOrder(scene.pattern, scene.otf, scene.camera, 0.05)
    tasks = {
        LIVESIM: clocked(lambda: ours(scene.counts)),
        TEXTBOOK: clocked(lambda: textbook(scene.counts[0])),
    }
    if peer is not None:
        stack = scene.counts[0].flatten(0, 1).numpy()
        peer.calibrate(stack, "numpy")
        for variant in peer.variants():
            tasks[f"napari-sim-processor, {variant}"] = _peer_task(peer, variant)
    return tasks


def _peer_task(peer: Peer, variant: str) -> Task:
    return lambda: peer.reconstruct(variant)


def estimation_tasks(scene: Scene, peer: Peer | None) -> dict[str, Task]:
    """Estimate the pattern of one stack with no prior, and prepare the reconstruction."""

    def ours() -> None:
        pattern = estimate_pattern(scene.counts, scene.optics, scene.settings, scene.camera, 80.0)
        make_plan(pattern, scene.otf, scene.camera, Reconstruction())

    tasks = {LIVESIM: clocked(ours)}
    if peer is not None:
        stack = scene.counts[0].flatten(0, 1).numpy() - scene.camera.offset
        for variant in peer.variants():
            if variant != "opencv":
                tasks[f"napari-sim-processor, {variant}"] = _calibration(peer, stack, variant)
    return tasks


def _calibration(peer: Peer, stack: object, variant: str) -> Task:
    return lambda: peer.calibrate(stack, variant)  # type: ignore[arg-type]


def agreement(scene: Scene) -> float:
    """Return the relative difference between livesim and the textbook order inside the border."""
    settings = Reconstruction(wiener=0.05)
    ours = Reconstructor(make_plan(scene.pattern, scene.otf, scene.camera, settings))
    found = ours(scene.counts).image[0, 64:-64, 64:-64]
    textbook = TextbookOrder(scene.pattern, scene.otf, scene.camera, 0.05)
    expected = textbook(scene.counts[0])[64:-64, 64:-64]
    return float((found - expected).norm() / expected.norm())


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer-python", help="a Python that has napari-sim-processor")
    parser.add_argument("--rounds", type=int, default=25)
    options = parser.parse_args()
    torch.set_num_threads(2)
    scene = simulate(0, (512, 512))
    peer = Peer(options.peer_python, scene.optics) if options.peer_python else None
    with peer or nullcontext():
        table = rows(
            "estimate", in_turn(estimation_tasks(scene, peer), max(options.rounds // 4, 3))
        )
        table += rows("reconstruct", in_turn(reconstruction_tasks(scene, peer), options.rounds))
    report(
        "speed",
        "One stack, 3 x 3 x 512 x 512 to 1024 x 1024, in turn on 2 threads",
        table,
        difference_to_textbook_order=agreement(scene),
        rounds=options.rounds,
    )


if __name__ == "__main__":
    main()
