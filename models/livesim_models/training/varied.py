"""Train networks on examples that are drawn while they learn, until told to stop."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from livesim.values.errors import DataError
from livesim_models.conditions import span_of
from livesim_models.data.varied.example import Example, collated, drawn_example
from livesim_models.data.varied.scenery import Sceneries
from livesim_models.network import Network
from livesim_models.registry import build
from livesim_models.steps import Hybrid
from livesim_models.training.recipe import VariedRecipe

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
    batches = Batches(recipe, sceneries)
    fresh = _drawn_beside(batches, block * recipe.block, recipe.block, recipe.workers)
    while True:
        own = [next(fresh) for _ in range(recipe.block)]
        random = np.random.default_rng((recipe.seed, 2, block))
        places = [random.permutation(recipe.block) for _ in range(recipe.reused)]
        turns = random.integers(0, 8, in_block).tolist()
        order = np.concatenate(places).tolist()
        for which, turn in list(zip(order, turns, strict=True))[skipped:]:
            yield own[which].turned(turn)
        block, skipped = block + 1, 0


def _drawn_beside(batches: Batches, first: int, ahead: int, workers: int) -> Iterator[Example]:
    """Yield batches from `first` on, drawn by other processes some batches ahead."""
    numbers = range(first, len(batches))
    loader = DataLoader(
        batches,
        batch_size=None,
        sampler=numbers,
        num_workers=workers,
        prefetch_factor=-(-ahead // workers),
    )
    return iter(loader)


@dataclass(frozen=True, slots=True, eq=False)
class Learner:
    """One network that learns, and the mean of its weights that is shipped."""

    hybrid: Hybrid
    averaged: Hybrid
    averaged_network: Network
    """That of `averaged`."""
    optimizer: torch.optim.Optimizer

    @classmethod
    def of(cls, network: Network, averaged: Network, rate: float) -> Learner:
        """Return an untrained network's learner."""
        averaged.load_state_dict(network.state_dict())
        hybrid = Hybrid(network)
        own = Hybrid(averaged).requires_grad_(False)
        return cls(hybrid, own, averaged, torch.optim.Adam(hybrid.parameters(), lr=rate))

    def step(self, batch: Example, rate: float, averaging: float, number: int) -> float:
        """Learn from one batch; return the mean gain in dB over the plain images."""
        with torch.autocast(batch.plain.device.type, dtype=torch.bfloat16):
            restored = self.hybrid.restored(*batch.given)
        self.follow(difference(restored, batch), rate, averaging, number)
        return float(gains(restored.detach(), batch).mean())

    def follow(self, loss: Tensor, rate: float, averaging: float, number: int) -> None:
        """Change the weights so that a loss falls; `number` counts the steps before."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.hybrid.parameters(), _LARGEST_GRADIENT)
        self.optimizer.step()
        self._average(min(averaging, (1.0 + number) / (10.0 + number)))

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


@dataclass(frozen=True, slots=True, eq=False)
class Progress:
    """How far a training is."""

    steps: int
    hours: float
    """Of the processor, including those of an interrupted run."""
    networks: Mapping[str, Network]
    """The means of their weights."""
    gains: Mapping[str, Mapping[float, float]]
    """Of every network: photo-electrons -> mean gain in dB over plain images on examples that no
    training sees."""


def train_varied(
    recipe: VariedRecipe,
    sceneries: Sceneries,
    folder: Path,
    start: Mapping[str, Network],
    tell: Callable[[int], None],
) -> None:
    """Train all networks of a recipe; checkpoints and a log go to `folder`.

    Stopped at any time, it goes on from its last checkpoint to the same weights.

    Parameters
    ----------
    recipe
        What to do.
    sceneries
        Draws what lies under the microscope.
    start
        Networks to begin with, by name; the others are untrained.
    tell
        Called with the number of steps that are done after each.
    """
    torch.set_num_threads(1)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    learners = _learners(recipe, start, device)
    done, seconds = _restored(folder / CHECKPOINT, learners)
    validation = validation_examples(recipe, sceneries, device)
    began, sums = time.process_time() - seconds, dict.fromkeys(learners, 0.0)
    batches = shown(recipe, sceneries, done)
    for step, batch in zip(range(done + 1, recipe.steps + 1), batches, strict=False):
        rate = recipe.learning_rate * _share(recipe, step - 1)
        for name, learner in learners.items():
            sums[name] += learner.step(batch.to(device), rate, recipe.averaging, step - 1)
        hours = (time.process_time() - began) / 3600.0
        if step % recipe.validate_every == 0:
            progress = _progress(step, hours, learners, validation)
            means = {name: sums[name] / recipe.validate_every for name in sums}
            _log(folder / LOG, progress, means)
            sums = dict.fromkeys(learners, 0.0)
        if step % recipe.save_every == 0 or step == recipe.steps:
            _save(folder / CHECKPOINT, step, 3600.0 * hours, learners)
        tell(step)


def trained(recipe: VariedRecipe, sceneries: Sceneries, folder: Path) -> Progress:
    """Return what the last checkpoint of a training holds.

    Raises
    ------
    DataError
        If there is none.
    """
    cpu = torch.device("cpu")
    learners = _learners(recipe, {}, cpu)
    steps, seconds = _restored(folder / CHECKPOINT, learners)
    if not steps:
        raise DataError(f"{folder}: expected a checkpoint, found none")
    validation = validation_examples(recipe, sceneries, cpu)
    return _progress(steps, seconds / 3600.0, learners, validation)


def _learners(
    recipe: VariedRecipe, start: Mapping[str, Network], device: torch.device
) -> dict[str, Learner]:
    torch.manual_seed(recipe.seed)
    found = {}
    for name, architecture in recipe.networks.items():
        network = build(architecture)
        if name in start:
            network.load_state_dict(start[name].state_dict())
        pair = network.to(device), build(architecture).to(device)
        found[name] = Learner.of(*pair, recipe.learning_rate)
    return found


@torch.no_grad()
def _progress(
    steps: int,
    hours: float,
    learners: Mapping[str, Learner],
    validation: Mapping[float, Example],
) -> Progress:
    found: dict[str, dict[float, float]] = {}
    for name, learner in learners.items():
        found[name] = {
            photons: float(gains(learner.averaged.restored(*batch.given), batch).mean())
            for photons, batch in validation.items()
        }
    networks = {name: learner.averaged_network for name, learner in learners.items()}
    return Progress(steps, hours, networks, found)


def _share(recipe: VariedRecipe, step: int) -> float:
    """Return the rate's share: it rises, rests, and falls in the end."""
    falls = recipe.fall * recipe.steps
    left = (recipe.steps - step) / falls if falls else 1.0
    return min(1.0, (step + 1) / recipe.warm_up, left)


def _restored(path: Path, learners: Mapping[str, Learner]) -> tuple[int, float]:
    """Return (steps, seconds) that a checkpoint holds, having loaded it; none is (0, 0)."""
    if not path.exists():
        return 0, 0.0
    state = torch.load(path, map_location="cpu", weights_only=True)
    for name, learner in learners.items():
        learner.load(state["learners"][name])
    return int(state["step"]), float(state["seconds"])


def _save(path: Path, step: int, seconds: float, learners: Mapping[str, Learner]) -> None:
    """Write a checkpoint; under its name there is always a whole one."""
    states = {name: learner.state for name, learner in learners.items()}
    partial = path.with_name(path.name + ".part")
    torch.save({"step": step, "seconds": seconds, "learners": states}, partial)
    partial.replace(path)


def validation_examples(
    recipe: VariedRecipe, sceneries: Sceneries, device: torch.device
) -> dict[float, Example]:
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
        ).to(device)
        for photons in LEVELS
    }


def _log(path: Path, progress: Progress, means: Mapping[str, float]) -> None:
    """Add a line of gains in dB: of the steps since the last one, and of the validation."""
    row: dict[str, float] = {"step": progress.steps, "processor hours": round(progress.hours, 3)}
    for name, own in progress.gains.items():
        row[f"{name}, training"] = round(means[name], 3)
        row |= {f"{name}, {photons:g} photons": round(gain, 3) for photons, gain in own.items()}
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, row)
        if new:
            writer.writeheader()
        writer.writerow(row)
