"""Measure what a specialist reaches: `python -m bench.quality.networks_ceiling`.

A network for every layout goes on learning from one kind of object alone, of which no training saw
anything: other fields of that kind; of a photograph other cuts, which overlap with those it is
judged on. That is more than any network can know of a sample beforehand. What the specialist gains
over the plain image is a ceiling: what it has more than the shipped network is knowledge of the
kind, and what both lack of a target is not in the photons. Rows are kept one by one; one that is
there is not made again.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
import torch

from bench.quality.arbitration import KINDS, KNOWN
from bench.quality.networks import READ_NOISE
from bench.quality.networks_unseen import field
from bench.report import RESULTS, Row, report
from bench.rows import Rows
from livesim.reconstruction.otf import Otf
from livesim_models.checkpoint import read_model
from livesim_models.data.sample import simulated_sample
from livesim_models.data.varied.example import Example, collated, example_of
from livesim_models.registry import build
from livesim_models.shipped import UNIVERSAL, model_file
from livesim_models.steps import Hybrid
from livesim_models.training.varied import Learner

LIGHTS, SIZE = (20.0, 1000.0), 96
LEARNED, TESTED = 8, 3
"""Fields of a kind, each in every light."""
TRAINING_SEED, TEST_SEED = 613, 57
RATE, BATCH, AVERAGING = 4e-4, 2, 0.99


def example(kind: str, number: int, photons: float, seed: int) -> Example:
    """Return a field of a kind in some light."""
    own = field(kind, number, SIZE, seed)
    sample = simulated_sample(own, photons, READ_NOISE, torch.Generator().manual_seed(number))
    otf = Otf.theoretical(own.optics)
    return example_of(sample.low, sample.pattern, otf, READ_NOISE, sample.target)


def specialist(name: str, examples: Sequence[Example], steps: int) -> Learner[Hybrid]:
    """Return what a shipped network becomes after so many steps with examples of one kind."""
    network = read_model(model_file(name, "two")).network.requires_grad_(True)
    learner = Learner.of(Hybrid, network, build(network.architecture), RATE)
    random = np.random.default_rng(1)
    for step in range(steps):
        chosen = random.choice(len(examples), BATCH, replace=False)
        batch = collated([examples[n] for n in chosen]).turned(int(random.integers(8)))
        learner.step(batch, RATE * min(1.0, 2.0 - 2.0 * step / steps), AVERAGING, step)
    return learner


@torch.no_grad()
def gain(learner: Learner[Hybrid], examples: Sequence[Example]) -> float:
    """Return by how many dB the restored images are nearer to the object, in the mean."""
    batches = (collated([one]) for one in examples)
    return float(np.mean([float(b.decibels(b.restored(learner.averaged))) for b in batches]))


def measure(name: str, kind: str, steps: int) -> list[Row]:
    """Return what a network gains on a kind before and after it has learned from it."""
    learned = [example(kind, n, p, TRAINING_SEED) for p in LIGHTS for n in range(LEARNED)]
    made = [specialist(name, learned, count) for count in (0, steps)]
    tested = {p: [example(kind, n, p, TEST_SEED) for n in range(TESTED)] for p in LIGHTS}
    return [
        {"objects": kind, "photons": photons, name: gain(made[0], own)}
        | {"specialist": gain(made[1], own)}
        for photons, own in tested.items()
    ]


def main() -> None:
    """Measure what is not measured yet, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=120)
    unseen = [kind for kind in KINDS if kind not in KNOWN]
    parser.add_argument("--kinds", nargs="+", default=unseen)
    options = parser.parse_args()
    torch.set_num_threads(1)
    kept = Rows(RESULTS / "networks_ceiling.jsonl")
    for kind in options.kinds:
        if not kept.has(objects=kind):
            for row in measure(UNIVERSAL, kind, options.steps):
                kept.add(row)
                print(row, flush=True)
    title = "Gain over the plain image, dB: as shipped, and having learned this kind alone"
    report("networks_ceiling", title, kept.read(), steps=options.steps)


if __name__ == "__main__":
    main()
