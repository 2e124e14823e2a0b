"""Spectra and rough wave vectors in, wave vectors, phases, modulation and brightness out.

Where two bands overlap they hold the same object: with c_j the band of order j,
``c_j(f + k) O(f) = c_0(f) O(f + k)``. The bands are linear in the frames, so the squared difference,
weighted for noise, is a quadratic form in the rows of the unmixing matrix whose coefficients are a
small Gram matrix of the frames. The phases, the modulation and the brightness of every frame follow
from a few Gauss-Newton steps on that matrix alone; only a new wave vector needs new transforms.
The weight is that of the maximum-likelihood correlator (Knapp & Carter, IEEE TASSP 24, 320, 1976),
and the noise's own share of the form is taken off, so that weak light does not bias the modulation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from livesim.reconstruction.separation import Order, mixing_matrix, orders_of
from livesim.reconstruction.spectra import EstimationGrid, Spectra

_LOW = 0.05  # of the cut-off: lower frequencies hold background and the window
_MODULATION_RANGE = (0.02, 1.5)
_STEP = 1e-6  # of the numerical derivatives


@dataclass(frozen=True, eq=False)
class Parameters:
    """The illumination of one group of frames; phases are those at the centre of the field."""

    k: Tensor
    """[vector, 2] (kx, ky) in cycles/µm."""
    phases: Tensor
    """[vector, frame] rad."""
    modulation: Tensor
    """[order]."""
    intensity: Tensor
    """[frame], mean 1."""

    @property
    def orders(self) -> tuple[Order, ...]:
        """Every order above zero."""
        return orders_of(len(self.k), len(self.modulation) // len(self.k))

    def unmixing(self) -> Tensor:
        """Return the matrix from frames to bands, [1 + 2 orders, frame]."""
        mixing = mixing_matrix(self.phases, self.modulation, self.intensity, self.orders)
        return torch.linalg.pinv(mixing)


class _Coordinates:
    """Parameters <-> one flat vector for the solver: phases, modulation, brightness, k shifts."""

    def __init__(self, start: Parameters) -> None:
        self.start = start
        self.vectors, self.frames = start.phases.shape
        self.orders = start.orders
        flat = torch.ones(self.frames, 1, dtype=torch.float64)
        self.contrast = torch.linalg.qr(
            torch.cat([flat, torch.eye(self.frames, dtype=torch.float64)[:, :-1]], dim=1)
        ).Q[:, 1:]
        """[frame, frame - 1] orthonormal: brightness differences that leave the mean alone."""
        sizes = (start.phases.numel(), len(self.orders), self.frames - 1, 2 * self.vectors)
        ends = [sum(sizes[: n + 1]) for n in range(4)]
        self.phase, self.modulation, self.intensity, self.shift = (
            slice(end - size, end) for end, size in zip(ends, sizes, strict=True)
        )
        self.size = ends[-1]

    def flat(self) -> Tensor:
        start = self.start
        shifts = torch.zeros(2 * self.vectors, dtype=torch.float64)
        contrast = self.contrast.T @ start.intensity
        return torch.cat([start.phases.flatten(), start.modulation, contrast, shifts])

    def parameters(self, flat: Tensor) -> Parameters:
        return Parameters(
            k=self.start.k + flat[self.shift].reshape(self.vectors, 2),
            phases=flat[self.phase].reshape(self.vectors, self.frames),
            modulation=flat[self.modulation],
            intensity=1.0 + self.contrast @ flat[self.intensity],
        )

    def rows(self, flat: Tensor) -> Tensor:
        """Return, per order, the weights of the overlap's channels: [order, 2 frames + 2]."""
        unmixing = self.parameters(flat).unmixing()
        shifts = flat[self.shift].reshape(self.vectors, 2)
        return torch.stack(
            [
                torch.cat([unmixing[1 + j], -unmixing[0], o.harmonic * shifts[o.vector] + 0j])
                for j, o in enumerate(self.orders)
            ]
        )

    def jacobian(self, flat: Tensor) -> Tensor:
        """Return the derivative of `rows`, [order, 2 frames + 2, parameter]."""
        steps = _STEP * torch.eye(self.size, dtype=torch.float64)
        columns = [(self.rows(flat + s) - self.rows(flat - s)) / (2.0 * _STEP) for s in steps]
        return torch.stack(columns, dim=-1)


@dataclass(frozen=True, eq=False)
class _Overlap:
    """One order's overlap with the zero order, summed over time."""

    gram: Tensor
    """[channel, channel] of the unwindowed spectra."""
    noise: Tensor
    """Its expectation from noise alone."""
    gradient: Tensor
    """[channel] of the windowed mismatch at the present parameters."""


class _Overlaps:
    """The overlaps of all orders at given parameters."""

    def __init__(self, spectra: Spectra, grid: EstimationGrid, at: Parameters) -> None:
        self._spectra, self._grid, self._at = spectra, grid, at
        self._unmixing = at.unmixing()
        self._power = spectra.object_power[grid.ring]

    def order(self, number: int) -> _Overlap:
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
        for frames, spectrum in zip(spectra.frames, spectra.spectrum, strict=True):
            shifted = torch.fft.fft2(frames * ramp)
            moved = _moments((row[:, None, None] * frames).sum(0) * ramp * grid.window, grid)
            stack = torch.cat([shifted * grid.transfer, spectrum * far, moved * grid.transfer])
            mismatch = torch.tensordot(torch.cat([row, -base]), stack[:-2], dims=1)
            mismatch = torch.fft.fft2(torch.fft.ifft2(mismatch) * grid.window)
            inner = stack[:, inside]
            weighted = inner.conj() * weight[inside]
            gram += (weighted @ inner.T).to(torch.complex128)
            gradient += (weighted @ mismatch[inside]).to(torch.complex128)
        return _Overlap(gram, self._noise(number, weight, far), gradient)

    def _variances(self, number: int) -> tuple[float, float]:
        power = self._unmixing.abs().square() @ self._spectra.noise
        return float(power[0]), float(power[1 + number])

    def _weight(self, number: int, far: Tensor, radius: Tensor) -> Tensor:
        grid = self._grid
        zero, band = self._variances(number)
        variance = band * grid.transfer.square() + zero * far.square()
        weight = self._power / (zero * band + self._power * variance)
        low = _LOW * grid.otf.cutoff
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
        moments = band * near_share * (2.0 * math.pi) ** 2 * spread
        diagonal = torch.cat([frames * near_share, frames * far_share, moments])
        return torch.diag(diagonal * len(self._spectra.frames)).to(torch.complex128)


def _moments(band: Tensor, grid: EstimationGrid) -> Tensor:
    """Return the derivative of the band's spectrum with respect to kx and ky, [2, y, x]."""
    weights = torch.stack([band * grid.x.float(), band * grid.y.float()])
    return torch.fft.fft2(weights * (-2j * torch.pi))


def _mean_square(values: Tensor) -> float:
    return float(values.double().square().mean())


def refine(spectra: Spectra, grid: EstimationGrid, start: Parameters, rounds: int = 4) -> Parameters:
    """Return the parameters that bring the overlapping bands into agreement.

    Parameters
    ----------
    spectra
        Of one group of frames.
    grid
        Of the same field.
    start
        Wave vectors within half a spectral pixel, phases within about 1 rad.
    rounds
        Gauss-Newton rounds with new transforms; the first also solves on the Gram matrix alone.
    """
    window_mean = float(grid.window.double().mean())
    for number in range(rounds + 1):
        coordinates = _Coordinates(start)
        overlaps = _Overlaps(spectra, grid, start)
        forms = [overlaps.order(j) for j in range(len(start.orders))]
        prior = _brightness_prior(spectra, grid, start, coordinates)
        if number == 0:
            start = _solve_on_gram(coordinates, forms, prior)
        else:
            flat = coordinates.flat()
            rows = coordinates.rows(flat)
            slopes = [
                form.gradient - window_mean * (form.noise @ row)
                for form, row in zip(forms, rows, strict=True)
            ]
            curvature, scatter, gradient = _normal_equations(
                coordinates, flat, forms, slopes, prior, window_mean
            )
            if number < rounds:
                flat = flat + _step(coordinates, curvature, gradient)
            else:
                information = curvature @ torch.linalg.solve(scatter, curvature)
                information *= 2.0 / _noise_clustering(spectra)
                flat = _towards_equal(coordinates, spectra, flat, information)
            start = coordinates.parameters(flat)
    return start


def _solve_on_gram(coordinates: _Coordinates, forms: list[_Overlap], prior: Tensor) -> Parameters:
    """Iterate on the Gram matrices alone; k is held until the phases have settled."""
    flat = coordinates.flat()
    for turn in range(12):
        rows = coordinates.rows(flat)
        slopes = []
        for form, row in zip(forms, rows, strict=True):
            misfit = (row.conj() @ form.gram @ row).real / (row.conj() @ form.noise @ row).real
            slopes.append((form.gram - misfit * form.noise) @ row)
        _, scatter, gradient = _normal_equations(coordinates, flat, forms, slopes, prior, 1.0)
        step = _step(coordinates, scatter, gradient)
        if turn < 4:
            step[coordinates.shift] = 0.0
        flat = flat + step
        flat[coordinates.modulation] = flat[coordinates.modulation].clamp(*_MODULATION_RANGE)
    return coordinates.parameters(flat)


def _normal_equations(
    coordinates: _Coordinates,
    flat: Tensor,
    forms: list[_Overlap],
    slopes: list[Tensor],
    prior: Tensor,
    scale: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return half the curvature, the gradient's scatter and half the gradient of the misfit.

    The noise in the channels adds to the scatter of the gradient but not to the curvature.
    """
    jacobian = coordinates.jacobian(flat)
    tiny = torch.full_like(prior, 1e-300)
    scatter, noise, gradient = torch.diag(prior + tiny), 0.0, prior * flat
    for form, slope, slopes_of in zip(forms, slopes, jacobian, strict=True):
        scatter = scatter + scale * (slopes_of.mH @ form.gram @ slopes_of).real
        noise = noise + scale * (slopes_of.mH @ form.noise @ slopes_of).real
        gradient = gradient + (slopes_of.mH @ slope).real
    return _positive(scatter - noise, scatter), scatter, gradient


def _positive(curvature: Tensor, scatter: Tensor) -> Tensor:
    """Return `curvature` with no direction below a tenth of `scatter`."""
    lower = torch.linalg.cholesky(scatter)
    inner = torch.linalg.solve_triangular(lower, curvature, upper=False)
    inner = torch.linalg.solve_triangular(lower, inner.mT, upper=False)
    values, vectors = torch.linalg.eigh(0.5 * (inner + inner.mT))
    root = lower @ vectors
    return (root * values.clamp(min=0.1)) @ root.mT


def _step(coordinates: _Coordinates, hessian: Tensor, gradient: Tensor) -> Tensor:
    damping = torch.diag(hessian.diagonal() * 1e-6 + 1e-300)
    step = -torch.linalg.solve(hessian + damping, gradient)
    step[coordinates.phase] = step[coordinates.phase].clamp(-0.5, 0.5)
    return step


def _noise_clustering(spectra: Spectra) -> float:
    """Return how much stronger shot noise is where the object is than on average."""
    light = (spectra.frames.mean(dim=(0, 1)) + spectra.level).clamp(min=0.0).double()
    detail = (light - light.mean()).square()
    return float((detail * light).mean() / (detail.mean() * light.mean()).clamp(min=1e-30))


def _towards_equal(
    coordinates: _Coordinates, spectra: Spectra, flat: Tensor, information: Tensor
) -> Tensor:
    """Pull phase steps and brightness towards equality as far as the data do not deny it.

    Empirical Bayes: the deviations of a group's phases from equal steps, and of its brightness from
    1, are drawn from normal distributions whose widths maximise the evidence (expectation
    maximisation on the quadratic log-likelihood). In good light nothing moves; in weak light the
    noise of single frames goes.
    """
    phases = flat[coordinates.phase].reshape(coordinates.vectors, coordinates.frames)
    centre = torch.zeros_like(flat)
    centre[coordinates.phase] = torch.stack([_equal_steps(row) for row in phases]).flatten()
    equal = 1.0 / spectra.intensity
    centre[coordinates.intensity] = coordinates.contrast.T @ (equal / equal.mean())
    level = coordinates.contrast @ coordinates.contrast.T
    blocks = (
        (coordinates.phase, torch.block_diag(*[level] * coordinates.vectors)),
        (coordinates.intensity, torch.eye(coordinates.frames - 1, dtype=torch.float64)),
    )
    widths = [math.radians(5.0) ** 2, 0.02**2]
    best = flat
    for _ in range(200):
        precision = information.clone()
        for (place, keep), width in zip(blocks, widths, strict=True):
            precision[place, place] += keep / width
        covariance = torch.linalg.inv(precision)
        pull = information @ flat
        for (place, keep), width in zip(blocks, widths, strict=True):
            pull[place] += keep @ centre[place] / width
        best = covariance @ pull
        for number, (place, keep) in enumerate(blocks):
            away = keep @ (best - centre)[place]
            spread = torch.trace(keep @ covariance[place, place])
            freedom = torch.trace(keep)
            widths[number] = max(float((away @ away + spread) / freedom), 1e-10)
    return best


def _equal_steps(phases: Tensor) -> Tensor:
    """Return the equally stepped phases nearest to `phases` [frame]."""
    count = len(phases)
    ladder = torch.arange(count, dtype=torch.float64)
    turns = 2.0 * torch.pi / count * torch.arange(1, count, dtype=torch.float64)[:, None] * ladder
    mean = torch.exp(1j * (phases - turns)).mean(dim=1)
    best = int(mean.abs().argmax())
    steps = turns[best] + mean[best].angle()
    apart = torch.remainder(phases - steps + torch.pi, 2.0 * torch.pi) - torch.pi
    return phases - apart


def _brightness_prior(
    spectra: Spectra, grid: EstimationGrid, at: Parameters, coordinates: _Coordinates
) -> Tensor:
    """Return half the inverse variance of every coordinate; only the brightness has a prior.

    The frames were scaled to equal means. A mean differs from the brightness only by the object's
    own content at the pattern's frequency, m/2 S(k), whose size the power spectrum tells.
    """
    length = at.k.norm(dim=1).max().item()
    ring = min(round(min(length, 0.8 * grid.otf.cutoff) / grid.step), len(spectra.object_power) - 1)
    total = max(spectra.level, 1e-6) * grid.shape[0] * grid.shape[1]
    content = float(at.modulation.square().sum()) / 2.0 * float(spectra.object_power[ring])
    variance = (content + float(spectra.noise.mean())) / total**2
    prior = torch.zeros(coordinates.size, dtype=torch.float64)
    prior[coordinates.intensity] = 0.5 / max(variance, 1e-12)
    return prior


def at_origin(parameters: Parameters, grid: EstimationGrid) -> Parameters:
    """Refer the phases to the centre of raw pixel (0, 0)."""
    centre = torch.tensor(grid.centre_um, dtype=torch.float64)
    phases = parameters.phases - 2.0 * torch.pi * (parameters.k @ centre)[:, None]
    return replace(parameters, phases=phases)
