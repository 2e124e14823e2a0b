"""Train networks on examples that are drawn while they learn, until told to stop."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from livesim.values.errors import DataError
from livesim_models.network import Network
from livesim_models.registry import build
from livesim_models.training.course import Batch, Course
from livesim_models.training.recipe import VariedRecipe
from livesim_models.whole_file import write_whole

EACH = 12
"""Validation examples of a level."""
CHECKPOINT, LOG = "checkpoint.pt", "log.csv"
_LARGEST_GRADIENT = 1.0
"""Norm to which longer ones are cut."""

Step = TypeVar("Step", bound=nn.Module)
"""A network as the step that it is."""


class Batches(Dataset[Batch]):
    """Numbered batches; the same number always gives the same batch."""

    def __init__(self, recipe: VariedRecipe, course: Course) -> None:
        self._recipe, self._course = recipe, course

    def __len__(self) -> int:
        recipe = self._recipe
        return -(-recipe.steps // (recipe.block * recipe.reused)) * recipe.block

    def __getitem__(self, index: int) -> Batch:
        """Return a batch."""
        torch.set_num_threads(1)
        return self._course.batch(index)


def shown(recipe: VariedRecipe, course: Course, first: int) -> Iterator[Batch]:
    """Yield the batch of every step from `first` on, the same whenever it is asked for."""
    in_block = recipe.block * recipe.reused
    block, skipped = divmod(first, in_block)
    batches = Batches(recipe, course)
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


def _drawn_beside(batches: Batches, first: int, ahead: int, workers: int) -> Iterator[Batch]:
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
class Learner(Generic[Step]):
    """One network that learns, and the mean of its weights that is shipped."""

    learning: Step
    averaged: Step
    averaged_network: Network
    """That of `averaged`."""
    optimizer: torch.optim.Optimizer

    @classmethod
    def of(
        cls, step: Callable[[Network], Step], network: Network, averaged: Network, rate: float
    ) -> Learner[Step]:
        """Return an untrained network's learner; `step` makes of it the step that it is."""
        averaged.load_state_dict(network.state_dict())
        learning, own = step(network), step(averaged)
        own.requires_grad_(False)
        return cls(learning, own, averaged, torch.optim.Adam(learning.parameters(), lr=rate))

    def step(self, batch: Batch, rate: float, averaging: float, number: int) -> float:
        """Learn from one batch; return its mean decibels."""
        device = next(self.learning.parameters()).device
        with torch.autocast(device.type, dtype=torch.bfloat16):
            restored = batch.restored(self.learning)
        self.follow(batch.loss(restored), rate, averaging, number)
        return float(batch.decibels(restored.detach()).mean())

    def follow(self, loss: Tensor, rate: float, averaging: float, number: int) -> None:
        """Change the weights so that a loss falls; `number` counts the steps before."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.learning.parameters(), _LARGEST_GRADIENT)
        self.optimizer.step()
        self._average(min(averaging, (1.0 + number) / (10.0 + number)))

    @torch.no_grad()
    def _average(self, decay: float) -> None:
        pairs = zip(self.averaged.parameters(), self.learning.parameters(), strict=True)
        for mean, value in pairs:
            mean.lerp_(value, 1.0 - decay)

    @property
    def state(self) -> dict[str, Any]:
        """Everything that changes while it learns."""
        return {
            "network": self.learning.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self.learning.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimizer.load_state_dict(state["optimizer"])


@dataclass(frozen=True, slots=True, eq=False)
class Progress:
    """How far a training is."""

    steps: int
    hours: float
    """Of the processor, including those of an interrupted run."""
    networks: Mapping[str, Network]
    """The means of their weights."""
    decibels: Mapping[str, Mapping[float, float]]
    """Of every network: level -> the mean on examples that no training sees, see `Course`."""


def train_varied(
    recipe: VariedRecipe,
    course: Course,
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
    course
        Draws what they learn from.
    start
        Networks to begin with, by name; the others are untrained.
    tell
        Called with the number of steps that are done after each.
    """
    torch.set_num_threads(1)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    learners = _learners(recipe, course, start, device)
    done, seconds = _restored(folder / CHECKPOINT, learners)
    validation = _validation(course, device)
    began, sums = time.process_time() - seconds, dict.fromkeys(learners, 0.0)
    batches = shown(recipe, course, done)
    for step, batch in zip(range(done + 1, recipe.steps + 1), batches, strict=False):
        rate = recipe.learning_rate * _share(recipe, step - 1)
        for name, learner in learners.items():
            sums[name] += learner.step(batch.to(device), rate, recipe.averaging, step - 1)
        hours = (time.process_time() - began) / 3600.0
        if step % recipe.validate_every == 0:
            progress = _progress(step, hours, learners, validation)
            means = {name: sums[name] / recipe.validate_every for name in sums}
            _log(folder / LOG, course.level, progress, means)
            sums = dict.fromkeys(learners, 0.0)
        if step % recipe.save_every == 0 or step == recipe.steps:
            _save(folder / CHECKPOINT, step, 3600.0 * hours, learners)
        tell(step)


def widened(begun: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return weights for a network of more inputs, to which those beyond the begun one say nothing.

    Raises
    ------
    ValueError
        If the networks differ in more than their inputs.
    """
    found = {}
    for name, there in own.items():
        old = begun.get(name)
        if old is None or old.ndim != there.ndim or _others(old) != _others(there):
            shape = None if old is None else tuple(old.shape)
            raise ValueError(f"expected {name} of {tuple(there.shape)}, found {shape}")
        missing = there.shape[1] - old.shape[1] if old.ndim > 1 else 0
        found[name] = (
            torch.cat([old, there.new_zeros(old.shape[0], missing, *old.shape[2:])], 1)
            if missing
            else old
        )
    return found


def _others(weights: Tensor) -> tuple[int, ...]:
    """Return the lengths of all axes but that of the inputs."""
    return (*weights.shape[:1], *weights.shape[2:])


def trained(recipe: VariedRecipe, course: Course, folder: Path) -> Progress:
    """Return what the last checkpoint of a training holds.

    Raises
    ------
    DataError
        If there is none.
    """
    cpu = torch.device("cpu")
    learners = _learners(recipe, course, {}, cpu)
    steps, seconds = _restored(folder / CHECKPOINT, learners)
    if not steps:
        raise DataError(f"{folder}: expected a checkpoint, found none")
    return _progress(steps, seconds / 3600.0, learners, _validation(course, cpu))


def _learners(
    recipe: VariedRecipe, course: Course, start: Mapping[str, Network], device: torch.device
) -> dict[str, Learner[nn.Module]]:
    torch.manual_seed(recipe.seed)
    found = {}
    for name, architecture in recipe.networks.items():
        network = build(architecture)
        if name in start:
            network.load_state_dict(start[name].state_dict())
        pair = network.to(device), build(architecture).to(device)
        found[name] = Learner.of(course.step, *pair, recipe.learning_rate)
    return found


@torch.no_grad()
def _progress(
    steps: int,
    hours: float,
    learners: Mapping[str, Learner[nn.Module]],
    validation: Mapping[float, Batch],
) -> Progress:
    found: dict[str, dict[float, float]] = {}
    for name, learner in learners.items():
        found[name] = {
            level: float(batch.decibels(batch.restored(learner.averaged)).mean())
            for level, batch in validation.items()
        }
    networks = {name: learner.averaged_network for name, learner in learners.items()}
    return Progress(steps, hours, networks, found)


def _share(recipe: VariedRecipe, step: int) -> float:
    """Return the rate's share: it rises, rests, and falls in the end."""
    falls = recipe.fall * recipe.steps
    left = (recipe.steps - step) / falls if falls else 1.0
    return min(1.0, (step + 1) / recipe.warm_up, left)


def _restored(path: Path, learners: Mapping[str, Learner[nn.Module]]) -> tuple[int, float]:
    """Return (steps, seconds) that a checkpoint holds, having loaded it; none is (0, 0)."""
    if not path.exists():
        return 0, 0.0
    state = torch.load(path, map_location="cpu", weights_only=True)
    for name, learner in learners.items():
        learner.load(state["learners"][name])
    return int(state["step"]), float(state["seconds"])


def _save(
    path: Path, step: int, seconds: float, learners: Mapping[str, Learner[nn.Module]]
) -> None:
    """Write a checkpoint; under its name there is always a whole one."""
    states = {name: learner.state for name, learner in learners.items()}
    content = io.BytesIO()
    torch.save({"step": step, "seconds": seconds, "learners": states}, content)
    write_whole(path, content.getbuffer())


def _validation(course: Course, device: torch.device) -> dict[float, Batch]:
    """Return examples of every level that no training sees."""
    return {level: batch.to(device) for level, batch in course.validation(EACH).items()}


def _log(path: Path, level: str, progress: Progress, means: Mapping[str, float]) -> None:
    """Add a line of decibels: of the steps since the last one, and of the validation."""
    row: dict[str, float] = {"step": progress.steps, "processor hours": round(progress.hours, 3)}
    for name, own in progress.decibels.items():
        row[f"{name}, training"] = round(means[name], 3)
        row |= {f"{name}, {at:g} {level}": round(found, 3) for at, found in own.items()}
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, row)
        if new:
            writer.writeheader()
        writer.writerow(row)
