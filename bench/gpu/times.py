"""How fast images come: one stack alone, several under way, and each section by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import torch

from bench.gpu.cases import PAIR, PLAIN, QUICK, UNIVERSAL, Machine
from bench.gpu.parts import Found, Parts
from livesim.config.settings import Steps
from livesim.engine.pending import Pending, in_order
from livesim.engine.seams import Reconstructed
from livesim.pipeline.graphs import ReplayedPath
from livesim.pipeline.lanes import Lanes
from livesim.pipeline.networks import load_networks
from livesim.pipeline.pipeline import ReconstructionPipeline
from livesim.pipeline.work import FramePath
from livesim.speed.scene import Scene, make_scene
from livesim.values.frames import RawStack
from livesim_models.precision import preferred_precision

SIDES = (512, 1024, 2048)
WAYS = {"plain": PLAIN, "quick": QUICK, "pair": PAIR, "universal": UNIVERSAL}
DEPTH = 3
"""Stacks under way at once."""
TURNS = (0.1, -0.2, 0.3)


def run(parts: Parts, machine: Machine) -> None:
    """Time every way at every size; small ones first, so that something is known early."""
    with machine.as_on_a_gpu():
        for side in (64,) if machine.rehearsal else SIDES:
            scene = make_scene(side)
            for name, steps in WAYS.items():
                for precision in ("float32", "auto"):
                    if name != "plain" or precision == "auto":
                        title = f"{side} x {side}, {name}, {precision}"
                        parts(title, partial(_timed, scene, steps, precision, machine))


def _timed(scene: Scene, steps: Steps, precision: str, machine: Machine) -> Found:
    path = ReplayedPath(machine.gpu())
    pipeline, prepare_s = prepared(scene, steps, precision, path)
    stacks = fresh(scene)
    rounds = 3 if machine.rehearsal else 60
    alone, sections = _alone(pipeline, stacks, rounds)
    return {
        "prepare_s": prepare_s,
        "latency_ms": alone,
        "per_s": _throughput(pipeline, stacks, rounds),
        "at_once": _at_once(scene, steps, machine, rounds) if precision == "auto" else None,
        "sections_ms": sections,
        "precision": preferred_precision(machine.device) if precision == "auto" else precision,
        "memory_gb": _memory_gb(machine),
        "note": path.note,
        "ok": not path.note,
    }


def prepared(
    scene: Scene, steps: Steps, precision: str, path: FramePath
) -> tuple[ReconstructionPipeline, float]:
    """Return a pipeline on a path, and the seconds until it can take a stack."""
    begin = time.perf_counter()
    own = steps.model_copy(update={"precision": precision})
    settings = scene.settings.model_copy(update={"steps": own})
    networks = load_networks(settings, path.device)
    pipeline = ReconstructionPipeline(settings, scene.pattern, None, networks, path)
    return pipeline, time.perf_counter() - begin


def fresh(scene: Scene) -> list[RawStack]:
    """Return unlike raw stacks: one that is shown again and again stays in the caches."""
    counts, random = scene.counts.numpy(), np.random.default_rng(0)
    return [
        RawStack(
            "gpu", scene.stack().index, random.permutation(counts.ravel()).reshape(counts.shape)
        )
        for _ in range(4)
    ]


def _begun(pipeline: ReconstructionPipeline, stack: RawStack) -> Pending[Reconstructed]:
    def turned(measure: Callable[[], object]) -> tuple[float, ...]:
        measure()
        return TURNS

    return pipeline.begin(stack, turned)


def _alone(
    pipeline: ReconstructionPipeline, stacks: list[RawStack], rounds: int
) -> tuple[Found, Found]:
    """Return percentiles of one stack at a time, and the medians of its sections."""
    took: list[float] = []
    sections: dict[str, list[float]] = {}
    for number in range(rounds + 3):
        begin = time.perf_counter()
        made = _begun(pipeline, stacks[number % len(stacks)]).take()
        if number >= 3:
            took.append(1e3 * (time.perf_counter() - begin))
            for name, one in made.steps_ms:
                sections.setdefault(name, []).append(one)
    found = {f"p{p}": float(np.percentile(took, p)) for p in (50, 95, 99)}
    return found, {name: float(np.median(one)) for name, one in sections.items()}


def _throughput(
    pipeline: ReconstructionPipeline, stacks: list[RawStack], rounds: int, beside: int = DEPTH
) -> float:
    """Return the images a second while several stacks are under way."""
    numbers = (number % len(stacks) for number in range(rounds + beside))
    works = (replace(_begun(pipeline, stacks[number]), beside=beside) for number in numbers)
    made = in_order(works)
    next(made)
    begin = time.perf_counter()
    return sum(1 for _ in made) / (time.perf_counter() - begin)


def _at_once(scene: Scene, steps: Steps, machine: Machine, rounds: int) -> Found:
    """Return how many raw stacks at once pay, and the images a second then."""
    path = Lanes(lambda: ReplayedPath(machine.gpu()))
    pipeline, prepare_s = prepared(scene, steps, "auto", path)
    per_s = _throughput(pipeline, fresh(scene), rounds, max(DEPTH, path.count))
    return {"lanes": path.count, "per_s": per_s, "prepare_s": prepare_s}


def _memory_gb(machine: Machine) -> float | None:
    if machine.rehearsal:
        return None
    free, total = torch.cuda.mem_get_info(machine.device)
    return (total - free) / 1e9
