"""Measure by how many standard deviations an image and the raw photons disagree."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from livesim.config.settings import Apodization, Camera
from livesim.reconstruction.forward.model import residual_sigmas
from livesim.reconstruction.forward.projection import Projection
from livesim.reconstruction.forward.sensor import Sensor
from livesim.reconstruction.grid import frequency_axes
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.separation import groups
from livesim.values.pattern import Pattern
from livesim_models.evaluation.reference import DEFAULT as COSINE
from livesim_models.evaluation.reference import result_transfer
from livesim_models.evaluation.similarity import BORDER, Picture

DENIED_SIGMAS = 4.0
"""Noise alone goes beyond it in 1 of 16 000 pixels."""
_BEYOND = 1.03
"""Of the optical cut-off: what lies farther out is noise."""
_LEAST_TRANSFER = 0.05
"""Where a result passes less than this, its content is not trusted."""
_LEAST_VARIANCE = 0.25
"""Photo-electrons squared, so that dark pixels of a camera without read noise do not rule."""


@dataclass(frozen=True, eq=False)
class Residual:
    """How far an image and the photons contradict each other."""

    rms_sigmas: float
    """Of the raw pixels of all frames: 1 where the image explains all but the noise."""
    denied: float
    """Share of the map's pixels beyond `DENIED_SIGMAS`."""
    map_sigmas: Tensor
    """[2 y, 2 x] the residual brought back to the specimen: positive where the photons ask for
    more light, negative where for less; of noise alone mean 0 and variance 1."""


@dataclass(frozen=True, eq=False)
class Instrument:
    """Pattern, OTF and camera: all that lies between a specimen and the counts."""

    pattern: Pattern
    otf: Otf
    camera: Camera | Sensor
    apodization: Apodization = COSINE
    """Of the results."""


@dataclass(frozen=True, eq=False)
class Explained:
    """The raw stack that an image predicts, and its residuals."""

    photons: Tensor
    """[frame, y, x] photo-electrons that it expects, fitted with one scale and one offset."""
    sigmas: Tensor
    """[frame, y, x] what was measured minus that, in standard deviations."""
    weights: Tensor
    """[frame, y, x] one over those standard deviations, 1/photo-electrons."""


class Reprojection:
    """Compares images of one instrument, seen through its forward model, with raw photons.

    The result's own low-pass is divided out, the object seen through the forward model, and what is
    expected then fitted to the photons with one scale and one offset for the stack: the residual
    speaks of structure, not of brightness.

    Parameters
    ----------
    instrument
        That took the stacks.
    border
        Pixels of the doubled grid left out of the fit on every side.
    device, dtype
        Where and in which numbers to compute.
    """

    def __init__(
        self,
        instrument: Instrument,
        border: int = BORDER,
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        pattern = _lit(instrument.pattern)
        self.projection = Projection(pattern, instrument.otf, device=device, dtype=dtype)
        self.camera = camera = instrument.camera
        """Whose pixels may differ in read noise alone."""
        sensor = Sensor.of(camera) if isinstance(camera, Camera) else camera
        self._dark = sensor.read_noise.square().to(device=device, dtype=dtype)
        self._border = border // 2
        shape = self.projection.shape
        passed = result_transfer(shape, pattern, instrument.otf, instrument.apodization)
        known = torch.where(passed > _LEAST_TRANSFER, 1.0 / passed.clamp(min=_LEAST_TRANSFER), 0.0)
        self._known = known.to(device=device, dtype=dtype)
        fy, fx = frequency_axes(pattern.shape, pattern.pixel_nm / 1000.0, device=device)
        self.band = torch.sqrt(fy * fy + fx * fx) < _BEYOND * instrument.otf.cutoff
        """[y, x] in FFT order: the frequencies that the optics pass."""

    def explained(self, result: Tensor, counts: Tensor) -> Explained:
        """Hold a result [2 y, 2 x] in any unit, 0 where there is no light, against raw counts."""
        expected = self.projection.frames(self._object(result.to(self._known)))
        return self._explained(expected, counts.to(self._known))

    def _explained(self, expected: Tensor, counts: Tensor) -> Explained:
        """Return what is expected after the best scale and offset."""
        camera = self.camera
        seen = (counts - camera.offset) / camera.gain
        fitted, weights = expected, torch.ones_like(seen)
        for _ in range(2):  # plain first; then weighed with the noise that the first fit expects
            fitted = _fitted(expected, seen, weights, self._border)
            weights = 1.0 / (fitted + self._dark).clamp(min=_LEAST_VARIANCE)
        return Explained(fitted, residual_sigmas(counts, fitted, camera), weights.sqrt())

    def map(self, sigmas: Tensor) -> Tensor:
        """Return residuals [frame, y, x] brought back to the specimen, [2 y, 2 x] in sigmas."""
        return self.projection.back(sigmas)

    def _object(self, result: Tensor) -> Tensor:
        """Return the specimen [2 y, 2 x] that a perfect microscope shows as `result`."""
        return torch.real(torch.fft.ifft2(torch.fft.fft2(result) * self._known))


def residual(
    result: Picture, counts: Tensor, instrument: Instrument, border: int = BORDER
) -> Residual:
    """Return by how much `result` and the raw photons contradict each other.

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
    frames = counts.flatten(0, -3)
    _check(result, frames, instrument.pattern)
    reprojection = Reprojection(instrument, border, dtype=torch.float64)
    found = reprojection.explained(torch.from_numpy(np.asarray(result, dtype=np.float64)), frames)
    map_sigmas = reprojection.map(found.sigmas)
    return Residual(
        rms_sigmas=float(inside(found.sigmas, border // 2).square().mean().sqrt()),
        denied=float((inside(map_sigmas, border).abs() > DENIED_SIGMAS).double().mean()),
        map_sigmas=map_sigmas,
    )


def inside(values: Tensor, border: int) -> Tensor:
    """Return [..., y, x] without its border."""
    rows, columns = values.shape[-2:]
    return values[..., border : rows - border, border : columns - border]


def _lit(pattern: Pattern) -> Pattern:
    """Return the pattern as the reconstruction takes it: angles not found give uniform light."""
    angles = (
        angle if angle.usable else replace(angle, modulation=(0.0,) * len(angle.modulation))
        for angle in pattern.angles
    )
    return replace(pattern, angles=tuple(angles))


def _check(result: Picture, frames: Tensor, pattern: Pattern) -> None:
    count = sum(len(group.frames) for group in groups(pattern))
    rows, columns = pattern.shape
    if result.shape != (2 * rows, 2 * columns) or frames.shape != (count, rows, columns):
        raise ValueError(
            f"expected a result of {(2 * rows, 2 * columns)} and {count} raw frames of "
            f"{pattern.shape}, found {result.shape} and {tuple(frames.shape)}"
        )


def _fitted(expected: Tensor, seen: Tensor, weight: Tensor, border: int) -> Tensor:
    """Return `expected` with the scale and offset that fit it to `seen` best inside the border."""
    found, aim, share = (inside(v, border) for v in (expected, seen, weight))
    share = share / share.sum()
    mean_found, mean_aim = (share * found).sum(), (share * aim).sum()
    spread = found - mean_found
    power = (share * spread.square()).sum()
    scale = (share * spread * aim).sum() / power if power > 0.0 else 0.0
    return torch.clamp(mean_aim + scale * (expected - mean_found), min=0.0)
