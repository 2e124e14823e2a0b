"""Predict the photons that a specimen gives: with its parts, the only physics in livesim.

The parts: `illumination` makes the light, `otf` and `pupil` the blur, `sensor` the counts.
"""

from __future__ import annotations

import torch
from torch import Tensor

from livesim.reconstruction.forward.illumination import Illumination, illumination
from livesim.reconstruction.forward.pupil import Pupil
from livesim.reconstruction.forward.sensor import Sensor, camera_counts, residual_sigmas
from livesim.reconstruction.grid import frequency_axes
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.separation import groups
from livesim.values.pattern import Pattern

__all__ = [
    "Illumination",
    "Otf",
    "Pupil",
    "Sensor",
    "Transfer",
    "camera_counts",
    "expected_frames",
    "expected_photons",
    "illumination",
    "image",
    "out_of_focus",
    "residual_sigmas",
    "sampled_transfer",
]

Transfer = Otf | Pupil | Tensor
"""An OTF, a pupil, or either sampled once for many calls: [2 y, 2 x] in FFT order."""


def sampled_transfer(transfer: Transfer, shape: tuple[int, int], pixel_um: float) -> Tensor:
    """Return `transfer` on a grid of `shape` and `pixel_um`, [y, x] in FFT order.

    Raises
    ------
    ValueError
        If it is sampled already and has another shape.
    """
    if isinstance(transfer, Otf):
        return transfer.at(*frequency_axes(shape, pixel_um))
    if isinstance(transfer, Pupil):
        return transfer.transfer(shape, pixel_um)
    if tuple(transfer.shape) != shape:
        raise ValueError(
            f"expected a transfer function of shape {shape}, found {tuple(transfer.shape)}"
        )
    return transfer


def image(emitted: Tensor, transfer: Transfer, pixel_um: float) -> Tensor:
    """Blur `emitted` [..., y, x], real, periodic, sampled at `pixel_um`; same shape and dtype."""
    shape = (emitted.shape[-2], emitted.shape[-1])
    half = sampled_transfer(transfer, shape, pixel_um)[:, : shape[1] // 2 + 1]
    spectrum = torch.fft.rfft2(emitted)
    kind = spectrum.dtype if half.is_complex() else emitted.dtype
    return torch.fft.irfft2(spectrum * half.to(device=spectrum.device, dtype=kind), s=shape)


def out_of_focus(layer: Tensor, transfer: Transfer, pixel_um: float) -> Tensor:
    """Return the light of a layer out of focus, [..., y, x] photo-electrons, a raw frame's grid.

    The fringes are taken to be washed out there, so it is the same in every frame: give it to
    `expected_photons` as `background`. `layer` [..., 2 y, 2 x] is like a specimen, `transfer` that
    of a defocused `Pupil`, `pixel_um` the raw pixel.
    """
    return image(layer, transfer, pixel_um / 2.0)[..., ::2, ::2]


def expected_frames(
    specimen: Tensor,
    light: Illumination,
    transfer: Transfer,
    pixel_um: float,
    *,
    background: Tensor | float = 0.0,
    visibility: Tensor | None = None,
) -> Tensor:
    """Return the mean photo-electrons of a group of frames, [frame, y, x].

    Linear in specimen and background, differentiable in everything; as `expected_photons`, but
    `specimen` is [2 y, 2 x] or [frame, 2 y, 2 x], `background` broadcasts to [frame, y, x], and
    nothing is clipped.
    """
    fine, shape = pixel_um / 2.0, _fine_shape(specimen)
    passed = sampled_transfer(transfer, shape, fine)
    objects = specimen.expand(light.frames, *shape)
    frames = []
    for number in range(light.frames):  # one by one: a frame of 2048² takes much memory
        one = illumination(
            light.frame(number), shape, fine, visibility=visibility, dtype=specimen.dtype
        )
        frames.append(image(objects[number] * one[0], passed, fine)[::2, ::2])
    glow = torch.as_tensor(background, dtype=specimen.dtype, device=specimen.device)
    return torch.stack(frames) + light.intensity.to(specimen)[:, None, None] * glow


def expected_photons(
    specimen: Tensor,
    pattern: Pattern,
    transfer: Transfer,
    *,
    background: Tensor | float = 0.0,
    visibility: Tensor | None = None,
) -> Tensor:
    """Return the mean photo-electrons of every raw frame, [angle, phase, y, x].

    Parameters
    ----------
    specimen
        Photo-electrons per raw pixel that the object would give in uniform light, on the doubled
        grid, non-negative: [2 y, 2 x], or [angle, phase, 2 y, 2 x] where it moves between frames.
    pattern
        The illumination; its pixel is the raw one. Of a hexagonal stack [1, 7, y, x] comes back.
    transfer
        Of the microscope.
    background
        Photo-electrons per raw pixel without pattern, a number or anything that broadcasts to
        [angle, phase, y, x]; like the specimen it follows the brightness of the frames.
    visibility
        [2 y, 2 x]: multiplies the modulation.

    Raises
    ------
    ValueError
        If a shape does not fit.
    """
    pixel_um, shape = pattern.pixel_nm / 1000.0, _fine_shape(specimen)
    parts = groups(pattern)
    frames = len(parts[0].frames)
    objects = _in_every_frame(specimen, (len(parts), frames))
    glow = torch.as_tensor(background, dtype=specimen.dtype, device=specimen.device)
    glow = glow.expand(len(parts), frames, shape[0] // 2, shape[1] // 2)
    passed = sampled_transfer(transfer, shape, pixel_um / 2.0)
    stacks = [
        expected_frames(
            objects[number],
            Illumination.of(part, device=specimen.device),
            passed,
            pixel_um,
            background=glow[number],
            visibility=visibility,
        )
        for number, part in enumerate(parts)
    ]
    return torch.stack(stacks).clamp(min=0.0)


def _fine_shape(specimen: Tensor) -> tuple[int, int]:
    shape = (specimen.shape[-2], specimen.shape[-1])
    if shape[0] % 2 or shape[1] % 2:
        raise ValueError(f"expected a specimen on the doubled grid, of even size, found {shape}")
    return shape


def _in_every_frame(specimen: Tensor, stack: tuple[int, int]) -> Tensor:
    """Return `specimen` as [angle, phase, 2 y, 2 x], without copying it."""
    if specimen.ndim != 2 and tuple(specimen.shape[:-2]) != stack:
        raise ValueError(
            f"expected a specimen [y, x] or one for each of {stack[0]} x {stack[1]} frames, "
            f"found the shape {tuple(specimen.shape)}"
        )
    return specimen.expand(*stack, *specimen.shape[-2:])
