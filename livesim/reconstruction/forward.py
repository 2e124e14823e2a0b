"""Object and pattern in, expected photons and camera counts out: the only physics in livesim."""

from __future__ import annotations

import torch
from torch import Tensor

from livesim.config import Camera
from livesim.frames import PatternAngle
from livesim.reconstruction.grid import frequency_axes, positions
from livesim.reconstruction.otf import Otf


def illumination(angle: PatternAngle, shape: tuple[int, int], pixel_um: float) -> Tensor:
    """Return the light of every phase, I = 1 + sum_h m_h cos(2 pi h k.r + h phi), [phase, y, x].

    `shape` and `pixel_um` are those of the grid wanted; float64, mean 1.
    """
    y, x = positions(shape, pixel_um)
    kx, ky = angle.k_cycles_per_um
    carrier = 2.0 * torch.pi * (kx * x + ky * y)
    phases = torch.tensor(angle.phases_rad, dtype=torch.float64)[:, None, None]
    light = torch.ones(len(phases), *shape, dtype=torch.float64)
    for harmonic, modulation in enumerate(angle.modulation, start=1):
        light += modulation * torch.cos(harmonic * (carrier + phases))
    if angle.intensity:
        light *= torch.tensor(angle.intensity, dtype=torch.float64)[:, None, None]
    return light


def image(emitted: Tensor, otf: Otf, pixel_um: float) -> Tensor:
    """Blur `emitted` [..., y, x] (sampled at `pixel_um`, periodic) with the OTF."""
    fy, fx = frequency_axes((emitted.shape[-2], emitted.shape[-1]), pixel_um)
    spectrum = torch.fft.fft2(emitted)
    return torch.fft.ifft2(spectrum * otf.at(fy, fx).to(spectrum.dtype)).real


def expected_photons(
    specimen: Tensor, angles: tuple[PatternAngle, ...], otf: Otf, pixel_um: float
) -> Tensor:
    """Return the mean photo-electrons of every raw frame, [angle, phase, y, x].

    Parameters
    ----------
    specimen
        [2 y, 2 x], photo-electrons per raw pixel that the object would give in uniform light, on
        the doubled grid, non-negative.
    angles
        The illumination of every angle.
    otf
        Of the microscope.
    pixel_um
        The raw pixel; `specimen` is sampled at half of it.
    """
    fine = pixel_um / 2.0
    shape = (specimen.shape[-2], specimen.shape[-1])
    stacks = [
        image(specimen * illumination(angle, shape, fine).to(specimen), otf, fine)[:, ::2, ::2]
        for angle in angles
    ]
    return torch.stack(stacks).clamp(min=0.0)


def camera_counts(photons: Tensor, camera: Camera, generator: torch.Generator) -> Tensor:
    """Draw camera counts (uint16) for mean `photons`: shot noise, read noise, gain, offset."""
    electrons = torch.poisson(photons, generator=generator)
    if camera.read_noise > 0.0:
        noise = torch.randn(photons.shape, generator=generator, dtype=photons.dtype)
        electrons = electrons + camera.read_noise * noise
    counts = (electrons * camera.gain + camera.offset).round()
    return counts.clamp(0.0, 65535.0).to(torch.uint16)
