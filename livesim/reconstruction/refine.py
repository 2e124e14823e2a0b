"""Spectra and rough wave vectors in, wave vectors, phases, modulation and brightness out.

Where two bands overlap they hold the same object: with c_j the band of order j,
``c_j(f + k) O(f) = c_0(f) O(f + k)``. The bands are linear in the frames, so the squared
difference, weighted for noise, is a quadratic form in the rows of the unmixing matrix whose
coefficients are a small Gram matrix of the frames. The phases, the modulation and the brightness of
every frame follow from Gauss-Newton steps on that matrix; only a new wave vector needs transforms.
The weight is that of the maximum-likelihood correlator (Knapp & Carter, IEEE TASSP 24, 320, 1976),
and the noise's own share of the form is taken off, so that weak light does not bias the modulation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from livesim.reconstruction.separation import Order, mixing_matrix, orders_of
from livesim.reconstruction.spectra import LOW, EstimationGrid, Spectra

_CONSISTENT = 1.5  # misfit above which single frames keep the phase their correlation has
_MODULATION_RANGE = (0.02, 1.0)
_TURNS = 12  # on the Gram matrix of the first round, where k is held
_MODEL_ERROR = 0.2  # relative, of the OTF and of the uniformity of the pattern
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

    def limited(self, flat: Tensor, step: Tensor, pixel: float) -> Tensor:
        """Return flat + step, no further than a quadratic model can be trusted."""
        bounded = step.clone()
        bounded[self.phase] = step[self.phase].clamp(-0.5, 0.5)
        bounded[self.modulation] = step[self.modulation].clamp(-0.3, 0.3)
        bounded[self.intensity] = step[self.intensity].clamp(-0.1, 0.1)
        bounded[self.shift] = step[self.shift].clamp(-0.5 * pixel, 0.5 * pixel)
        moved = flat + bounded
        moved[self.modulation] = moved[self.modulation].clamp(*_MODULATION_RANGE)
        return moved

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
    """[channel, channel] of the windowed spectra."""
    noise: Tensor
    """Its expectation from noise alone."""
    gradient: Tensor
    """[channel] with the mismatch at the present parameters. Windowed frames do not quite obey
    the overlap, so the mismatch is formed of whole frames and windowed last."""


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
        carrier = ramp * grid.window
        series = zip(spectra.frames, spectra.spectrum, spectra.windowed, strict=True)
        for frames, spectrum, windowed in series:
            band = torch.tensordot(row, frames.to(row.dtype), dims=1) * ramp
            shifted = torch.fft.fft2(frames * carrier)
            moved = _moments(band * grid.window, grid)
            stack = torch.cat([shifted * grid.transfer, windowed * far, moved * grid.transfer])
            mismatch = torch.fft.fft2(band) * grid.transfer
            mismatch -= torch.tensordot(base, spectrum, dims=1) * far
            mismatch = torch.fft.fft2(torch.fft.ifft2(mismatch) * spectra.trust)
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


def refine(
    spectra: Spectra, grid: EstimationGrid, start: Parameters, rounds: int = 3
) -> Parameters:
    """Return the most probable parameters, those that bring the overlapping bands into agreement.

    Parameters
    ----------
    spectra
        Of one group of frames.
    grid
        Of the same field.
    start
        Wave vectors within half a spectral pixel, phases within about 1 rad.
    rounds
        Gauss-Newton rounds with new transforms; the first iterates on the Gram matrix alone.
    """
    prior = Prior()
    for number in range(rounds):
        coordinates = _Coordinates(start)
        overlaps = _Overlaps(spectra, grid, start)
        forms = [overlaps.order(j) for j in range(len(start.orders))]
        means = _means_information(spectra, grid, start, coordinates)
        clustering = _noise_clustering(spectra)
        flat = coordinates.flat()
        for _ in range(_TURNS if number == 0 else 1):
            normal = _normal_equations(coordinates, flat, forms, spectra, windowed=number > 0)
            information, pull = normal.likelihood(means, flat, clustering)
            if number == 0 or normal.misfit > _CONSISTENT:
                step = _HELD.step(coordinates, information, pull, flat, flat)
                step[coordinates.shift] *= float(number > 0)
            else:
                centre = _equal(coordinates, spectra, flat)
                prior = prior.fitted(coordinates, information, pull, flat, centre)
                step = prior.step(coordinates, information, pull, flat, centre)
            flat = coordinates.limited(flat, step, grid.step)
        start = coordinates.parameters(flat)
    return start


@dataclass(frozen=True, eq=False)
class _Normal:
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


def _normal_equations(
    coordinates: _Coordinates,
    flat: Tensor,
    forms: list[_Overlap],
    spectra: Spectra,
    windowed: bool,
) -> _Normal:
    """Linearise the mismatch at `flat`; in the first round its gradient is the Gram matrix's."""
    signal, noise = (spectra.signal_share, spectra.noise_share) if windowed else (1.0, 1.0)
    rows, jacobian = coordinates.rows(flat), coordinates.jacobian(flat)
    scatter = torch.zeros(coordinates.size, coordinates.size, dtype=torch.float64)
    floor, gradient = scatter.clone(), scatter[0].clone()
    found = expected = 0.0
    for form, row, slopes in zip(forms, rows, jacobian, strict=True):
        slope = form.gradient if windowed else form.gram @ row
        found += float((row.conj() @ slope).real)
        expected += noise * float((row.conj() @ form.noise @ row).real)
        share = noise if windowed else max(found / expected, 1.0)
        gradient += (slopes.mH @ (slope - share * (form.noise @ row))).real
        scatter += signal * (slopes.mH @ form.gram @ slopes).real
        floor += signal * (slopes.mH @ form.noise @ slopes).real
    scatter += torch.diag(scatter.diagonal() * 1e-9 + 1e-300)
    return _Normal(_positive(scatter - floor, scatter), scatter, gradient, found / expected)


def _positive(curvature: Tensor, scatter: Tensor) -> Tensor:
    """Return `curvature` with no direction below a tenth of `scatter`."""
    lower = torch.linalg.cholesky(scatter)
    inner = torch.linalg.solve_triangular(lower, curvature, upper=False)
    inner = torch.linalg.solve_triangular(lower, inner.mT, upper=False)
    values, vectors = torch.linalg.eigh(0.5 * (inner + inner.mT))
    root = lower @ vectors
    return (root * values.clamp(min=0.1)) @ root.mT


@dataclass(frozen=True)
class Prior:
    """How equal the phase steps and the brightness of a group's frames are: normal distributions.

    Empirical Bayes: the widths maximise the evidence (expectation maximisation on the quadratic
    log-likelihood), so that in good light the data speak alone and in weak light the noise of
    single frames goes.
    """

    phase_rad: float = math.radians(10.0)
    brightness: float = 0.02

    def precision(self, coordinates: _Coordinates) -> Tensor:
        """Return the inverse covariance over all coordinates; the common phase is free."""
        matrix = torch.zeros(coordinates.size, coordinates.size, dtype=torch.float64)
        level = coordinates.contrast @ coordinates.contrast.T
        blocks = torch.block_diag(*[level] * coordinates.vectors)
        matrix[coordinates.phase, coordinates.phase] = blocks / self.phase_rad**2
        unit = torch.eye(coordinates.frames - 1, dtype=torch.float64)
        matrix[coordinates.intensity, coordinates.intensity] = unit / self.brightness**2
        return matrix

    def step(
        self,
        coordinates: _Coordinates,
        information: Tensor,
        pull: Tensor,
        flat: Tensor,
        centre: Tensor,
    ) -> Tensor:
        """Return the step from `flat` to the most probable parameters."""
        precision = self.precision(coordinates)
        return torch.linalg.solve(information + precision, pull + precision @ (centre - flat))

    def fitted(
        self,
        coordinates: _Coordinates,
        information: Tensor,
        pull: Tensor,
        flat: Tensor,
        centre: Tensor,
    ) -> Prior:
        """Return the prior whose widths explain the data best."""
        prior = self
        for _ in range(100):
            precision = prior.precision(coordinates)
            covariance = torch.linalg.inv(information + precision)
            away = flat + covariance @ (pull + precision @ (centre - flat)) - centre
            second = covariance + torch.outer(away, away)
            level = torch.block_diag(*[coordinates.contrast] * coordinates.vectors)
            phase = level.T @ second[coordinates.phase, coordinates.phase] @ level
            brightness = second[coordinates.intensity, coordinates.intensity]
            prior = Prior(
                min(max(math.sqrt(float(phase.diagonal().mean())), 1e-3), 0.5),
                min(max(math.sqrt(float(brightness.diagonal().mean())), 1e-4), 0.2),
            )
        return prior


_HELD = Prior(phase_rad=1e-6, brightness=1e-7)
"""Lets only the common phase, the modulation and the wave vector move."""


def _equal(coordinates: _Coordinates, spectra: Spectra, flat: Tensor) -> Tensor:
    """Return the coordinates of equal steps and equal brightness nearest to `flat`."""
    phases = flat[coordinates.phase].reshape(coordinates.vectors, coordinates.frames)
    centre = flat.clone()
    centre[coordinates.phase] = torch.stack([_equal_steps(row) for row in phases]).flatten()
    equal = 1.0 / spectra.intensity
    centre[coordinates.intensity] = coordinates.contrast.T @ (equal / equal.mean())
    return centre


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


def _noise_clustering(spectra: Spectra) -> float:
    """Return how much stronger shot noise is where the object is than on average."""
    light = (spectra.frames.mean(dim=(0, 1)) + spectra.level).clamp(min=0.0).double()
    detail = (light - light.mean()).square()
    return float((detail * light).mean() / (detail.mean() * light.mean()).clamp(min=1e-30))


def _means_information(
    spectra: Spectra, grid: EstimationGrid, at: Parameters, coordinates: _Coordinates
) -> Tensor:
    """Return what the frames' means tell of their brightness, [parameter], as inverse variances.

    The frames were scaled to equal means. A mean differs from the brightness only by the object's
    own content at the pattern's frequency, m/2 S(k), whose size the power spectrum tells.
    """
    length = at.k.norm(dim=1).max().item()
    ring = min(round(min(length, 0.8 * grid.otf.cutoff) / grid.step), len(spectra.object_power) - 1)
    total = max(spectra.level, 1e-6) * grid.shape[0] * grid.shape[1]
    content = float(at.modulation.square().sum()) / 2.0 * float(spectra.object_power[ring])
    variance = (content + float(spectra.noise.mean())) / total**2
    information = torch.zeros(coordinates.size, dtype=torch.float64)
    information[coordinates.intensity] = 1.0 / max(variance, 1e-12)
    return information


def at_origin(parameters: Parameters, grid: EstimationGrid) -> Parameters:
    """Refer the phases to the centre of raw pixel (0, 0)."""
    centre = torch.tensor(grid.centre_um, dtype=torch.float64)
    phases = parameters.phases - 2.0 * torch.pi * (parameters.k @ centre)[:, None]
    return replace(parameters, phases=phases)
