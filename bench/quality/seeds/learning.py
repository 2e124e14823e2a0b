"""Measure what few and mixed recordings teach: `python -m bench.quality.seeds.learning`.

A small network for every layout learns from simulated recordings whose objects are known, in the
light of few photons, and is judged on fields of other seeds. Rows are kept one by one; one that is
there is not made again.

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
from bench.report import RESULTS, Row, report
from bench.rows import Rows
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
FEW, MIXED = "few", "mixed"


def example(kind: str, number: int, seed: int, exposure: int = 0) -> Example:
    """Return one exposure of a field of a kind."""
    own = field(kind, number, SIZE, seed)
    generator = torch.Generator().manual_seed(1000 * number + exposure)
    sample = simulated_sample(own, PHOTONS, READ_NOISE, generator)
    otf = Otf.theoretical(own.optics)
    return example_of(sample.low, sample.pattern, otf, READ_NOISE, sample.target)


def exposures(kind: str, recordings: int) -> list[Example]:
    """Return exposures of so many recordings."""
    each = range(EXPOSURES)
    return [example(kind, n % recordings, TRAINING_SEED, n // recordings) for n in each]


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


def few(kind: str, steps: int, kept: Rows) -> None:
    """Add what 0 to 8 recordings of a kind give, unless it is there."""
    for count in (0, *COUNTS):
        key: Row = {"part": FEW, "objects": kind, "recordings": count}
        if kept.has(**key):
            continue
        held_out, own = tests(kind), exposures(kind, max(count, 1))
        row: Row = {"fine-tuned": gain(learned(own, steps * (count > 0), shipped=True), held_out)}
        if count:
            row["from nothing"] = gain(learned(own, steps, shipped=False), held_out)
        kept.add(key | {"from nothing": None} | row)
        print(kind, count, row, flush=True)


def mixed(steps: int, kept: Rows) -> None:
    """Add what networks gain that were trained on one structure, or on both, unless it is there."""
    first, second = STRUCTURES
    for name, kinds in {first: [first], second: [second], f"{first}, {second}": STRUCTURES}.items():
        key: Row = {"part": MIXED, "trained on": name}
        if not kept.has(**key):
            pool = [one for kind in kinds for one in exposures(kind, EXPOSURES)]
            learner = learned(pool, steps, shipped=False)
            kept.add(key | {kind: gain(learner, tests(kind)) for kind in STRUCTURES})
            print(name, kept.read()[-1], flush=True)


def main() -> None:
    """Measure what is not measured yet, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=160, help="of each network")
    parser.add_argument("--parts", nargs="+", choices=(FEW, MIXED), default=(FEW, MIXED))
    parser.add_argument("--only-report", action="store_true", help="measure nothing")
    options = parser.parse_args()
    torch.set_num_threads(1)
    kept = Rows(RESULTS / "learning.jsonl")
    if not options.only_report:
        if MIXED in options.parts:
            mixed(options.steps, kept)
        for kind in UNSEEN if FEW in options.parts else ():
            few(kind, options.steps, kept)
    found = kept.read()
    report(
        "learning",
        "Gain over the plain image after few recordings, dB",
        _of(found, FEW),
        mixed=_of(found, MIXED),
        photons=PHOTONS,
        steps=options.steps,
    )


def _of(found: list[Row], part: str) -> list[Row]:
    own = [{k: v for k, v in row.items() if k != "part"} for row in found if row["part"] == part]
    return sorted(own, key=lambda row: (row.get("objects", ""), row.get("recordings", 0)))


if __name__ == "__main__":
    main()
