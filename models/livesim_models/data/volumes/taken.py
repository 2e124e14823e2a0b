"""Draw a volume as a camera takes it, and what is known of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.reconstruction.volume.estimate import volume_noise_to_signal
from livesim.reconstruction.volume.forward import expected_volume
from livesim.values.volume_pattern import VolumePattern
from livesim_models.data.varied.camera import Camera, drawn_camera, photographed
from livesim_models.data.varied.textures import Random
from livesim_models.data.volumes.instrument import VolumeInstrument, drawn_volume_instrument
from livesim_models.data.volumes.scenery import Grid, VolumeSceneries
from livesim_models.data.volumes.truth import perfect_volume

PHOTONS = (3.0, 2000.0)
_BEYOND = 10
"""Layers of the specimen before the first plane and after the last, at most."""


@dataclass(frozen=True, slots=True, eq=False)
class TakenVolume:
    """A volume as it was taken, in what are believed to be photo-electrons."""

    own: VolumeInstrument
    known: VolumePattern
    """With the noise of the volume."""
    frames: Tensor
    """[z, angle, phase, y, x]."""
    expected: Tensor
    """The same without noise."""
    camera: Camera
    specimen: Tensor
    """[layer, 2 y, 2 x], layers beyond the stack included."""
    beyond: int
    """Layers on either side."""
    floor: float
    """Light without structure in every frame."""

    @property
    def read_noise(self) -> float:
        """As believed, electrons."""
        return self.camera.believed_read_noise

    @property
    def widefield(self) -> Tensor:
        """The mean frames [z, y, x]."""
        return self.frames.mean(dim=(1, 2))

    @property
    def wanted(self) -> Tensor:
        """The planes [z, 2 y, 2 x] as a perfect result shows them, less the floor."""
        whole = perfect_volume(self.specimen, self.known, self.own.optics)
        return whole[self.beyond : self.beyond + len(self.frames)]


def taken_volume(
    sceneries: VolumeSceneries, size: int, planes: int, random: Random, photons: float | None = None
) -> TakenVolume:
    """Return a volume of `size` x `size` raw pixels.

    Everything is drawn from `random`, so the same state gives the same volume.

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
    gain = camera.gain_error
    expected = (gain * (scale * light + floor)).float()
    frames = noisy(expected, camera, random)
    angles = len(pattern.lateral.angles)
    noise = volume_noise_to_signal(frames.mean(dim=(1, 2)), own.known_optics, angles)
    return TakenVolume(
        own=own,
        known=own.known.with_noise(noise),
        frames=frames,
        expected=expected,
        camera=camera,
        specimen=(gain * scale * density).float(),
        beyond=beyond,
        floor=gain * floor,
    )


def noisy(expected: Tensor, camera: Camera, random: Random) -> Tensor:
    """Return what a camera makes of expected frames, in what are believed to be photo-electrons."""
    mean = expected / camera.gain_error
    return photographed(mean.flatten(0, 2), camera, random).reshape(mean.shape)
