"""Track a pattern that drifts by one period in 1000 stacks: `python -m bench.quality.tracking`."""

from __future__ import annotations

import argparse
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from bench import IMAGES
from bench.report import Row, report
from livesim.config.settings import Settings
from livesim.engine.beside.proposals import Measure
from livesim.engine.beside.tracked import TrackedPipeline
from livesim.pipeline.build import pipeline_factory
from livesim.pipeline.calibration import calibrate
from livesim.pipeline.cores import TorchCores
from livesim.pipeline.pipeline import ReconstructionPipeline
from livesim.values.frames import RawStack
from livesim.values.illumination import ChangeKind
from livesim.values.pattern import Pattern
from tests.support.drifting import DriftingScene, phase_errors_deg, turned
from tests.support.scenes import PLAIN, Scene, simulate

PEAKS = (1000.0, 100.0, 20.0)
LIMIT_DEG = 5.0
COST_SIZES = (256, 512, 1024)
IMAGE = IMAGES / "tracking-drift.png"


@dataclass
class Run:
    """What one stream has shown, stack by stack."""

    peak: float
    true_deg: list[float] = field(default_factory=list)
    followed_deg: list[float] = field(default_factory=list)
    """Drift of angle 0 as tracking sees it."""
    errors_deg: list[list[float]] = field(default_factory=list)
    """For each angle, the worst frame of each stack."""
    stack_s: list[float] = field(default_factory=list)
    estimate_s: list[float] = field(default_factory=list)
    changes: Counter[str] = field(default_factory=Counter)
    health: dict[str, int] = field(default_factory=dict)

    @property
    def blocked(self) -> int:
        """Stacks that took as long as the shortest estimate: had they waited for one, they had."""
        shortest = min(self.estimate_s, default=math.inf)
        return sum(one >= shortest for one in self.stack_s)


def settings_of(scene: Scene) -> Settings:
    return Settings(optics=scene.optics, camera=scene.camera, pattern=scene.settings, steps=PLAIN)


def stream(peak: float, size: int, stacks: int, seed: int) -> Run:
    """Stream `stacks` stacks through the pipeline of the engine, its tracking on."""
    scene = simulate(seed, (size, size), peak)
    drifting, run = DriftingScene(scene, peak, seed), Run(peak)
    waiting: list[RawStack] = []
    factory = pipeline_factory(settings_of(scene), claim=TorchCores().use_one)
    pipeline: TrackedPipeline | None = None
    for number in range(stacks):
        turn = 2.0 * math.pi * number / stacks
        waiting.append(drifting.stack(number, turn))
        if pipeline is None:
            made = factory(waiting, number + 1 == stacks)
            assert made is None or isinstance(made, TrackedPipeline)
            pipeline = made
            if pipeline is not None:
                _time_estimates(pipeline, run)
        while pipeline is not None and waiting:
            one = waiting.pop(0)
            _reconstruct(pipeline, one, 2.0 * math.pi * one.index.time / stacks, scene, run)
    assert pipeline is not None
    pipeline.close()
    health = pipeline.health
    run.health = {"swaps": health.swaps, "alarms": health.alarms, "estimates": health.estimates}
    return run


def _time_estimates(pipeline: TrackedPipeline, run: Run) -> None:
    estimates = pipeline._background._estimates
    assert estimates is not None
    estimate = estimates._estimate

    def timed(stacks: Sequence[RawStack]) -> Pattern:
        start = time.perf_counter()
        try:
            return estimate(stacks)
        finally:
            run.estimate_s.append(time.perf_counter() - start)

    estimates._estimate = timed


def _reconstruct(
    pipeline: TrackedPipeline, stack: RawStack, turn: float, scene: Scene, run: Run
) -> None:
    start = time.perf_counter()
    pipeline(stack)
    run.stack_s.append(time.perf_counter() - start)
    run.changes.update(change.kind.value for change in pipeline.take_changes())
    errors = phase_errors_deg(pipeline.illumination, turned(scene.pattern, turn))
    run.errors_deg.append(errors)
    run.true_deg.append(math.degrees(turn))
    run.followed_deg.append(pipeline.health.angles[0].drift_deg)


def row(runs: list[Run]) -> Row:
    """Return what counts of streams at the same light; the phases are those used."""
    worst = np.concatenate([np.array(run.errors_deg).max(axis=1) for run in runs])
    return {
        "peak photons": runs[0].peak,
        "stacks": len(worst),
        "worst deg": float(worst.max()),
        "median deg": float(np.median(worst)),
        f"over {LIMIT_DEG:g} deg": int((worst > LIMIT_DEG).sum()),
        "changes": sum(run.health["swaps"] for run in runs),
        "alarms": sum(run.health["alarms"] for run in runs),
        "estimates": sum(run.health["estimates"] for run in runs),
        "swaps": sum(run.changes[ChangeKind.ESTIMATE.value] for run in runs),
        "blocked": sum(run.blocked for run in runs),
        "longest ms": 1000.0 * max(max(run.stack_s) for run in runs),
        "estimate ms": 1000.0 * min(min(run.estimate_s, default=math.inf) for run in runs),
    }


def cost(size: int, rounds: int) -> Row:
    """Return what the check costs, taken in turn with reconstructions that are not watched.

    The fastest of all rounds: what else the machine does only adds to a time.
    """
    scene = simulate(0, (size, size), 100.0)
    stack = DriftingScene(scene, 100.0).stack(0, 0.3)
    settings = settings_of(scene)
    pipeline = ReconstructionPipeline(settings, calibrate([stack], settings))
    turns = (0.1,) * 3
    plain: list[float] = []
    watched: list[float] = []
    checks: list[float] = []
    turning: list[float] = []
    for _ in range(rounds):
        plain.append(_clocked(lambda: pipeline(stack)))
        turning.append(_clocked(lambda: pipeline(stack, turns)))
        watched.append(
            _clocked(
                lambda: pipeline.begin(stack, lambda measure: _measured(measure, checks, turns))
            )
        )
    return {
        "field": f"{size} x {size}",
        "reconstruct ms": min(plain),
        "with turns ms": min(turning),
        "with turns and check ms": min(watched),
        "check ms": min(checks),
        "check / reconstruct": min(checks) / min(plain),
    }


def _measured(measure: Measure, checks: list[float], turns: tuple[float, ...]) -> tuple[float, ...]:
    checks.append(_clocked(measure))
    return turns


def _clocked(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return 1000.0 * (time.perf_counter() - start)


def draw(runs: list[Run], path: Path) -> None:
    """Draw the first streams: true and followed phase, and the error of the phases used."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 6.0), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
    above.plot(runs[0].true_deg, color="black", linewidth=3.0, alpha=0.3, label="true")
    for run in runs:
        label = f"{run.peak:g} photons"
        above.plot(run.followed_deg, linewidth=1.0, label=f"followed, {label}")
        below.plot(np.array(run.errors_deg).max(axis=1), linewidth=0.8, label=label)
    below.axhline(LIMIT_DEG, color="black", linewidth=0.8, linestyle="dashed")
    above.set_ylabel("phase of angle 0, degrees")
    below.set_ylabel("error of the worst frame, degrees")
    below.set_xlabel("raw stack")
    below.set_ylim(0.0, LIMIT_DEG + 1.0)
    above.legend(frameon=False)
    below.legend(frameon=False, ncols=len(runs), loc="upper right", bbox_to_anchor=(1.0, 0.83))
    figure.savefig(path, dpi=100)


def main() -> None:
    """Measure, print, write, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stacks", type=int, default=1000)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--seeds", type=int, default=3, help="streams at each light level")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--only", choices=("cost", "streams"), help="default: both")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.only != "streams":
        costs = [cost(size, options.rounds) for size in COST_SIZES]
        report(
            "tracking_cost",
            "Check of one 3 x 3 stack beside its reconstruction, in turn on 1 thread, fastest",
            costs,
            rounds=options.rounds,
        )
    if options.only != "cost":
        _streams(options)


def _streams(options: argparse.Namespace) -> None:
    runs = [
        [stream(peak, options.size, options.stacks, seed + 1) for seed in range(options.seeds)]
        for peak in PEAKS
    ]
    report(
        "tracking",
        f"Streams of {options.stacks} stacks, 3 x 3 x {options.size} x {options.size}, drift of "
        "one period: error of the phases used, worst frame of worst angle",
        [row(one) for one in runs],
        size=options.size,
        seeds=options.seeds,
    )
    draw([one[0] for one in runs], IMAGE)


if __name__ == "__main__":
    main()
