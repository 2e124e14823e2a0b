"""Spectra and parameters in, how well the overlapping bands agree out, as small matrices."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.reconstruction.parameters import Coordinates, Parameters
from livesim.reconstruction.spectra import LOW, EstimationGrid, Spectra

_MODEL_ERROR = 0.05  # relative, of the OTF and of the uniformity of the pattern


@dataclass(frozen=True, eq=False)
class Overlap:
    """One order's overlap with the zero order, summed over time."""

    gram: Tensor
    """[channel, channel] of the windowed spectra."""
    noise: Tensor
    """Its expectation from noise alone."""
    gradient: Tensor
    """[channel] with the mismatch at the present parameters. Windowed frames do not quite obey
    the overlap, so the mismatch is formed of whole frames and windowed last. Zero if coarse."""


class Overlaps:
    """The overlaps of all orders at given parameters."""

    def __init__(self, spectra: Spectra, grid: EstimationGrid, at: Parameters) -> None:
        self._spectra, self._grid, self._at = spectra, grid, at
        self._unmixing = at.unmixing(spectra.noise)
        self._power = spectra.steady.power[grid.ring]

    def order(self, number: int, *, coarse: bool = False) -> Overlap:
        """Return the overlap of order `number` with the zero order.

        A coarse one, for a first solution with k held, needs less than half the transforms.
        """
        grid, spectra, at = self._grid, self._spectra, self._at
        order = at.orders[number]
        kx, ky = (order.harmonic * at.k[order.vector]).tolist()
        far, radius = grid.transfer_at(kx, ky)
        weight = self._weight(number, far, radius)
        inside = weight > 0.0
        ramp = grid.ramp(kx, ky)
        row = self._unmixing[1 + number].to(torch.complex64)
        base = self._unmixing[0].to(torch.complex64)
        channels = 2 * len(row) + 2
        gram = torch.zeros(channels, channels, dtype=torch.complex128)
        gradient = torch.zeros(channels, dtype=torch.complex128)
        carrier = ramp * grid.window
        series = zip(spectra.frames, spectra.spectrum, spectra.windowed, strict=True)
        for frames, spectrum, windowed in series:
            shifted = torch.fft.fft2(frames * carrier)
            stack = torch.cat([shifted * grid.transfer, windowed * far])[:, inside]
            if coarse:
                gram[:-2, :-2] += ((stack.conj() * weight[inside]) @ stack.T).to(torch.complex128)
                continue
            band = torch.tensordot(row, frames.to(row.dtype), dims=1) * ramp
            moved = _moments(band * grid.window, grid) * grid.transfer
            mismatch = torch.fft.fft2(band) * grid.transfer
            mismatch -= torch.tensordot(base, spectrum, dims=1) * far
            mismatch = torch.fft.fft2(torch.fft.ifft2(mismatch) * spectra.steady.trust)
            stack = torch.cat([stack, moved[:, inside]])
            weighted = stack.conj() * weight[inside]
            gram += (weighted @ stack.T).to(torch.complex128)
            gradient += (weighted @ mismatch[inside]).to(torch.complex128)
        noise = self._noise(number, weight, far)
        if coarse:
            gram[-2:, -2:] = 2.0 * noise[-2:, -2:]  # any curvature will do where k is held
        else:
            gradient[-2:] -= self._moment_noise(number, weight)
        return Overlap(gram, noise, gradient)

    def _moment_noise(self, number: int, weight: Tensor) -> Tensor:
        """Return what noise alone adds to the gradient of the two moments, summed over time.

        The mismatch passes the OTF before it is windowed, the moments after: where the OTF slopes,
        the same noise in both does not cancel, and would pull every k towards zero.
        """
        grid, spectra = self._grid, self._spectra
        _, band = self._variances(number)
        kept = spectra.steady.noise_share * spectra.window_power
        slope = (weight * grid.transfer * grid.slopes).double().sum(dim=(1, 2))
        return 0.5 * band * kept * len(spectra.frames) * slope

    def _variances(self, number: int) -> tuple[float, float]:
        power = self._unmixing.abs().square() @ self._spectra.noise
        return float(power[0]), float(power[1 + number])

    def _weight(self, number: int, far: Tensor, radius: Tensor) -> Tensor:
        grid = self._grid
        zero, band = self._variances(number)
        near = grid.transfer
        variance = band * near.square() + zero * far.square()
        variance = variance + self._power * (_MODEL_ERROR * near * far).square()
        weight = self._power / (zero * band + self._power * variance)
        low = LOW * grid.otf.cutoff
        outside = (grid.radius < low) | (radius < low) | (grid.transfer <= 0.0) | (far <= 0.0)
        return torch.where(outside, torch.zeros_like(weight), weight)

    def _noise(self, number: int, weight: Tensor, far: Tensor) -> Tensor:
        grid, frames = self._grid, self._spectra.noise
        near_share = float((weight * grid.transfer.square()).double().sum())
        far_share = float((weight * far.square()).double().sum())
        _, band = self._variances(number)
        spread = torch.tensor(
            [_mean_square(grid.window * axis) for axis in (grid.x, grid.y)], dtype=torch.float64
        )
        spread = spread / self._spectra.window_power
        moments = band * near_share * (2.0 * math.pi) ** 2 * spread
        diagonal = torch.cat([frames * near_share, frames * far_share, moments])
        diagonal = diagonal * len(self._spectra.frames) * self._spectra.window_power
        return torch.diag(diagonal).to(torch.complex128)


def _moments(band: Tensor, grid: EstimationGrid) -> Tensor:
    """Return the derivative of the band's spectrum with respect to kx and ky, [2, y, x]."""
    weights = torch.stack([band * grid.x.float(), band * grid.y.float()])
    return torch.fft.fft2(weights * (-2j * torch.pi))


def _mean_square(values: Tensor) -> float:
    return float(values.double().square().mean())


@dataclass(frozen=True, eq=False)
class Normal:
    """The quadratic model of the misfit around the present parameters."""

    curvature: Tensor
    scatter: Tensor
    """Of the gradient; the noise in the channels adds to it but not to the curvature."""
    gradient: Tensor
    misfit: float
    """Observed over expected mismatch, 1 where noise explains it all."""

    def likelihood(self, means: Tensor, flat: Tensor, clustering: float) -> tuple[Tensor, Tensor]:
        """Return the information matrix and information @ step, with the frames' means added."""
        information = self.curvature @ torch.linalg.solve(self.scatter, self.curvature)
        step = -torch.linalg.solve(self.curvature, self.gradient)
        information *= 2.0 / (clustering * max(self.misfit, 1.0))
        return information + torch.diag(means), information @ step - means * flat


def normal_equations(
    coordinates: Coordinates,
    flat: Tensor,
    forms: list[Overlap],
    spectra: Spectra,
    windowed: bool,
) -> Normal:
    """Linearise the mismatch at `flat`; in the first round its gradient is the Gram matrix's."""
    signal, noise = (
        (spectra.steady.signal_share, spectra.steady.noise_share) if windowed else (1.0, 1.0)
    )
    rows, jacobian = coordinates.rows(flat), coordinates.jacobian(flat)
    regressors = coordinates.regressors(flat, jacobian)
    curvature = torch.zeros(coordinates.size, coordinates.size, dtype=torch.float64)
    scatter = torch.zeros(coordinates.size, coordinates.size, dtype=torch.float64)
    gradient = scatter[0].clone()
    found = expected = 0.0
    for form, row, slopes, told in zip(forms, rows, jacobian, regressors, strict=True):
        slope = form.gradient if windowed else form.gram @ row
        found += float((row.conj() @ slope).real)
        expected += noise * float((row.conj() @ form.noise @ row).real)
        share = noise if windowed else max(found / expected, 1.0)
        gradient += (told.mH @ (slope - share * (form.noise @ row))).real
        curvature += signal * (told.mH @ (form.gram - form.noise) @ slopes).real
        scatter += signal * (told.mH @ form.gram @ told).real
    scatter += torch.diag(scatter.diagonal() * 1e-9 + 1e-300)
    return Normal(_positive(curvature, scatter), scatter, gradient, found / expected)


def _positive(curvature: Tensor, scatter: Tensor) -> Tensor:
    """Return `curvature` with no direction below a tenth of `scatter`."""
    lower = torch.linalg.cholesky(scatter)
    inner = torch.linalg.solve_triangular(lower, curvature, upper=False)
    inner = torch.linalg.solve_triangular(lower, inner.mT, upper=False)
    values, vectors = torch.linalg.eigh(0.5 * (inner + inner.mT))
    root = lower @ vectors
    return (root * values.clamp(min=0.1)) @ root.mT
