"""Spectra of one stack's bands in, how far its pattern has moved from the cached one out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.config import Camera
from livesim.frames import NoiseToSignal, Pattern
from livesim.reconstruction.grid import edge_window
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.plan import EDGE_PIXELS, Band, Layout, separated_bands
from livesim.reconstruction.reconstructor import BandSpectra

SAMPLES = 2000
"""Spectral samples at which each band is compared: those that tell most."""
NOISE_SAMPLES = 600
_FEWEST_NOISE_SAMPLES = 200
_NOISE_FROM = 1.02  # of the cut-off: beyond it a spectrum holds noise alone
_LOW = 0.08  # of the cut-off: lower frequencies hold background, and what leaks from other bands
_MODEL_ERROR = 0.2  # relative, of the OTF and of the uniformity of the pattern
_USUAL_NOISE = NoiseToSignal(0.05, 1.2)  # where the pattern does not know it
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
        chosen = [_Samples(layout, zero, band, noise) for band in bands]
        self._orders = [(band.angle, band.harmonic) for band in bands]
        window = float(edge_window(layout.shape, EDGE_PIXELS).mean())
        scale = [1.0 / window, 1.0 / window, math.sqrt(0.5) / window, 1.0]
        self._scale = torch.tensor(scale, device=device)
        self._shot = float(zero.row.abs().square().sum())
        self._dark = self._shot * layout.shape[0] * layout.shape[1] * camera.read_noise**2
        if not chosen:
            return
        box = (2 * layout.reach_x + 1) * layout.shape[0]
        sides = [number * box + one.side for number, one in enumerate(chosen)]
        self._side = torch.cat(sides).to(device)
        beyond = _beyond(layout)
        self._noisy = len(beyond)
        self._zero = torch.cat([beyond, *(one.zero for one in chosen)]).to(device)
        self._far = torch.stack([one.far for one in chosen]).to(device)
        self._near = torch.stack([one.near for one in chosen]).to(device)
        self._noise_share = torch.tensor([one.noise_share for one in chosen], device=device)
        self._shot_share = torch.tensor([one.shot_share for one in chosen], device=device)

    @torch.inference_mode()
    def __call__(self, spectra: BandSpectra) -> tuple[BandReading, ...]:
        """Return one reading for each side band, in the order of the plan's bands."""
        if not self._orders:
            return ()
        side = _taken(spectra.side, self._side).view_as(self._near) * self._far
        zero = _taken(spectra.zero, self._zero) - _taken(spectra.border, self._zero)
        model = zero[self._noisy :].view_as(self._near) * self._near
        turned = torch.stack([-model[..., 1], model[..., 0]], dim=-1)  # i times the model
        vectors = torch.stack([side, model, turned], dim=1).flatten(2)
        products = vectors @ vectors.mT
        cross, power = products[:, 0, 1:], products[:, 1, 1]
        bias = self._bias(self._noise(zero[: self._noisy], spectra.zero[0, 0].real))
        signal = torch.maximum(power - bias, _LEAST_SIGNAL * power)[:, None]
        ratio = cross / signal
        misfit = side - (ratio[:, None] @ vectors[:, 1:]).view_as(side)
        scatter = (_power(model) * _power(misfit)).sum(dim=1).sqrt() / signal[:, 0]
        explained = cross.square().sum(dim=1) / (products[:, 0, 0] * power)
        table = torch.stack([*ratio.T, scatter, explained], dim=1) * self._scale
        return tuple(
            BandReading(*order, complex(re, -im), error, coherence)
            for order, (re, im, error, coherence) in zip(self._orders, table.tolist(), strict=True)
        )

    def _bias(self, noise: Tensor) -> Tensor:
        """Return what noise adds to the zero order's power, less what it adds to the product.

        Shot noise follows the light, so that of the band and that of the zero order are correlated
        by the part of the light that fringes at h k, as far as the OTF passes it.
        """
        return noise * self._noise_share - (noise - self._dark).clamp(min=0.0) * self._shot_share

    def _noise(self, beyond: Tensor, light: Tensor) -> Tensor:
        """Return the noise power of one sample of the zero order, read beyond the cut-off."""
        if len(beyond) < _FEWEST_NOISE_SAMPLES:  # the pixels reach no further than the optics
            return self._shot * light.clamp(min=0.0) + self._dark
        return 2.0 * beyond.square().mean()


def _taken(values: Tensor, places: Tensor) -> Tensor:
    """Return complex `values` at `places` of their flattened form, [sample, 2]."""
    return torch.view_as_real(values.view(-1).index_select(0, places))


def _power(values: Tensor) -> Tensor:
    """Return the squared magnitude of `values` [..., 2]."""
    squares = values.square()
    return squares[..., 0] + squares[..., 1]


class _Samples:
    """The frequencies at which one band is compared, and what the comparison needs there."""

    def __init__(self, layout: Layout, zero: Band, band: Band, noise: NoiseToSignal) -> None:
        self._layout = layout
        (whole_x, whole_y), (rest_x, rest_y) = layout.split(band.shift)
        gx = torch.arange(-layout.reach_x, layout.reach_x + 1)[:, None]
        gy = torch.arange(-layout.reach_y, layout.reach_y + 1)[None, :]
        near, own = self._transfer(gx - rest_x, gy - rest_y)
        far, object_at = self._transfer(gx + whole_x, gy + whole_y)
        cutoff = layout.otf.cutoff
        quietness = float(band.row.abs().square().sum() / zero.row.abs().square().sum())
        power = (object_at / cutoff).clamp(min=_LOW) ** -noise.exponent / noise.at_cutoff
        variance = quietness * far.square() + near.square()
        variance = variance + power * (_MODEL_ERROR * near * far).square()
        weight = power / (quietness + power * variance)
        weight[(own < _LOW * cutoff) | (object_at < _LOW * cutoff)] = 0.0
        told = (weight * power * (near * far).square()).flatten()
        best = told.topk(min(SAMPLES, told.numel())).indices.sort().values  # in order of memory
        root = weight.flatten()[best].sqrt()
        root = torch.where(told[best] > 0.0, root, torch.zeros_like(root))
        near, far = root * near.flatten()[best], root * far.flatten()[best]
        column, row = best // gy.numel(), best % gy.numel()
        self.side = column * layout.shape[0] + row + layout.box_y.start
        self.zero, mirror = self._half(gx[column, 0] + whole_x, gy[0, row] + whole_y)
        self.far = _padded(far)[:, None].expand(-1, 2)
        self.near = _padded(near)[:, None] * _padded(mirror)[:, None] ** torch.tensor([0, 1])
        self.side, self.zero = _padded(self.side), _padded(self.zero)
        self.noise_share = float(near.square().sum())
        carried = layout.otf(torch.tensor(math.hypot(*band.shift)))
        self.shot_share = float((near * far).sum() * carried)

    def _transfer(self, gx: Tensor, gy: Tensor) -> tuple[Tensor, Tensor]:
        """Return the OTF and the frequency at (gx, gy), [x, y] each."""
        fx, fy = self._layout.frequencies(gx, gy)
        return self._layout.measured(fx, fy), torch.sqrt(fx * fx + fy * fy)

    def _half(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return where the zero order's half spectrum holds (x, y), and -1 where conjugated."""
        mirrored = x < 0
        x, y = torch.where(mirrored, -x, x), torch.where(mirrored, -y, y)
        rows = self._layout.shape[0]
        place = x.clamp(max=self._layout.reach_x) * rows + y.remainder(rows)
        return place, torch.where(mirrored, -1.0, 1.0)


def _padded(values: Tensor) -> Tensor:
    """Return `SAMPLES` values, zeros at the end; small fields have fewer."""
    values = values if values.dtype == torch.long else values.float()
    return torch.nn.functional.pad(values, (0, SAMPLES - len(values)))


def _beyond(layout: Layout) -> Tensor:
    """Return places [sample] in the zero order's half spectrum that hold noise alone."""
    rows = layout.shape[0]
    gx = torch.arange(layout.reach_x + 1)[:, None]
    gy = (torch.fft.fftfreq(rows) * rows).round()[None, :]
    fx, fy = layout.frequencies(gx, gy)
    beyond = torch.sqrt(fx * fx + fy * fy) > _NOISE_FROM * layout.otf.cutoff
    places = beyond.flatten().nonzero().flatten()
    return places[:: max(len(places) // NOISE_SAMPLES, 1)]
