"""Make what a step one for volumes is given, and what its frames should be reconstructed to."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from livesim.config.settings import Camera as CameraSettings
from livesim.config.settings import Reconstruction
from livesim.reconstruction.volume.plan import VolumePlan, make_volume_plan
from livesim.values.pattern import Pattern
from livesim_models.data.varied.camera import Camera
from livesim_models.data.varied.example import EDGE, gain_db, lacking
from livesim_models.data.volumes.taken import TakenVolume, noisy
from livesim_models.normalisation import levels_of
from livesim_models.volume.denoise import in_more_light
from livesim_models.volume.orders import PlaneOrders, given_orders, noise_of
from livesim_models.volume.through import image_through, spectrum_through

_END_PLANES = 2
"""That do not count at either end: what lies beyond the stack blurs them most."""


@dataclass(frozen=True, slots=True, eq=False)
class FramesExample:
    """A volume whose noise is drawn again whenever it is shown, and what it should look like."""

    expected: Tensor
    """[z, angle, phase, y, x] the frames without noise, photo-electrons."""
    camera: Camera
    pattern: Pattern
    """As it is believed."""
    plan: VolumePlan
    """For photo-electrons."""
    frames: Tensor
    """[z, angle, phase, y, x] photo-electrons."""
    plain: Tensor
    """[z, 2 y, 2 x] of them, as if there had been as much light as the target is for."""
    target: Tensor
    """[z, 2 y, 2 x] the same without noise."""

    def to(self, device: torch.device) -> FramesExample:
        """Return the same on `device`."""
        plan = self.plan.to(device)
        images = (self.frames, self.plain, self.target)
        moved = (one.to(device) for one in images)
        return FramesExample(self.expected, self.camera, self.pattern, plan, *moved)

    def turned(self, symmetry: int) -> FramesExample:
        """Return the same volume with other noise, one of eight."""
        seed = zlib.crc32(self.expected.numpy().tobytes())
        random = np.random.default_rng((seed, symmetry))
        frames = noisy(self.expected, self.camera, random).to(self.frames.device)
        return replace(self, frames=frames, plain=_shown(self.plan, frames))

    def restored(self, step: nn.Module) -> Tensor:
        """Return the volume [z, 2 y, 2 x] of the frames that a network denoises."""
        on = self.frames.device
        between = PlaneOrders(self.pattern, on)
        with torch.autocast(on.type, enabled=False):
            orders = between.of(self.frames)
            noise = noise_of(self.frames.mean(dim=(1, 2)), self.camera.believed_read_noise)
            channels = given_orders(orders, noise)
        denoised = step(orders, channels, noise)
        with torch.autocast(on.type, enabled=False):
            return _shown(self.plan, between.frames(denoised))

    def loss(self, restored: Tensor) -> Tensor:
        """Return the mean decibels that restored planes lack."""
        return lacking(self.decibels(restored))

    def decibels(self, restored: Tensor) -> Tensor:
        """Return by how many dB a restored volume is nearer to the target than the plain one."""
        edge = slice(2 * EDGE, -2 * EDGE)
        inner = (slice(_END_PLANES, -_END_PLANES), edge, edge)
        levels = levels_of(self.target)
        span = restored.new_tensor(levels.high - levels.low).reshape(1, 1, 1)
        image, plain, target = (
            one[inner].flatten(1)[None] for one in (restored, self.plain, self.target)
        )
        return gain_db(image, plain, target, span)


def frames_example(taken: TakenVolume) -> FramesExample:
    """Return what a step one sees of a volume, and what should be seen in the end."""
    plan = make_volume_plan(taken.known, taken.own.optics, CameraSettings(), Reconstruction())
    plain, target = (_shown(plan, one) for one in (taken.frames, taken.expected))
    pattern = taken.known.lateral
    return FramesExample(taken.expected, taken.camera, pattern, plan, taken.frames, plain, target)


def _shown(plan: VolumePlan, frames: Tensor) -> Tensor:
    """Return the volume of frames as if they had been taken in more light."""
    return image_through(plan, in_more_light(spectrum_through(plan, frames), plan))
