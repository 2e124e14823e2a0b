"""Spectra and parameters in, how well the overlapping bands agree out, as small matrices."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from livesim.reconstruction.correlation import filters
from livesim.reconstruction.estimation_grid import EstimationGrid
from livesim.reconstruction.lens import Lens
from livesim.reconstruction.parameters import Parameters
from livesim.reconstruction.spectra import Spectra, power_of

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


@dataclass(frozen=True, eq=False)
class View:
    """What one lens shows of a group."""

    lens: Lens
    frames: Tensor
    """[time, frame, y, x] images of its frames, moved by half of k."""
    windowed: Tensor
    """Spectra of the same, windowed."""
    steady: Tensor
    """[time, y, x] region of the spectrum of what all frames show."""

    def joined(self, spectrum: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return (frames, windowed) with the frame of a half spectrum [time, ...] added, if any."""
        if spectrum is None:
            return self.frames, self.windowed
        more = self.lens.images(self.lens.moved(spectrum))[:, None]
        windowed = torch.fft.fft2(more * self.lens.window)
        return torch.cat([self.frames, more], dim=1), torch.cat([self.windowed, windowed], dim=1)


def views(spectra: Spectra, grid: EstimationGrid, start: Parameters) -> list[View]:
    """Return a view for every order of the pattern `start`."""
    found = []
    for number in range(len(start.orders)):
        lens = Lens(grid, spectra.steady, _shift(start, number))
        frames = lens.images(lens.moved(spectra.spectrum))
        windowed = torch.fft.fft2(frames * lens.window)
        found.append(View(lens, frames, windowed, lens.moved(spectra.steady.windowed)))
    return found


class Overlaps:
    """The overlaps of one group's orders with the zero order, at any parameters near `about`.

    The zero order of the other groups, where the `spectra` have it, counts as a last frame.
    """

    def __init__(
        self, spectra: Spectra, views: list[View], grid: EstimationGrid, about: Parameters
    ) -> None:
        self.spectra = spectra
        self._orders = [
            _Order(spectra, view, grid, about, number) for number, view in enumerate(views)
        ]

    def windowed(self) -> list[Overlap]:
        """Return the overlaps of the windowed frames, for a first solution with k held."""
        return [order.windowed() for order in self._orders]

    def at(self, parameters: Parameters) -> list[Overlap]:
        """Return the overlaps at `parameters`."""
        unmixing = parameters.unmixing(self.spectra.noise)
        return [
            order.at(_shift(parameters, number), unmixing[1 + number], unmixing[0])
            for number, order in enumerate(self._orders)
        ]

    def correlation(self, number: int, kx: Tensor, ky: Tensor) -> Tensor:
        """Return every frame's correlation with the object at all shifts of a grid around a band.

        `kx` and `ky` are shifts in cycles/µm, one-dimensional; complex [frame, y shift, x shift].
        """
        return self._orders[number].correlation(kx, ky)

    def share(self, number: int, kx: Tensor, ky: Tensor) -> Tensor:
        """Return the share of noise that `correlation` still has at shifts away from the band.

        The lens lies around the band: what is moved out of it is lost. [y shift, x shift], powers.
        """
        return self._orders[number].share(kx, ky)


def _shift(at: Parameters, number: int) -> tuple[float, float]:
    order = at.orders[number]
    kx, ky = (order.harmonic * at.k[order.vector]).tolist()
    return kx, ky


class _Order:
    """One order's overlap with the zero order."""

    def __init__(
        self,
        spectra: Spectra,
        view: View,
        grid: EstimationGrid,
        about: Parameters,
        number: int,
    ) -> None:
        self._spectra, self._grid, self._view = spectra, grid, view
        self._lens = lens = view.lens
        variances = about.unmixing(spectra.noise).abs().square() @ spectra.noise
        self._band_noise = float(variances[1 + number])
        self._root = self._weight(float(variances[0]), self._band_noise).sqrt()
        self._near, self._far = lens.near * self._root, lens.far * self._root
        self._frames, self._windowed = view.joined(spectra.others)

    def _weight(self, zero: float, band: float) -> Tensor:
        lens = self._lens
        variance = band * lens.near.square() + zero * lens.far.square()
        variance = variance + lens.near_power * (_MODEL_ERROR * lens.near * lens.far).square()
        weight = lens.near_power / (zero * band + lens.near_power * variance)
        return torch.where(lens.inside, weight, 0.0)

    @cached_property
    def _channels(self) -> Tensor:
        """The windowed frames' spectra at f + k and at f, [time, 2 frames, sample]."""
        opposite = self._lens.mirrored(self._windowed).conj_physical()
        channels = [self._windowed * self._near, opposite * self._far]
        return torch.cat(channels, dim=1).flatten(-2)

    @cached_property
    def _gram(self) -> Tensor:
        return _products(self._channels, self._channels)

    def windowed(self) -> Overlap:
        noise = self._noise_gram(self._band_noise)
        gram = 2.0 * noise  # any curvature will do where k is held
        gram[:-2, :-2] = self._gram
        return Overlap(gram, noise, torch.zeros(len(gram), dtype=torch.complex128))

    def at(self, k: tuple[float, float], row: Tensor, base: Tensor) -> Overlap:
        lens = self._lens
        away = [0.5 * (new - old) for new, old in zip(k, lens.k, strict=True)]
        carrier = lens.ramp(away[0], away[1])
        rows = torch.stack([row, base]).to(carrier.dtype)
        band, zero = (torch.einsum("bf,tfyx->btyx", rows, self._frames) * carrier).unbind()
        apart = torch.fft.fft2(band) * lens.near - torch.fft.fft2(zero.conj_physical()) * lens.far
        mismatch = torch.fft.fft2(torch.fft.ifft2(apart) * lens.trust) * self._root
        moments, mismatch = self._moments(band), mismatch.flatten(-2)[:, None]
        parts = [_products(some, mismatch)[:, 0] for some in (self._channels, moments)]
        gradient = torch.cat(parts)
        band_noise = float(row.abs().square() @ self._spectra.noise)
        gradient[-2:] -= self._moment_noise(band_noise)
        return Overlap(self._with_moments(moments), self._noise_gram(band_noise), gradient)

    def _with_moments(self, moments: Tensor) -> Tensor:
        """Return the Gram matrix of the channels and the two moments."""
        cross = _products(self._channels, moments)
        own = _products(moments, moments)
        return torch.cat([torch.cat([self._gram, cross.mH]), torch.cat([cross, own])], dim=1)

    def _moments(self, band: Tensor) -> Tensor:
        """Return the derivatives of the band's spectrum with respect to kx and ky, times near."""
        lens = self._lens
        inner = band * lens.window
        moments = torch.stack([inner * lens.x, inner * lens.y], dim=1) * (-2j * torch.pi)
        return (torch.fft.fft2(moments) * self._near).flatten(-2)

    def _moment_noise(self, band_noise: float) -> Tensor:
        """Return what noise alone adds to the gradient of the two moments, summed over time.

        The mismatch passes the OTF before it is windowed, the moments after: where the OTF slopes,
        the same noise in both does not cancel, and would pull every k towards zero.
        """
        spectra = self._spectra
        kept = spectra.steady.noise_share * spectra.window_power
        slope = (self._near * self._root * self._lens.slopes()).sum(dim=(1, 2)).double()
        return 0.5 * band_noise * kept * len(spectra.spectrum) * slope

    def _noise_gram(self, band_noise: float) -> Tensor:
        lens, frames = self._lens, self._spectra.noise
        near_share, far_share = (
            float((one * lens.fade).square().sum()) for one in (self._near, self._far)
        )
        spread = torch.tensor(
            [float((lens.window * axis).square().mean()) for axis in (lens.x, lens.y)],
            dtype=torch.float64,
        )
        spread = spread / self._spectra.window_power
        moments = band_noise * near_share * (2.0 * math.pi) ** 2 * spread
        diagonal = torch.cat([frames * near_share, frames * far_share, moments])
        diagonal = diagonal * len(self._spectra.spectrum) * self._spectra.window_power
        return torch.diag(diagonal).to(torch.complex128)

    @cached_property
    def _filters(self) -> tuple[Tensor, Tensor]:
        """The filters of the object and of what the frames add, [y, x]."""
        lens = self._lens
        both = filters(lens.far_radius, lens.far, lens.far_power, self._spectra, self._grid)
        return both[0] * lens.inside, both[1] * lens.inside

    @cached_property
    def _product(self) -> Tensor:
        """The correlation's image [frame, y, x], turned back by the start's k."""
        lens, (common, changing) = self._lens, self._filters
        steady = lens.images(self._view.steady * common) * lens.trust
        added = torch.fft.ifft2(self._windowed * changing)
        return (steady[:, None] * added).sum(dim=0)

    def correlation(self, kx: Tensor, ky: Tensor) -> Tensor:
        return self._transformed(self._product, kx, ky)

    def share(self, kx: Tensor, ky: Tensor) -> Tensor:
        lens, (common, changing) = self._lens, self._filters
        object_power = power_of(self._view.steady).sum(dim=0) * (common * lens.fade).square()
        noise_power = (changing * lens.fade).square()
        product = torch.fft.ifft2(object_power) * torch.fft.ifft2(noise_power)
        here = torch.tensor(lens.k, dtype=torch.float64)
        found = self._transformed(product, torch.cat([here[:1], kx]), torch.cat([here[1:], ky]))
        return found[1:, 1:].abs() / found[0, 0].abs()

    def _transformed(self, image: Tensor, kx: Tensor, ky: Tensor) -> Tensor:
        """Return the transform of images [..., y, x] at the shifts, [..., y shift, x shift]."""
        lens = self._lens
        along_x = torch.exp(-2j * torch.pi * lens.x.reshape(-1, 1) * (kx - lens.k[0]))
        along_y = torch.exp(-2j * torch.pi * (ky[:, None] - lens.k[1]) * lens.y.reshape(1, -1))
        return along_y.to(torch.complex64) @ (image @ along_x.to(torch.complex64))


def _products(left: Tensor, right: Tensor) -> Tensor:
    """Return left* right of channels [time, channel, sample], summed over time and sample."""
    pairs = zip(left, right, strict=True)
    # The conjugate of the second factor is free, that of the first would be a copy.
    products = torch.stack([one @ two.mH for one, two in pairs])
    return products.sum(dim=0).conj().to(torch.complex128)
