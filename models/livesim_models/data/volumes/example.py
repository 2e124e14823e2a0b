"""Make the planes of one volume that a network is given, and what it should return."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor, nn

from livesim.config.settings import Camera as CameraSettings
from livesim.config.settings import Reconstruction
from livesim.reconstruction.volume.plan import make_volume_plan
from livesim.reconstruction.volume.reconstructor import VolumeReconstructor
from livesim_models.data.varied.example import EDGE, gain_db, lacking
from livesim_models.data.volumes.taken import TakenVolume
from livesim_models.normalisation import levels_of
from livesim_models.volume.conditions import given_planes, volume_conditions
from livesim_models.volume.denoise import FrameDenoiser
from livesim_models.volume.restore import plain_and_white
from livesim_models.volume.step import PlanesStep


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

    def chosen(self, planes: slice) -> PlanesExample:
        """Return some of the planes."""
        return PlanesExample(*(getattr(self, field.name)[planes] for field in fields(self)))

    def restored(self, step: nn.Module) -> Tensor:
        """Return what a network makes of the planes, [batch, 2 y, 2 x]."""
        restored: Tensor = step(self.plain, self.channels, self.unit)
        return restored

    def loss(self, restored: Tensor) -> Tensor:
        """Return the mean decibels that restored planes lack."""
        return lacking(self.decibels(restored))

    def decibels(self, restored: Tensor) -> Tensor:
        """Return by how many dB restored planes are nearer to the target than plain ones."""
        return gain_db(restored, self.plain, self.target, self.span)


def planes_example(taken: TakenVolume, behind: PlanesStep | None = None) -> PlanesExample:
    """Return all planes of a volume as a step two sees them, less the borders.

    Parameters
    ----------
    behind
        The step one that it is going to work behind.
    """
    plan = make_volume_plan(taken.known, taken.own.optics, CameraSettings(), Reconstruction())
    widefield = taken.widefield
    conditions = volume_conditions(plan, taken.read_noise, taken.own.step)
    conditions = conditions.at_levels(levels_of(widefield))
    make = VolumeReconstructor(plan)
    plain, white = plain_and_white(make, taken.frames, conditions)
    denoised = None
    if behind is not None:
        denoise = FrameDenoiser(behind, taken.known.lateral, taken.read_noise)
        quiet = torch.stack(list(denoise(lambda z: taken.frames[z], len(plain))))
        denoised = plain_and_white(make, quiet, conditions)
    target = taken.wanted + plan.even * taken.floor
    channels, unit = given_planes(plain, white, widefield, conditions, denoised)
    low, high = conditions.values[:2]
    edge = slice(2 * EDGE, -2 * EDGE)

    def inside(image: Tensor) -> Tensor:
        return image[..., edge, edge].clone()

    span = (high - low).expand(len(plain), 1, 1).clone()
    return PlanesExample(inside(plain), inside(channels), inside(unit), inside(target), span)
