"""Say what a training draws while networks learn: examples, and what is made of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, Self

import numpy as np
import torch
from torch import Tensor, nn

from livesim_models.data.stacks import StackExample, drawn_stack, stacked
from livesim_models.data.varied.example import Example, collated, drawn_example
from livesim_models.data.varied.scenery import Sceneries
from livesim_models.network import Network
from livesim_models.steps import EndToEnd, Hybrid
from livesim_models.training.recipe import VariedRecipe

PHOTONS = (3.0, 10.0, 30.0, 100.0, 1000.0)
"""Photo-electrons of the validation."""
NOISES = (0.0, 0.08, 0.5)
"""Of the validation of stacks, in standard deviations of a frame."""


class Batch(Protocol):
    """Some examples, side by side."""

    def to(self, device: torch.device) -> Self:
        """Return the same on `device`."""

    def turned(self, symmetry: int) -> Self:
        """Return the same in one of eight ways that are as likely, 0 ... 7."""

    def restored(self, step: nn.Module) -> Tensor:
        """Return the images [batch, 2 y, 2 x] that a network makes."""

    def loss(self, restored: Tensor) -> Tensor:
        """Return what is to become small."""

    def decibels(self, restored: Tensor) -> Tensor:
        """Return how near images are to those wanted, [batch]."""


class Course(Protocol):
    """Draws what networks learn from; the same number always gives the same batch."""

    measure: str
    """What `Batch.decibels` are, and what the levels of the validation are."""
    level: str

    def step(self, network: Network) -> nn.Module:
        """Return a network as the step that it is."""

    def batch(self, index: int) -> Batch:
        """Return a batch for training."""

    def validation(self, each: int) -> Mapping[float, Batch]:
        """Return `each` examples of every level, which no training sees."""


class OnPlain:
    """Examples for networks on the plain image, from fields in which everything varies."""

    measure, level = "gain dB", "photons"

    def __init__(self, recipe: VariedRecipe, sceneries: Sceneries) -> None:
        self._recipe, self._sceneries = recipe, sceneries

    def step(self, network: Network) -> Hybrid:
        """Return a network as the step that it is."""
        return Hybrid(network)

    def batch(self, index: int) -> Example:
        """Return a batch for training."""
        size, count = batch_size(self._recipe, index)
        return collated([self._drawn(size, (0, index, n)) for n in range(count)])

    def validation(self, each: int) -> dict[float, Example]:
        """Return `each` examples of every level of light."""
        size = self._recipe.size
        return {
            photons: collated(
                [self._drawn(size, (1, int(photons), n), photons) for n in range(each)]
            )
            for photons in PHOTONS
        }

    def _drawn(self, size: int, seed: tuple[int, ...], photons: float | None = None) -> Example:
        random = np.random.default_rng((self._recipe.seed, *seed))
        return drawn_example(self._sceneries, size, random, photons)


class OnStacks:
    """Examples for networks from end to end, simulated as ML-SIM's."""

    measure, level = "PSNR dB", "noise"

    def __init__(self, recipe: VariedRecipe) -> None:
        assert recipe.simulator is not None
        self._recipe, self._simulator = recipe, recipe.simulator

    def step(self, network: Network) -> EndToEnd:
        """Return a network as the step that it is."""
        return EndToEnd(network, self._simulator.kept)

    def batch(self, index: int) -> StackExample:
        """Return a batch for training."""
        size, count = batch_size(self._recipe, index)
        return stacked([self._drawn(size, (0, index, n)) for n in range(count)])

    def validation(self, each: int) -> dict[float, StackExample]:
        """Return `each` examples of every noise."""
        size = self._recipe.size
        return {
            noise: stacked(
                [self._drawn(size, (1, round(1000 * noise), n), noise) for n in range(each)]
            )
            for noise in NOISES
        }

    def _drawn(self, size: int, seed: tuple[int, ...], noise: float | None = None) -> StackExample:
        random = np.random.default_rng((self._recipe.seed, *seed))
        return drawn_stack(self._simulator, size, random, noise)


def batch_size(recipe: VariedRecipe, index: int) -> tuple[int, int]:
    """Return (raw pixels of a side, examples): every fourth batch has fewer, twice as large."""
    if index % 4 != 3:
        return recipe.size, recipe.batch
    return 2 * recipe.size, max(1, recipe.batch // 4)
