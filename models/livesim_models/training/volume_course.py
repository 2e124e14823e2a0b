"""Say what networks for volumes learn from: planes of drawn volumes, and what is made of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import lru_cache
from typing import Generic, TypeVar

import numpy as np
import torch

from livesim_models.data.volumes.example import PlanesExample
from livesim_models.data.volumes.orders_example import OrdersExample
from livesim_models.data.volumes.scenery import VolumeSceneries
from livesim_models.data.volumes.taken import TakenVolume, taken_volume
from livesim_models.network import Network
from livesim_models.training.course import PHOTONS
from livesim_models.training.recipe import VariedRecipe
from livesim_models.volume.step import PlanesStep, on_planes

_PARTS = 4
"""Of a volume's planes, each of which goes into another batch."""

Planes = TypeVar("Planes", PlanesExample, OrdersExample)


class OnVolumes(Generic[Planes]):
    """Planes of volumes for networks on them, in which everything varies.

    A batch holds every fourth plane of each of two volumes; for networks of three dimensions, half
    the planes of each, one behind the other.

    Parameters
    ----------
    recipe
        With a table `volume`.
    sceneries
        Draw what is in the volumes.
    made
        Makes of a volume what networks are given.
    measure
        What the decibels of an example are.
    """

    level = "photons"

    def __init__(
        self,
        recipe: VariedRecipe,
        sceneries: VolumeSceneries,
        made: Callable[[TakenVolume], Planes],
        measure: str,
    ) -> None:
        assert recipe.volume is not None
        self._recipe, self._sceneries, self._planes = recipe, sceneries, recipe.volume.planes
        self._made, self.measure = made, measure
        self._deep = any(own.in_volumes for own in recipe.networks.values())
        self._drawn = lru_cache(2)(self._draw)

    def step(self, network: Network) -> PlanesStep:
        """Return a network as the step that it is."""
        return on_planes(network, network.architecture, self._planes // 2)

    def batch(self, index: int) -> Planes:
        """Return a batch for training."""
        parts = 2 if self._deep else _PARTS
        volume, part = divmod(index, parts // 2)
        old = self._part((0, volume), part + parts // 2)
        return joined([old, self._part((0, volume + 1), part)])

    def validation(self, each: int) -> dict[float, Planes]:
        """Return `each` planes of every level of light, or some more."""
        volumes = range(-(-each * _PARTS // self._planes))
        return {
            photons: joined(
                [self._chosen(self._draw((1, int(photons), n), photons), 1) for n in volumes]
            )
            for photons in PHOTONS
        }

    def _part(self, seed: tuple[int, ...], number: int) -> Planes:
        return self._chosen(self._drawn(seed), number)

    def _chosen(self, example: Planes, number: int) -> Planes:
        """Return one part of the planes of a volume."""
        half = self._planes // 2
        behind = slice(number * half, (number + 1) * half)
        return example.chosen(behind if self._deep else slice(number, None, _PARTS))

    def _draw(self, seed: tuple[int, ...], photons: float | None = None) -> Planes:
        random = np.random.default_rng((self._recipe.seed, *seed))
        size = self._recipe.size
        return self._made(taken_volume(self._sceneries, size, self._planes, random, photons))


def joined(examples: list[Planes]) -> Planes:
    """Put planes of one size together."""
    kind = type(examples[0])
    return kind(
        *(torch.cat([getattr(one, field.name) for one in examples]) for field in fields(kind))
    )
