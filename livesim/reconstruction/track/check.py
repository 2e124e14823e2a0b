"""Measure from one stack's bands how far its pattern has moved from the cached one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.config.settings import Camera
from livesim.reconstruction.bands import Band, separated_bands
from livesim.reconstruction.grid import edge_window
from livesim.reconstruction.layout import Layout
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.plan import EDGE_PIXELS
from livesim.reconstruction.reconstructor import BandSpectra
from livesim.values.pattern import NoiseToSignal, Pattern

SAMPLES = 2000
"""Spectral samples at which each band is compared: those that tell most."""
NOISE_SAMPLES = 600
_FEWEST_NOISE_SAMPLES = 200
_NOISE_FROM = 1.02  # of the cut-off: beyond it a spectrum holds noise alone
_LOW = 0.08  # of the cut-off: lower frequencies hold background, and what leaks from other bands
_MODEL_ERROR = 0.2  # relative, of the OTF and of the uniformity of the pattern
_USUAL_NOISE = NoiseToSignal(0.05, 1.2)  # where the pattern does not know it
_CLUSTERING = 1.25  # neighbouring samples share noise, because side bands are windowed
_TINY = 1e-30
_LEAST_SIGNAL = 0.05  # of the zero order's power: the modulation of pure noise stays finite


@dataclass(frozen=True, slots=True)
class BandReading:
    """One side band of one stack, compared with the zero order where the two overlap."""

    angle: int
    harmonic: int
    ratio: complex
    """Modulation over the cached one, times exp(i harmonic Δ) with Δ the advance of the phases."""
    error: float
    """Standard error of its real and of its imaginary part, from the scatter of the samples."""
    coherence: float
    """Share of the band's power in the overlap that the zero order explains, 0 to 1."""


class BandCheck:
    """Compare every side band with the zero order at a fixed choice of frequencies.

    Where the band of order -h and the zero order overlap, both hold the same object:
    ``S(f) OTF(f + h k) = c Z(f + h k) OTF(f)``, with c = 1 where the pattern is the cached one
    (after Gustafsson, J. Microsc. 198, 82, 2000, eq. 8; here S is the band, Z the zero order). A
    regression for each band gives c. The noise's own share is taken off its sums, so that weak
    light does not pull the modulation down. What depends on the settings only is prepared here.

    Parameters
    ----------
    pattern, otf, camera
        As for `make_plan`; angles that are not usable have no side bands and are not compared.
    device
        Where the spectra are.
    """

    def __init__(
        self,
        pattern: Pattern,
        otf: Otf,
        camera: Camera,
        *,
        device: torch.device | str = "cpu",
    ) -> None:
        zero, bands = separated_bands(pattern)
        layout = Layout(pattern.shape, pattern.pixel_nm / 1000.0, otf)
        noise = pattern.noise_to_signal or _USUAL_NOISE
        self._bands = [_Samples(layout, zero, band, noise) for band in bands]
        if not self._bands:
            return
        self._window = float(edge_window(layout.shape, EDGE_PIXELS).mean())
        self._shot = float(zero.row.abs().square().sum())
        self._dark = self._shot * layout.shape[0] * layout.shape[1] * camera.read_noise**2
        box = (2 * layout.reach_x + 1) * layout.shape[0]
        sides = [number * box + one.side for number, one in enumerate(self._bands)]
        beyond = _noise_indices(layout)
        self._noisy = len(beyond)
        self._side = torch.cat(sides).to(device)
        self._zero = torch.cat([beyond, *(one.zero for one in self._bands)]).to(device)
        self._far = torch.stack([one.far for one in self._bands]).to(device)
        self._near = torch.stack([one.near for one in self._bands]).to(device)

    @torch.inference_mode()
    def __call__(self, spectra: BandSpectra) -> tuple[BandReading, ...]:
        """Return one reading for each side band, in the order of the plan's bands."""
        return self.readings(self.sums(spectra).tolist()) if self.able else ()

    @property
    def able(self) -> bool:
        """Whether there is a band to compare."""
        return bool(self._bands)

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All tensors that `sums` reads, apart from the spectra."""
        return (self._side, self._zero, self._far, self._near) if self.able else ()

    @property
    def form(self) -> tuple[object, ...]:
        """What else `sums` depends on: checks of equal form can take each other's tensors."""
        return (len(self._bands), self._noisy) if self.able else ()

    def mapped(self, change: Callable[[Tensor], Tensor]) -> BandCheck:
        """Return the check with every tensor replaced by what `change` makes of it."""
        other = copy(self)
        if self.able:
            other._side, other._zero = change(self._side), change(self._zero)
            other._far, other._near = change(self._far), change(self._near)
        return other

    def sums(self, spectra: BandSpectra) -> Tensor:
        """Return all that the readings need of one stack, [sum, band] complex, still on its device.

        The sums are the band's power, the zero order's, their product, the noise beyond the
        cut-off, and the light.
        """
        side = _picked(spectra.side, self._side).view_as(self._far) * self._far
        zero = _picked(spectra.zero, self._zero) - _picked(spectra.border, self._zero)
        beyond, model = zero[: self._noisy], zero[self._noisy :].view_as(self._near) * self._near
        sums = [_product(side, side), _product(model, model), _product(model, side)]
        sums.append(_product(beyond, beyond).expand(len(side)))
        sums.append(spectra.zero[0, 0].expand(len(side)))
        return torch.stack(sums)

    def readings(self, sums: Sequence[Sequence[complex]]) -> tuple[BandReading, ...]:
        """Return one reading for each side band, from the values of `sums`."""
        totals, powers, crosses, noises, lights = sums
        noise = self._noise(noises[0].real, lights[0].real)
        return tuple(
            self._reading(band, total.real, power.real, cross, noise)
            for band, total, power, cross in zip(self._bands, totals, powers, crosses, strict=True)
        )

    def _reading(
        self, band: _Samples, total: float, power: float, cross: complex, noise: float
    ) -> BandReading:
        """Return the regression of one band, from its sums.

        Noise adds to the zero order's power. Shot noise adds to the product as well: it follows
        the light, so that of the band and that of the zero order are correlated by the part of the
        light that fringes at h k, as far as the OTF passes it.
        """
        bias = noise * band.noise_share - max(noise - self._dark, 0.0) * band.shot_share
        signal = max(power - bias, _LEAST_SIGNAL * power, _TINY)
        ratio = cross / signal
        misfit = total - 2.0 * (ratio.conjugate() * cross).real + abs(ratio) ** 2 * power
        scatter = _CLUSTERING * math.sqrt(band.spread * max(misfit, 0.0) * power)
        return BandReading(
            band.angle,
            band.harmonic,
            ratio.conjugate() / self._window,
            scatter / signal / math.sqrt(2.0) / self._window,
            abs(cross) ** 2 / max(total * power, _TINY),
        )

    def _noise(self, beyond: float, light: float) -> float:
        """Return the noise power of one sample of the zero order, read beyond the cut-off."""
        if self._noisy >= _FEWEST_NOISE_SAMPLES:
            return beyond / self._noisy
        # the pixels reach no further than the optics
        return self._shot * max(light, 0.0) + self._dark


def _picked(values: Tensor, indices: Tensor) -> Tensor:
    """Return `values` at `indices` of their flattened form."""
    return values.view(-1).index_select(0, indices)


def _product(one: Tensor, other: Tensor) -> Tensor:
    """Return the inner product over the last axis, the first factor conjugated."""
    return torch.linalg.vecdot(one, other)


class _Samples:
    """The frequencies at which one band is compared, and what the comparison needs there."""

    def __init__(self, layout: Layout, zero: Band, band: Band, noise: NoiseToSignal) -> None:
        self._layout = layout
        self.angle, self.harmonic = band.angle, band.harmonic
        (whole_x, whole_y), (rest_x, rest_y) = layout.split(band.shift)
        gx = torch.arange(-layout.reach_x, layout.reach_x + 1)[:, None]
        gy = torch.arange(-layout.reach_y, layout.reach_y + 1)[None, :]
        near, own = self._transfer(gx - rest_x, gy - rest_y)
        far, object_at = self._transfer(gx + whole_x, gy + whole_y)
        cutoff = layout.otf.cutoff
        quietness = float(band.row.abs().square().sum() / zero.row.abs().square().sum())
        power = (object_at / cutoff).clamp(min=_LOW) ** -noise.exponent / noise.at_cutoff
        scatter = quietness * far.square() + near.square()
        variance = scatter + power * (_MODEL_ERROR * near * far).square()
        weight = power / (quietness + power * variance)
        weight[(own < _LOW * cutoff) | (object_at < _LOW * cutoff)] = 0.0
        weight[(gx + whole_x < 0).expand_as(weight)] = 0.0  # the zero order's half spectrum
        signal = weight * power * (near * far).square()
        best = signal.flatten().topk(min(SAMPLES, signal.numel())).indices
        best = best.sort().values  # in the order of memory
        column, row = best // gy.numel(), best % gy.numel()
        self.side = _padded(column * layout.shape[0] + row + layout.box_y.start)
        x, y = gx[column, 0] + whole_x, gy[0, row] + whole_y
        place = x.clamp(0, layout.reach_x) * layout.shape[0] + y.remainder(layout.shape[0])
        self.zero = _padded(place)
        weight, near, far = (values.flatten()[best] for values in (weight, near, far))
        self.near, self.far = _padded(weight.sqrt() * near), _padded(weight.sqrt() * far)
        self.noise_share = float((weight * near.square()).sum())
        carried = float(layout.otf(torch.tensor(math.hypot(*band.shift))))
        self.shot_share = float((weight * near * far).sum()) * carried
        self.spread = _spread(signal.flatten()[best], (weight * scatter.flatten()[best]))

    def _transfer(self, gx: Tensor, gy: Tensor) -> tuple[Tensor, Tensor]:
        """Return the OTF and the frequency at (gx, gy), [x, y] each."""
        fx, fy = self._layout.frequencies(gx, gy)
        return self._layout.measured(fx, fy), torch.sqrt(fx * fx + fy * fy)


def _spread(signal: Tensor, scatter: Tensor) -> float:
    """Return the mean of products over the product of means: by so much errors grow."""
    both = float((signal * scatter).sum())
    return both / max(float(signal.sum()) * float(scatter.sum()), _TINY)


def _padded(values: Tensor) -> Tensor:
    """Return `SAMPLES` values, zeros at the end; small fields have fewer."""
    values = values if values.dtype == torch.long else values.float()
    return torch.nn.functional.pad(values, (0, SAMPLES - len(values)))


def _noise_indices(layout: Layout) -> Tensor:
    """Return the indices [sample] in the zero order's half spectrum that hold noise alone."""
    rows = layout.shape[0]
    gx = torch.arange(layout.reach_x + 1)[:, None]
    gy = (torch.fft.fftfreq(rows) * rows).round()[None, :]
    fx, fy = layout.frequencies(gx, gy)
    beyond = torch.sqrt(fx * fx + fy * fy) > _NOISE_FROM * layout.otf.cutoff
    indices = beyond.flatten().nonzero().flatten()
    return indices[:: max(len(indices) // NOISE_SAMPLES, 1)]
