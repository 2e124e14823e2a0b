"""An image and the raw photons in; by how many standard deviations they disagree out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from livesim.config import Apodization, Camera
from livesim.frames import Pattern
from livesim.reconstruction.forward import (
    Illumination,
    expected_frames,
    illumination,
    image,
    residual_sigmas,
    sampled_transfer,
)
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.separation import groups
from livesim_models.evaluation.reference import DEFAULT as COSINE
from livesim_models.evaluation.reference import result_transfer
from livesim_models.evaluation.similarity import BORDER, Picture

DENIED_SIGMAS = 4.0
"""Noise alone goes beyond it in 1 of 16 000 pixels."""
_LEAST_TRANSFER = 0.05
"""Where a result passes less than this, its content is not trusted."""
_LEAST_VARIANCE = 0.25
"""Photo-electrons squared, so that dark pixels of a camera without read noise do not rule."""


@dataclass(frozen=True, eq=False)
class Residual:
    """What the photons say against an image."""

    rms_sigmas: float
    """Of the raw pixels of all frames: 1 where the image explains all but the noise."""
    denied: float
    """Share of the map's pixels beyond `DENIED_SIGMAS`."""
    map_sigmas: Tensor
    """[2 y, 2 x] the residual brought back to the specimen: positive where the photons ask for
    more light, negative where for less; of noise alone mean 0 and variance 1."""


@dataclass(frozen=True, eq=False)
class Instrument:
    """All that lies between a specimen and the counts."""

    pattern: Pattern
    otf: Otf
    camera: Camera
    apodization: Apodization = COSINE
    """Of the results."""


def residual(
    result: Picture, counts: Tensor, instrument: Instrument, border: int = BORDER
) -> Residual:
    """Return by how much `result` and the raw photons contradict each other.

    The result's own low-pass is divided out, the object seen through the forward model, and what is
    expected then fitted to the photons with one scale and one offset for the stack: the residual
    speaks of structure, not of brightness.

    Parameters
    ----------
    result
        [2 y, 2 x] in any unit, 0 where there is no light.
    counts
        [angle, phase, y, x] of the raw stack.
    instrument
        That took them.
    border
        Pixels of the doubled grid left out on every side.

    Raises
    ------
    ValueError
        If the shapes do not fit.
    """
    pattern = _lit(instrument.pattern)
    _check(result, counts, pattern)
    shape = (result.shape[0], result.shape[1])
    sharp = _object(torch.from_numpy(np.asarray(result, dtype=np.float64)), instrument)
    transfer = sampled_transfer(instrument.otf, shape, pattern.pixel_nm / 2000.0)
    expected = torch.stack(
        [
            expected_frames(sharp, Illumination.of(group), transfer, pattern.pixel_nm / 1000.0)
            for group in groups(pattern)
        ]
    )
    sigmas = _sigmas(counts.reshape(expected.shape), expected, instrument.camera, border // 2)
    map_sigmas = _map(sigmas, pattern, transfer)
    return Residual(
        rms_sigmas=float(_inside(sigmas, border // 2).square().mean().sqrt()),
        denied=float((_inside(map_sigmas, border).abs() > DENIED_SIGMAS).double().mean()),
        map_sigmas=map_sigmas,
    )


def _inside(values: Tensor, border: int) -> Tensor:
    rows, columns = values.shape[-2:]
    return values[..., border : rows - border, border : columns - border]


def _lit(pattern: Pattern) -> Pattern:
    """Return the pattern as the reconstruction takes it: angles not found give uniform light."""
    angles = (
        angle if angle.usable else replace(angle, modulation=(0.0,) * len(angle.modulation))
        for angle in pattern.angles
    )
    return replace(pattern, angles=tuple(angles))


def _check(result: Picture, counts: Tensor, pattern: Pattern) -> None:
    frames = sum(len(group.frames) for group in groups(pattern))
    rows, columns = pattern.shape
    if result.shape != (2 * rows, 2 * columns) or counts.numel() != frames * rows * columns:
        raise ValueError(
            f"expected a result of {(2 * rows, 2 * columns)} and {frames} raw frames of "
            f"{pattern.shape}, found {result.shape} and {tuple(counts.shape)}"
        )


def _object(result: Tensor, instrument: Instrument) -> Tensor:
    """Return the specimen [2 y, 2 x] that a perfect microscope shows as `result`."""
    shape = (result.shape[0], result.shape[1])
    passed = result_transfer(shape, instrument.pattern, instrument.otf, instrument.apodization)
    known = torch.where(passed > _LEAST_TRANSFER, 1.0 / passed.clamp(min=_LEAST_TRANSFER), 0.0)
    return torch.real(torch.fft.ifft2(torch.fft.fft2(result) * known))


def _sigmas(counts: Tensor, expected: Tensor, camera: Camera, border: int) -> Tensor:
    """Return the residual in standard deviations after the best scale and offset."""
    seen = (counts.double() - camera.offset) / camera.gain
    weight = torch.ones_like(seen)
    for _ in range(2):  # plain first; then weighed with the noise that the first fit expects
        fitted = _fitted(expected, seen, weight, border)
        weight = 1.0 / (fitted + camera.read_noise**2).clamp(min=_LEAST_VARIANCE)
    return residual_sigmas(counts, fitted, camera)


def _fitted(expected: Tensor, seen: Tensor, weight: Tensor, border: int) -> Tensor:
    """Return `expected` with the scale and offset that fit it to `seen` best inside the border."""
    found, aim, share = (_inside(v, border) for v in (expected, seen, weight))
    share = share / share.sum()
    mean_found, mean_aim = (share * found).sum(), (share * aim).sum()
    spread = found - mean_found
    power = (share * spread.square()).sum()
    scale = (share * spread * aim).sum() / power if power > 0.0 else 0.0
    return torch.clamp(mean_aim + scale * (expected - mean_found), min=0.0)


def _map(sigmas: Tensor, pattern: Pattern, transfer: Tensor) -> Tensor:
    """Return sum_n I_n (h * z_n) / sqrt(sum_n I_n^2 |h|^2), [2 y, 2 x], z the residual in sigmas.

    It is the derivative of the likelihood towards the specimen, in units of its standard deviation:
    the linear filter that shows a point too bright or too dark best.
    """
    shape = (transfer.shape[0], transfer.shape[1])
    fine_um = pattern.pixel_nm / 2000.0
    total = torch.zeros(shape, dtype=sigmas.dtype)
    power = torch.zeros_like(total)
    for group, frames in zip(groups(pattern), sigmas, strict=True):
        light = illumination(Illumination.of(group), shape, fine_um, dtype=sigmas.dtype)
        for one, frame in zip(light, frames, strict=True):
            placed = torch.zeros_like(total)
            placed[::2, ::2] = frame
            total += one * image(placed, transfer, fine_um)
            power += one.square()
    # Every second sample in both directions: a quarter of the squared PSF's sum.
    norm = transfer.square().mean() / 4.0
    return total / (power * norm).sqrt()
