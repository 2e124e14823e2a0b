"""Number an endless supply of samples; the same number always gives the same sample."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor
from torch.utils.data import Dataset

from livesim.reconstruction.plan import Plan
from livesim_models.data.recipe import LightRecipe
from livesim_models.data.sample import Sample, measured_sample, simulated_sample
from livesim_models.data.scene import Scene, bright_share, cropped, turned

LEAST_BRIGHT_SHARE = 0.005
"""A crop with less to see is drawn again: empty background teaches nothing."""
_TRIES = 8


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Samples side by side; the fields of `Sample` with an axis in front."""

    low: Tensor
    clean: Tensor
    target: Tensor
    levels: Tensor
    read_noise: Tensor
    """[batch, 1, 1, 1]."""
    photons: Tensor
    """[batch] brightest expected photo-electrons of a widefield pixel."""
    plans: tuple[Plan, ...]

    def to(self, device: torch.device) -> Batch:
        """Return the batch on `device`."""
        moved = {
            field.name: getattr(self, field.name).to(device, non_blocking=True)
            for field in fields(self)
            if field.name != "plans"
        }
        return replace(self, **moved, plans=tuple(plan.to(device) for plan in self.plans))

    def first(self, count: int) -> Batch:
        """Return the first samples."""
        return replace(self, **{f.name: getattr(self, f.name)[:count] for f in fields(self)})


class Samples(Dataset[Sample]):
    """The samples `first` to `first + count - 1` of an endless sequence.

    Parameters
    ----------
    scenes
        To draw from.
    light
        How much light the samples have.
    seed, first, count
        Of the row, and which part of it.
    crop
        Side of the square that is cut out, raw pixels; None = whole fields.
    """

    def __init__(
        self,
        scenes: Sequence[Scene],
        light: LightRecipe,
        seed: int,
        first: int,
        count: int,
        crop: int | None = None,
    ) -> None:
        self._scenes, self._light, self._seed = scenes, light, seed
        self._first, self._count, self._crop = first, count, crop

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Sample:
        if not 0 <= index < self._count:  # ends iteration
            raise IndexError(index)
        generator = torch.Generator().manual_seed(self._seed * 1_000_003 + self._first + index)
        which, symmetry = _whole(len(self._scenes), generator), _whole(8, generator)
        scene = self._cut(turned(self._scenes[which], symmetry), generator)
        light = self._light
        if scene.truth is None:
            return measured_sample(scene, _logarithmic(light.thinning, generator), generator)
        photons = _logarithmic(light.photons, generator)
        low, high = light.read_noise
        noise = low + (high - low) * float(torch.rand((), generator=generator))
        return simulated_sample(scene, photons, noise, generator)

    def _cut(self, scene: Scene, generator: torch.Generator) -> Scene:
        """Return a crop in which there is something to see, if one turns up."""
        if self._crop is None:
            return scene
        size = (min(self._crop, scene.shape[0]), min(self._crop, scene.shape[1]))
        for _ in range(_TRIES):
            top, left = (
                _whole(whole - part + 1, generator)
                for whole, part in zip(scene.shape, size, strict=True)
            )
            crop = cropped(scene, (top, left), size)
            if bright_share(crop) >= LEAST_BRIGHT_SHARE:
                break
        return crop


def collated(samples: Sequence[Sample]) -> Batch:
    """Put samples side by side."""
    return Batch(
        low=torch.stack([s.low for s in samples]),
        clean=torch.stack([s.clean for s in samples]),
        target=torch.stack([s.target for s in samples]),
        levels=torch.stack([s.levels for s in samples]),
        read_noise=torch.tensor([s.read_noise for s in samples])[:, None, None, None],
        photons=torch.stack([s.clean.mean(dim=0).max() for s in samples]),
        plans=tuple(s.plan for s in samples),
    )


def _whole(below: int, generator: torch.Generator) -> int:
    return int(torch.randint(below, (), generator=generator))


def _logarithmic(limits: tuple[float, float], generator: torch.Generator) -> float:
    low, high = (math.log(limit) for limit in limits)
    return math.exp(low + (high - low) * float(torch.rand((), generator=generator)))
