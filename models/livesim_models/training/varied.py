"""Train networks on examples that are drawn while they learn, until told to stop."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from livesim.config.section import Section
from livesim.values.numbers import Positive
from livesim_models.conditions import span_of
from livesim_models.data.varied.example import Example, collated, drawn_example
from livesim_models.data.varied.scenery import Sceneries
from livesim_models.network import Network
from livesim_models.registry import AnyArchitecture, build
from livesim_models.steps import Hybrid

Whole = Annotated[int, Field(ge=1, le=10_000_000)]
LEVELS = (3.0, 10.0, 30.0, 100.0, 1000.0)
"""Photo-electrons of the validation."""
EACH = 12
"""Validation examples of a level."""
CHECKPOINT, LOG = "checkpoint.pt", "log.csv"
_LARGEST_GRADIENT = 1.0
"""Norm to which longer ones are cut."""
_LEAST_OFF = 1e-3
_LEAST_ERROR = 1e-6
"""Mean square in units of the levels: less is as good."""


class VariedRecipe(Section):
    """A training on examples that are drawn while networks learn."""

    name: Annotated[str, Field(min_length=1)]
    description: str = ""
    licence: str = ""
    networks: Annotated[dict[str, AnyArchitecture], Field(min_length=1)]
    """By name; all learn from the same examples."""
    size: Whole = 64
    """Raw pixels of an example, both sides; every fourth batch has fewer ones, twice as large."""
    batch: Whole = 8
    reused: Whole = 3
    """How often every example is shown, each time in another symmetry."""
    block: Whole = 32
    """Batches that are shown in another order each time."""
    steps: Whole = 20_000
    warm_up: Whole = 200
    fall: float = 0.2
    """Share of the steps at the end over which the rate falls to zero."""
    learning_rate: Positive = 1e-3
    averaging: float = 0.999
    """Of the weights that are validated and shipped: decay by step."""
    save_every: Whole = 200
    validate_every: Whole = 500
    seed: int = 1


class Batches(Dataset[Example]):
    """Numbered batches; the same number always gives the same batch."""

    def __init__(self, recipe: VariedRecipe, sceneries: Sceneries) -> None:
        self._recipe, self._sceneries = recipe, sceneries

    def __len__(self) -> int:
        recipe = self._recipe
        return -(-recipe.steps // (recipe.block * recipe.reused)) * recipe.block

    def __getitem__(self, index: int) -> Example:
        """Return a batch."""
        recipe = self._recipe
        torch.set_num_threads(1)
        large = index % 4 == 3
        size, count = (2 * recipe.size, recipe.batch // 4) if large else (recipe.size, recipe.batch)
        return collated(
            [
                drawn_example(
                    self._sceneries, size, np.random.default_rng((recipe.seed, 0, index, number))
                )
                for number in range(max(1, count))
            ]
        )


def shown(recipe: VariedRecipe, sceneries: Sceneries, first: int) -> Iterator[Example]:
    """Yield the batch of every step from `first` on, the same whenever it is asked for."""
    in_block = recipe.block * recipe.reused
    block, skipped = divmod(first, in_block)
    fresh = _drawn_beside(Batches(recipe, sceneries), block * recipe.block, recipe.block)
    while True:
        own = [next(fresh) for _ in range(recipe.block)]
        random = np.random.default_rng((recipe.seed, 2, block))
        places = [random.permutation(recipe.block) for _ in range(recipe.reused)]
        turns = random.integers(0, 8, in_block).tolist()
        order = np.concatenate(places).tolist()
        for which, turn in list(zip(order, turns, strict=True))[skipped:]:
            yield own[which].turned(turn)
        block, skipped = block + 1, 0


def _drawn_beside(batches: Batches, first: int, ahead: int) -> Iterator[Example]:
    """Yield batches from `first` on, drawn by another process some batches ahead."""
    numbers = range(first, len(batches))
    loader = DataLoader(
        batches, batch_size=None, sampler=numbers, num_workers=1, prefetch_factor=ahead
    )
    return iter(loader)


@dataclass(frozen=True, slots=True, eq=False)
class Learner:
    """One network that learns, and the mean of its weights that is shipped."""

    hybrid: Hybrid
    averaged: Hybrid
    optimizer: torch.optim.Optimizer

    @classmethod
    def of(cls, network: Network, averaged: Network, rate: float) -> Learner:
        """Return an untrained network's learner."""
        averaged.load_state_dict(network.state_dict())
        hybrid = Hybrid(network)
        own = Hybrid(averaged).requires_grad_(False)
        return cls(hybrid, own, torch.optim.Adam(hybrid.parameters(), lr=rate))

    def step(self, batch: Example, rate: float, averaging: float, number: int) -> float:
        """Learn from one batch; return the mean gain in dB over the plain images."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        with torch.autocast("cpu", dtype=torch.bfloat16):
            restored = self.hybrid.restored(batch.plain, batch.white, batch.values)
        loss = difference(restored, batch)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.hybrid.parameters(), _LARGEST_GRADIENT)
        self.optimizer.step()
        self._average(min(averaging, (1.0 + number) / (10.0 + number)))
        return float(gains(restored.detach(), batch).mean())

    @torch.no_grad()
    def _average(self, decay: float) -> None:
        pairs = zip(self.averaged.parameters(), self.hybrid.parameters(), strict=True)
        for mean, value in pairs:
            mean.lerp_(value, 1.0 - decay)

    @property
    def state(self) -> dict[str, Any]:
        """Everything that changes while it learns."""
        return {
            "network": self.hybrid.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self.hybrid.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimizer.load_state_dict(state["optimizer"])


def difference(restored: Tensor, batch: Example) -> Tensor:
    """Return the mean difference to the target, which counts the less the worse the plain image is.

    In units of the levels, over the root of what the plain image is off by: halfway between equal
    weights of all examples, so that bright light is not neglected, and equal gains.
    """
    span = span_of(batch.values)
    plain_off = ((batch.plain - batch.target) / span).square().mean(dim=(-2, -1), keepdim=True)
    weight = (plain_off.sqrt() + _LEAST_OFF).rsqrt()
    return (weight * (restored - batch.target).abs() / span).mean()


def gains(restored: Tensor, batch: Example) -> Tensor:
    """Return by how many dB restored images are nearer to the target than plain ones, [batch]."""
    restored_off, plain_off = (
        ((image - batch.target) / span_of(batch.values)).square().mean(dim=(-2, -1)) + _LEAST_ERROR
        for image in (restored, batch.plain)
    )
    return 10.0 * torch.log10(plain_off / restored_off)


def train_varied(recipe: VariedRecipe, sceneries: Sceneries, folder: Path) -> dict[str, Network]:
    """Train all networks of a recipe; return the means of their weights.

    Stopped at any time, it goes on from its last checkpoint to the same weights.
    """
    torch.set_num_threads(1)
    torch.manual_seed(recipe.seed)
    learners = {
        name: Learner.of(build(own), build(own), recipe.learning_rate)
        for name, own in recipe.networks.items()
    }
    done, seconds = _restored(folder / CHECKPOINT, learners)
    validation = _validation(recipe, sceneries)
    began, sums = time.process_time() - seconds, dict.fromkeys(learners, 0.0)
    for number, batch in zip(
        range(done, recipe.steps), shown(recipe, sceneries, done), strict=False
    ):
        rate = recipe.learning_rate * _share(recipe, number)
        for name, learner in learners.items():
            sums[name] += learner.step(batch, rate, recipe.averaging, number)
        step = number + 1
        if step % recipe.validate_every == 0:
            _log(
                folder / LOG, step, time.process_time() - began, learners, validation, sums, recipe
            )
            sums = dict.fromkeys(learners, 0.0)
        if step % recipe.save_every == 0 or step == recipe.steps:
            _save(folder / CHECKPOINT, step, time.process_time() - began, learners)
    return {name: learner.averaged.network for name, learner in learners.items()}  # type: ignore[misc]


def _share(recipe: VariedRecipe, step: int) -> float:
    """Return the rate's share: it rises, rests, and falls in the end."""
    falls = recipe.fall * recipe.steps
    left = (recipe.steps - step) / falls if falls else 1.0
    return min(1.0, (step + 1) / recipe.warm_up, left)


def _restored(path: Path, learners: Mapping[str, Learner]) -> tuple[int, float]:
    """Return (steps, seconds) that a checkpoint holds, having loaded it; none is (0, 0)."""
    if not path.exists():
        return 0, 0.0
    state = torch.load(path, weights_only=True)
    for name, learner in learners.items():
        learner.load(state["learners"][name])
    return int(state["step"]), float(state["seconds"])


def _save(path: Path, step: int, seconds: float, learners: Mapping[str, Learner]) -> None:
    """Write a checkpoint; under its name there is always a whole one."""
    states = {name: learner.state for name, learner in learners.items()}
    partial = path.with_name(path.name + ".part")
    torch.save({"step": step, "seconds": seconds, "learners": states}, partial)
    partial.replace(path)


def _validation(recipe: VariedRecipe, sceneries: Sceneries) -> dict[float, Example]:
    """Return examples of every level of light that no training sees."""
    return {
        photons: collated(
            [
                drawn_example(
                    sceneries,
                    recipe.size,
                    np.random.default_rng((recipe.seed, 1, int(photons), number)),
                    photons,
                )
                for number in range(EACH)
            ]
        )
        for photons in LEVELS
    }


@torch.no_grad()
def _log(
    path: Path,
    step: int,
    seconds: float,
    learners: Mapping[str, Learner],
    validation: Mapping[float, Example],
    sums: Mapping[str, float],
    recipe: VariedRecipe,
) -> None:
    """Add a line to the log: mean gains in dB of the training so far, and of each level."""
    row: dict[str, float] = {"step": step, "processor s": round(seconds)}
    for name, learner in learners.items():
        row[f"{name}, training"] = round(sums[name] / recipe.validate_every, 3)
        for photons, batch in validation.items():
            restored = learner.averaged.restored(batch.plain, batch.white, batch.values)
            row[f"{name}, {photons:g} photons"] = round(float(gains(restored, batch).mean()), 3)
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, row)
        if new:
            writer.writeheader()
        writer.writerow(row)
