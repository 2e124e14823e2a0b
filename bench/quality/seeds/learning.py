"""Measure what few and mixed recordings teach: `python -m bench.quality.seeds.learning`.

A small network for every layout learns from simulated recordings whose objects are known, in the
light of few photons, and is judged on fields of other seeds.

- *Few recordings*: 1 to 8 of a kind that no training saw, from the shipped weights and from
  nothing, as the report proposes: pre-train on drawn data, then fine-tune.
- *Mixed*: from nothing, on one structure or on two, as the report's figures 5 to 9.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
import torch

from bench.quality.networks import READ_NOISE
from bench.quality.networks_unseen import field
from bench.report import Row, report
from livesim.reconstruction.otf import Otf
from livesim_models.checkpoint import read_model
from livesim_models.data.sample import simulated_sample
from livesim_models.data.varied.example import Example, collated, example_of
from livesim_models.registry import build
from livesim_models.shipped import QUICK, model_file
from livesim_models.steps import Hybrid
from livesim_models.training.varied import Learner

PHOTONS, SIZE = 20.0, 96
COUNTS = (1, 2, 4, 8)
UNSEEN = ("grass", "line_pairs")
STRUCTURES = ("filaments", "network")
TESTED = 6
"""Fields of a kind."""
EXPOSURES = 16
"""Of all recordings together, each with noise of its own."""
TRAINING_SEED, TEST_SEED = 91, 57
FINE_RATE, FIRST_RATE = 3e-4, 1e-3
BATCH, AVERAGING = 2, 0.98


def example(kind: str, number: int, seed: int, exposure: int = 0) -> Example:
    """Return one exposure of a field of a kind."""
    own = field(kind, number, SIZE, seed)
    generator = torch.Generator().manual_seed(1000 * number + exposure)
    sample = simulated_sample(own, PHOTONS, READ_NOISE, generator)
    otf = Otf.theoretical(own.optics)
    return example_of(sample.low, sample.pattern, otf, READ_NOISE, sample.target)


def exposures(kind: str, recordings: int, count: int = EXPOSURES) -> list[Example]:
    """Return `count` exposures of so many recordings."""
    return [example(kind, n % recordings, TRAINING_SEED, n // recordings) for n in range(count)]


def tests(kind: str) -> list[Example]:
    """Return fields of a kind that no training here sees."""
    return [example(kind, number, TEST_SEED) for number in range(TESTED)]


def learned(examples: Sequence[Example], steps: int, *, shipped: bool) -> Learner[Hybrid]:
    """Return a network that has learned from examples, each turned in all ways."""
    torch.manual_seed(1)
    shipped_network = read_model(model_file(QUICK, "two")).network
    architecture = shipped_network.architecture
    network = shipped_network.requires_grad_(True) if shipped else build(architecture)
    learner = Learner.of(Hybrid, network, build(architecture), FIRST_RATE)
    random, rate = np.random.default_rng(1), FINE_RATE if shipped else FIRST_RATE
    for step in range(steps):
        chosen = random.choice(len(examples), BATCH)
        batch = collated([examples[n] for n in chosen]).turned(int(random.integers(8)))
        learner.step(batch, rate * (1.0 - step / steps), AVERAGING, step)
    return learner


@torch.no_grad()
def gain(learner: Learner[Hybrid], examples: Sequence[Example]) -> float:
    """Return by how many dB the restored images are nearer to the object, in the mean."""
    batches = (collated([one]) for one in examples)
    return float(np.mean([float(b.decibels(b.restored(learner.averaged))) for b in batches]))


def few(kind: str, steps: int) -> list[Row]:
    """Return what 0 to 8 recordings of a kind give."""
    held_out = tests(kind)
    shipped = learned(exposures(kind, 1, 1), 0, shipped=True)
    rows: list[Row] = [{"objects": kind, "recordings": 0, "fine-tuned": gain(shipped, held_out)}]
    for count in COUNTS:
        own = exposures(kind, count)
        row: Row = {"objects": kind, "recordings": count}
        for name, start in (("fine-tuned", True), ("from nothing", False)):
            row[name] = gain(learned(own, steps, shipped=start), held_out)
        rows.append(row)
        print(row, flush=True)
    return rows


def mixed(steps: int) -> list[Row]:
    """Return what networks gain that were trained on one structure, or on both."""
    held_out = {kind: tests(kind) for kind in STRUCTURES}
    pools = {kind: exposures(kind, EXPOSURES) for kind in STRUCTURES}
    first, second = STRUCTURES
    trainings = {**pools, f"{first} and {second}": pools[first] + pools[second]}
    rows: list[Row] = []
    for name, pool in trainings.items():
        learner = learned(pool, steps, shipped=False)
        row: Row = {"trained on": name}
        rows.append(row | {kind: gain(learner, own) for kind, own in held_out.items()})
        print(rows[-1], flush=True)
    return rows


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=160, help="of a fine-tuning")
    parser.add_argument("--mixed-steps", type=int, default=400, help="of each from nothing")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = [row for kind in UNSEEN for row in few(kind, options.steps)]
    report(
        "learning",
        "Gain over the plain image after few recordings, dB",
        rows,
        mixed=mixed(options.mixed_steps),
        photons=PHOTONS,
        steps=options.steps,
        mixed_steps=options.mixed_steps,
    )


if __name__ == "__main__":
    main()
