"""Make the planes of one volume that a network is given, and what it should return."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import cast

import torch
from torch import Tensor, nn

from livesim.config.settings import Camera as CameraSettings
from livesim.config.settings import Reconstruction
from livesim.reconstruction.volume.estimate import volume_noise_to_signal
from livesim.reconstruction.volume.forward import expected_volume
from livesim.reconstruction.volume.plan import make_volume_plan
from livesim.reconstruction.volume.reconstructor import VolumeReconstructor
from livesim_models.data.varied.camera import drawn_camera, photographed
from livesim_models.data.varied.example import EDGE, gain_db, weighed_difference
from livesim_models.data.varied.textures import Random
from livesim_models.data.volumes.instrument import drawn_volume_instrument
from livesim_models.data.volumes.scenery import Grid, VolumeSceneries
from livesim_models.data.volumes.truth import perfect_volume
from livesim_models.normalisation import levels_of
from livesim_models.volume.conditions import given_planes, volume_conditions
from livesim_models.volume.restore import plain_and_white
from livesim_models.volume.step import PlanesHybrid

PHOTONS = (3.0, 2000.0)
_BEYOND = 10
"""Layers of the specimen before the first plane and after the last, at most."""


@dataclass(frozen=True, slots=True, eq=False)
class PlanesExample:
    """Planes of volumes, what a network is given of them, and the planes wanted."""

    plain: Tensor
    """[batch, 2 y, 2 x] photo-electrons per raw pixel."""
    channels: Tensor
    """[batch, channel, 2 y, 2 x]."""
    unit: Tensor
    """[batch, 2 y, 2 x] of what the network returns."""
    target: Tensor
    """[batch, 2 y, 2 x]"""
    span: Tensor
    """[batch, 1, 1] what counts as 1 above what counts as 0."""

    def to(self, device: torch.device) -> PlanesExample:
        """Return the same on `device`."""
        return PlanesExample(*(getattr(self, field.name).to(device) for field in fields(self)))

    def turned(self, symmetry: int) -> PlanesExample:
        """Return a batch in one of the eight symmetries of the square, 0 ... 7."""

        def turn(images: Tensor) -> Tensor:
            return torch.rot90(images.flip(-1) if symmetry & 4 else images, symmetry & 3, (-2, -1))

        return PlanesExample(*(turn(getattr(self, field.name)) for field in fields(self)))

    def chosen(self, first: int, every: int) -> PlanesExample:
        """Return every so many planes, from the first on."""
        part = slice(first, None, every)
        return PlanesExample(*(getattr(self, field.name)[part] for field in fields(self)))

    def restored(self, step: nn.Module) -> Tensor:
        """Return what a network makes of the planes, [batch, 2 y, 2 x]."""
        return cast(PlanesHybrid, step).restored(self.plain, self.channels, self.unit)

    def loss(self, restored: Tensor) -> Tensor:
        """Return the mean difference to the target, less where the plain plane is worse."""
        return weighed_difference(restored, self.plain, self.target, self.span)

    def decibels(self, restored: Tensor) -> Tensor:
        """Return by how many dB restored planes are nearer to the target than plain ones."""
        return gain_db(restored, self.plain, self.target, self.span)


def joined(examples: list[PlanesExample]) -> PlanesExample:
    """Put planes of one size together."""
    return PlanesExample(
        *(
            torch.cat([getattr(one, field.name) for one in examples])
            for field in fields(PlanesExample)
        )
    )


def drawn_volume_example(
    sceneries: VolumeSceneries, size: int, planes: int, random: Random, photons: float | None = None
) -> PlanesExample:
    """Return all planes of a volume of `size` x `size` raw pixels, less the borders.

    Everything is drawn from `random`, so the same state gives the same example.

    Parameters
    ----------
    photons
        At the brightest pixel of the widefield planes; None = drawn as well.
    """
    if photons is None:
        photons = math.exp(random.uniform(math.log(PHOTONS[0]), math.log(PHOTONS[1])))
    own, camera = drawn_volume_instrument(size, planes, photons, random), drawn_camera(random)
    beyond = int(random.integers(0, _BEYOND + 1))
    pattern = own.true
    grid = Grid(
        (planes + 2 * beyond, 2 * size, 2 * size),
        pattern.z_step_nm,
        pattern.lateral.pixel_nm / 2.0,
    )
    density = torch.from_numpy(sceneries(grid, random)).double()
    light = expected_volume(density, pattern, own.pupil, first=beyond, moved_um=own.moved_um)
    scale = photons / max(float(light.mean(dim=(1, 2)).max()), 1e-9)
    floor = photons * random.uniform(0.0, 0.4) if random.random() < 0.5 else 0.0
    mean = (scale * light + floor).float()
    frames = photographed(mean.flatten(0, 2), camera, random).reshape(mean.shape)
    widefield = frames.mean(dim=(1, 2))
    angles = len(pattern.lateral.angles)
    known = own.known.with_noise(volume_noise_to_signal(widefield, own.known_optics, angles))
    plan = make_volume_plan(known, own.optics, CameraSettings(), Reconstruction())
    conditions = volume_conditions(plan, camera.believed_read_noise, own.step)
    conditions = conditions.at_levels(levels_of(widefield))
    plain, white = plain_and_white(VolumeReconstructor(plan), frames, conditions)
    wanted = perfect_volume((camera.gain_error * scale * density).float(), known, own.optics)
    target = wanted[beyond : beyond + planes] + plan.even * camera.gain_error * floor
    channels, unit = given_planes(plain, white, widefield, conditions)
    low, high = conditions.values[:2]
    edge = slice(2 * EDGE, -2 * EDGE)

    def inside(image: Tensor) -> Tensor:
        return image[..., edge, edge].clone()

    span = (high - low).expand(planes, 1, 1).clone()
    return PlanesExample(inside(plain), inside(channels), inside(unit), inside(target), span)
