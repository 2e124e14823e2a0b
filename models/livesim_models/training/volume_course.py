"""Say what networks for volumes learn from: planes of drawn volumes, and what is made of them."""

from __future__ import annotations

from dataclasses import fields
from functools import lru_cache

import numpy as np
import torch

from livesim_models.data.volumes.example import PlanesExample, planes_example
from livesim_models.data.volumes.frames_example import FramesExample, frames_example
from livesim_models.data.volumes.scenery import VolumeSceneries
from livesim_models.data.volumes.taken import TakenVolume, taken_volume
from livesim_models.network import Network
from livesim_models.training.course import PHOTONS
from livesim_models.training.recipe import VariedRecipe
from livesim_models.volume.step import PlanesStep, on_planes

_PARTS = 4
"""Of a volume's planes, each of which goes into another batch."""


class OnVolumes:
    """Planes of volumes for networks on plain volumes, in which everything varies.

    A batch holds every fourth plane of each of two volumes; for networks of three dimensions, half
    the planes of each, one behind the other.

    Parameters
    ----------
    recipe
        With a table `volume`.
    sceneries
        Draw what is in the volumes.
    behind
        The step one that the networks are going to work behind, if there is one.
    """

    measure, level = "gain dB", "photons"

    def __init__(
        self,
        recipe: VariedRecipe,
        sceneries: VolumeSceneries,
        behind: PlanesStep | None = None,
    ) -> None:
        self._volumes, self._behind = _Volumes(recipe, sceneries), behind
        self._planes = self._volumes.planes
        self._deep = any(own.in_volumes for own in recipe.networks.values())
        self._drawn = lru_cache(2)(self._draw)

    def step(self, network: Network) -> PlanesStep:
        """Return a network as the step that it is."""
        return on_planes(network, network.architecture, self._planes // 2)

    def batch(self, index: int) -> PlanesExample:
        """Return a batch for training."""
        parts = 2 if self._deep else _PARTS
        volume, part = divmod(index, parts // 2)
        old = self._chosen(self._drawn((0, volume)), part + parts // 2)
        return joined([old, self._chosen(self._drawn((0, volume + 1)), part)])

    def validation(self, each: int) -> dict[float, PlanesExample]:
        """Return `each` planes of every level of light, or some more."""
        volumes = range(-(-each * _PARTS // self._planes))
        return {
            photons: joined(
                [self._chosen(self._draw((1, int(photons), n), photons), 1) for n in volumes]
            )
            for photons in PHOTONS
        }

    def _chosen(self, example: PlanesExample, number: int) -> PlanesExample:
        """Return one part of the planes of a volume."""
        half = self._planes // 2
        behind = slice(number * half, (number + 1) * half)
        return example.chosen(behind if self._deep else slice(number, None, _PARTS))

    def _draw(self, seed: tuple[int, ...], photons: float | None = None) -> PlanesExample:
        return planes_example(self._volumes(seed, photons), self._behind)


class OnVolumeFrames:
    """Raw frames of volumes for networks that denoise them, in which everything varies.

    A batch is a whole volume, which a network learns through the reconstruction.
    """

    measure, level = "gain dB", "photons"

    def __init__(self, recipe: VariedRecipe, sceneries: VolumeSceneries) -> None:
        self._volumes = _Volumes(recipe, sceneries)

    def step(self, network: Network) -> PlanesStep:
        """Return a network as the step that it is."""
        return on_planes(network, network.architecture)

    def batch(self, index: int) -> FramesExample:
        """Return a batch for training."""
        return frames_example(self._volumes((0, index)))

    def validation(self, each: int) -> dict[float, FramesExample]:
        """Return a volume of every level of light."""
        return {
            photons: frames_example(self._volumes((1, int(photons), 0), photons))
            for photons in PHOTONS
        }


class _Volumes:
    """Draws the volumes of a recipe."""

    def __init__(self, recipe: VariedRecipe, sceneries: VolumeSceneries) -> None:
        assert recipe.volume is not None
        self._recipe, self._sceneries, self.planes = recipe, sceneries, recipe.volume.planes

    def __call__(self, seed: tuple[int, ...], photons: float | None = None) -> TakenVolume:
        random = np.random.default_rng((self._recipe.seed, *seed))
        return taken_volume(self._sceneries, self._recipe.size, self.planes, random, photons)


def joined(examples: list[PlanesExample]) -> PlanesExample:
    """Put planes of one size together."""
    return PlanesExample(
        *(
            torch.cat([getattr(one, field.name) for one in examples])
            for field in fields(PlanesExample)
        )
    )
