"""Optics, pattern and settings in, everything the reconstruction can compute beforehand out."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from livesim.config import Apodization, Camera, Notch, Reconstruction
from livesim.frames import NoiseToSignal, Pattern
from livesim.reconstruction.grid import edge_window, positions
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.separation import group_unmixing, groups

DEFAULT_WIENER = 0.05
"""Where "auto" is asked for and the pattern does not know the noise."""
_LEAST_FLOOR = 1e-12  # a full notch leaves no signal at zero frequency to divide by
EDGE_PIXELS = 8
"""Border over which the side bands fade out, so that their periodic jump makes no ringing."""


ZERO_ORDER, BORDER = -1, -2
"""Spectra besides the bands: the zero order, and the smooth part of it that its borders cause."""


@dataclass(frozen=True, eq=False)
class Band:
    """One separated band and where the object it holds belongs."""

    row: Tensor
    """[frame] complex weights that extract the band from a whole raw stack."""
    shift: tuple[float, float]
    """(x, y) in cycles/µm: the object's frequency minus the band's."""
    weight: float
    """Inverse noise variance, relative to a zero order."""
    angle: int = 0
    """Number of the wave vector in the pattern; 0 for the common zero order."""
    harmonic: int = 0


@dataclass(frozen=True, eq=False)
class Placement:
    """A rectangle of a band's spectrum and its place in the result's half spectrum, both [x, y]."""

    band: int
    """`ZERO_ORDER`, `BORDER` or the number of a band."""
    source: tuple[slice, slice]
    target: tuple[slice, slice]
    mirrored: bool
    """Whether the rectangle is conjugated and turned by 180 degrees."""
    weight: Tensor
    """[x, y, 2] for the real and imaginary part, in the target's orientation."""


@dataclass(frozen=True, eq=False)
class Plan:
    """All that depends on settings only; see docs/reconstruction.md for the five transforms."""

    shape: tuple[int, int]
    """(y, x) of the raw frames."""
    unmixing: Tensor
    """[1 + 2 bands, frame]: the zero order, then the real and the imaginary parts of the bands."""
    bias: Tensor
    """[1 + 2 bands, 1]: what the camera's offset contributes, to be added."""
    ramps: Tensor
    """[band, y, x] complex: sub-pixel shift, centring and edge window in one."""
    columns: slice
    """Of the bands' centred spectra, those inside the OTF."""
    rows: slice
    zero_columns: int
    """Leading columns of the zero order's half spectrum inside the OTF."""
    border: tuple[Tensor, Tensor]
    """[x, y] each: from the spectra of the jumps between opposite borders to the smooth part."""
    placements: tuple[Placement, ...]
    half_columns: int
    """Leading columns of the result's half spectrum that are not zero."""
    transfer: Tensor
    """[2 y, x + 1] effective transfer function of the result, for Richardson-Lucy."""
    richardson_lucy_iterations: int

    def for_photons(self, camera: Camera) -> Plan:
        """Return the plan for frames in photo-electrons; this one is for counts of `camera`."""
        return replace(self, unmixing=self.unmixing * camera.gain, bias=torch.zeros_like(self.bias))

    def to(self, device: torch.device | str) -> Plan:
        """Return the plan on `device`."""
        return self.mapped(lambda values: values.to(device))

    def mapped(self, change: Callable[[Tensor], Tensor]) -> Plan:
        """Return the plan with every tensor replaced by what `change` makes of it."""
        return replace(
            self,
            unmixing=change(self.unmixing),
            bias=change(self.bias),
            ramps=change(self.ramps),
            border=(change(self.border[0]), change(self.border[1])),
            placements=tuple(
                replace(place, weight=change(place.weight)) for place in self.placements
            ),
            transfer=change(self.transfer),
        )

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All of them, in the order in which `mapped` meets them."""
        weights = (place.weight for place in self.placements)
        return (self.unmixing, self.bias, self.ramps, *self.border, *weights, self.transfer)

    @property
    def form(self) -> tuple[object, ...]:
        """All but the tensors' values: plans whose forms are equal differ in nothing else."""
        places = tuple((p.band, p.source, p.target, p.mirrored) for p in self.placements)
        shapes = tuple(values.shape for values in self.tensors)
        bounds = (self.columns, self.rows, self.zero_columns, self.half_columns)
        return (self.shape, places, shapes, bounds, self.richardson_lucy_iterations)


def make_plan(
    pattern: Pattern,
    otf: Otf,
    camera: Camera,
    settings: Reconstruction,
    *,
    device: torch.device | str = "cpu",
) -> Plan:
    """Prepare the reconstruction of stacks taken with `pattern`.

    Angles that are not usable contribute their zero order only.
    """
    zero, bands = separated_bands(pattern)
    layout = Layout(pattern.shape, pattern.pixel_nm / 1000.0, otf)
    filters = _Filters(layout, otf, settings, zero.weight, bands, pattern.noise_to_signal)
    placements = [
        p for number in range(len(bands)) for p in _band_placements(layout, filters, number)
    ]
    placements += _zero_placements(layout, filters)
    border = _border(layout)
    rows = torch.stack([zero.row.real] + [b.row.real for b in bands] + [b.row.imag for b in bands])
    unmixing = rows / camera.gain
    plan = Plan(
        shape=pattern.shape,
        unmixing=unmixing.float(),
        bias=(-camera.offset * unmixing.sum(dim=1, keepdim=True)).float(),
        ramps=_ramps(layout, bands),
        columns=layout.box_x,
        rows=layout.box_y,
        zero_columns=layout.reach_x + 1,
        border=border,
        placements=tuple(placements),
        half_columns=max(p.target[0].stop for p in placements),
        transfer=filters.transfer.float(),
        richardson_lucy_iterations=settings.richardson_lucy_iterations,
    )
    return plan.to(device)


def separated_bands(pattern: Pattern) -> tuple[Band, list[Band]]:
    """Return the common zero order and every usable -h band, whose object lies at f + h k."""
    sets = groups(pattern)
    frames = sum(len(group.frames) for group in sets)
    zeros, variances, bands = [], [], []
    first = 0
    for group in sets:
        unmixing = group_unmixing(group) if group.usable else _zero_only(len(group.frames))
        whole = torch.zeros(len(unmixing), frames, dtype=torch.complex128)
        whole[:, list(group.frames)] = unmixing.to(torch.complex128)
        noise = unmixing.abs().square().sum(dim=1)
        zeros.append(whole[0].real)
        variances.append(float(noise[0]))
        for number, order in enumerate(group.orders if group.usable else ()):
            kx, ky = group.angles[order.vector].k_cycles_per_um
            shift = (order.harmonic * kx, order.harmonic * ky)
            weight, angle = 1.0 / float(noise[1 + number]), first + order.vector
            bands.append(Band(whole[1 + number].conj(), shift, weight, angle, order.harmonic))
        first += len(group.angles)
    weights = torch.tensor([1.0 / v for v in variances], dtype=torch.float64)
    unit = float(weights.mean())
    row = (weights[:, None] * torch.stack(zeros)).sum(dim=0) / weights.sum()
    zero = Band(row.to(torch.complex128), (0.0, 0.0), float(weights.sum()) / unit)
    return zero, [replace(b, weight=b.weight / unit) for b in bands]


def _zero_only(frames: int) -> Tensor:
    return torch.full((1, frames), 1.0 / frames, dtype=torch.float64)


class Layout:
    """Index arithmetic between the raw spectrum (N) and the result's half spectrum (2N)."""

    def __init__(self, shape: tuple[int, int], pixel_um: float, otf: Otf) -> None:
        self.shape, self.pixel_um, self.otf = shape, pixel_um, otf
        self.length = (shape[0] * pixel_um, shape[1] * pixel_um)
        """(y, x) of the field in µm; its inverse is the spectral pixel."""
        self.centre = (shape[0] // 2, shape[1] // 2)
        reach = [
            min(math.floor(otf.cutoff * length), (n - 1) // 2)
            for length, n in zip(self.length, shape, strict=True)
        ]
        self.reach_y, self.reach_x = reach
        self.box_y = slice(self.centre[0] - self.reach_y, self.centre[0] + self.reach_y + 1)
        self.box_x = slice(self.centre[1] - self.reach_x, self.centre[1] + self.reach_x + 1)

    def split(self, shift: tuple[float, float]) -> tuple[tuple[int, int], tuple[float, float]]:
        """Return a shift (x, y) in whole spectral pixels and the rest, each (x, y)."""
        exact = (shift[0] * self.length[1], shift[1] * self.length[0])
        whole = (round(exact[0]), round(exact[1]))
        return whole, (exact[0] - whole[0], exact[1] - whole[1])

    def frequencies(self, gx: Tensor, gy: Tensor) -> tuple[Tensor, Tensor]:
        """Return (fx, fy) in cycles/µm of whole-pixel indices."""
        return gx.double() / self.length[1], gy.double() / self.length[0]

    def measured(self, fx: Tensor, fy: Tensor) -> Tensor:
        """Return the OTF where the raw grid holds the frequency, else 0."""
        inside_x = (fx * self.length[1]).abs() <= self.reach_x + 0.5
        inside_y = (fy * self.length[0]).abs() <= self.reach_y + 0.5
        value = self.otf(torch.sqrt(fx * fx + fy * fy))
        return torch.where(inside_x & inside_y, value, torch.zeros_like(value))


class _Filters:
    """The Wiener filter of every band (Gustafsson et al., Biophys. J. 94, 4957, 2008, eq. 12)."""

    def __init__(
        self,
        layout: Layout,
        otf: Otf,
        settings: Reconstruction,
        zero: float,
        bands: list[Band],
        noise: NoiseToSignal | None,
    ) -> None:
        self._layout, self._otf, self._settings = layout, otf, settings
        self.zero_weight, self.bands = zero, bands
        rows, columns = layout.shape
        gx = torch.arange(columns + 1)[:, None]
        gy = (torch.fft.fftfreq(2 * rows) * 2 * rows).round().long()[None, :]
        fx, fy = layout.frequencies(gx, gy)
        signal = self._signal(fx, fy)
        passed = apodization(
            torch.sqrt(fx * fx + fy * fy), settings.apodization, otf, self._reach()
        )
        floor = wiener_floor(torch.sqrt(fx * fx + fy * fy), settings.wiener, noise, otf)
        self._passed = passed
        self._gain = 4.0 * passed / (signal + floor)
        self.transfer = (passed * signal / (signal + floor)).T
        """[2 y, x + 1]: of the whole microscope with its reconstruction."""

    def _reach(self) -> float:
        shifts = [math.hypot(*band.shift) for band in self.bands]
        return self._otf.cutoff + max(shifts, default=0.0)

    def _signal(self, fx: Tensor, fy: Tensor) -> Tensor:
        """Return the summed signal of all bands at the object's frequency (fx, fy)."""
        total = self.zero_weight * self._power(fx, fy)
        for band in self.bands:
            sx, sy = band.shift
            total = total + band.weight * self._power(fx - sx, fy - sy)
            total = total + band.weight * self._power(fx + sx, fy + sy)
        return total

    def _power(self, fx: Tensor, fy: Tensor) -> Tensor:
        power = self._layout.measured(fx, fy).square()
        return power * notch(torch.sqrt(fx * fx + fy * fy), self._settings.notch)

    def at(self, weight: float, gx: Tensor, gy: Tensor, shift: tuple[float, float]) -> Tensor:
        """Return a band's filter at the object's whole-pixel indices gx >= 0, gy, [x, y]."""
        fx, fy = self._layout.frequencies(gx, gy)
        fx, fy = fx - shift[0], fy - shift[1]
        transfer = self._layout.measured(fx, fy)
        transfer = transfer * notch(torch.sqrt(fx * fx + fy * fy), self._settings.notch)
        return weight * transfer * self._gain[gx, gy]

    def passed(self, gx: Tensor, gy: Tensor) -> Tensor:
        """Return the low-pass alone, scaled like `at`."""
        return 4.0 * self._passed[gx, gy]


def wiener_floor(
    frequency: Tensor, wiener: float | Literal["auto"], noise: NoiseToSignal | None, otf: Otf
) -> Tensor:
    """Return the constant of the Wiener denominator at `frequency` (cycles/µm).

    It is w squared, or the true ratio of noise to object, for which the filter has the least mean
    square error (Wiener 1949); there the zero order of one angle weighs 1.
    """
    if wiener != "auto":
        return torch.full_like(frequency, wiener**2)
    if noise is None:
        return torch.full_like(frequency, DEFAULT_WIENER**2)
    ratio = noise.at_cutoff * (frequency / otf.cutoff) ** noise.exponent
    return ratio.clamp(min=_LEAST_FLOOR)


def apodization(frequency: Tensor, settings: Apodization, otf: Otf, reach: float) -> Tensor:
    """Return the low-pass of the result at `frequency` (cycles/µm).

    `reach` is the highest frequency that any band holds, the cut-off that "auto" stands for.
    """
    if settings.shape == "none":
        return torch.ones_like(frequency)
    edge = reach if settings.cutoff == "auto" else settings.cutoff * otf.cutoff
    relative = (frequency / edge).clamp(max=1.0)
    shape = torch.cos(relative * torch.pi / 2.0) if settings.shape == "cosine" else 1.0 - relative
    return shape.clamp(min=0.0) ** settings.bend


def notch(frequency: Tensor, settings: Notch) -> Tensor:
    """Return the dip around a band's centre at `frequency` (cycles/µm) from it."""
    sigma = settings.fwhm_cycles_per_um / (2.0 * math.sqrt(2.0 * math.log(2.0)))
    return 1.0 - settings.strength * torch.exp(-0.5 * (frequency / sigma) ** 2)


def _ramps(layout: Layout, bands: list[Band]) -> Tensor:
    """Return exp(2 pi i (centre + sub-pixel shift).r) times the edge window, [band, y, x]."""
    window = edge_window(layout.shape, EDGE_PIXELS)
    rows, columns = layout.shape
    y, x = positions(layout.shape, 1.0)
    ramps = []
    for band in bands:
        _, (rest_x, rest_y) = layout.split(band.shift)
        turn_x = (layout.centre[1] + rest_x) / columns
        turn_y = (layout.centre[0] + rest_y) / rows
        ramps.append(window * torch.exp(2j * torch.pi * (turn_y * y + turn_x * x)))
    if not ramps:
        return torch.zeros(0, *layout.shape, dtype=torch.complex64)
    return torch.stack(ramps).to(torch.complex64)


def _band_placements(layout: Layout, filters: _Filters, number: int) -> list[Placement]:
    """Return where the parts of a band go: direct for gx >= 0, mirrored for gx <= 0."""
    band = filters.bands[number]
    (whole_x, whole_y), _ = layout.split(band.shift)
    left, right = whole_x - layout.reach_x, whole_x + layout.reach_x
    low, high = whole_y - layout.reach_y, whole_y + layout.reach_y
    limit_y, limit_x = layout.shape[0] - 1, layout.shape[1] - 1
    placements = []
    for mirrored in (False, True):
        x_range = (
            (max(-right, 0), min(-left, limit_x))
            if mirrored
            else (max(left, 0), min(right, limit_x))
        )
        y_range = (-high, -low) if mirrored else (low, high)
        for y0, y1 in _by_sign(y_range, limit_y):
            if x_range[0] > x_range[1]:
                continue
            placements.append(
                _placement(layout, filters, number, mirrored, x_range, (y0, y1), (left, low))
            )
    return placements


def _by_sign(span: tuple[int, int], limit: int) -> list[tuple[int, int]]:
    """Split a range of indices, both ends included, into its negative and its other part."""
    low, high = max(span[0], -limit), min(span[1], limit)
    parts = [(low, min(high, -1)), (max(low, 0), high)]
    return [part for part in parts if part[0] <= part[1]]


def _placement(
    layout: Layout,
    filters: _Filters,
    number: int,
    mirrored: bool,
    x_range: tuple[int, int],
    y_range: tuple[int, int],
    corner: tuple[int, int],
) -> Placement:
    band = filters.bands[number]
    gx = torch.arange(x_range[0], x_range[1] + 1)[:, None]
    gy = torch.arange(y_range[0], y_range[1] + 1)[None, :]
    sign = -1 if mirrored else 1
    shift = (sign * band.shift[0], sign * band.shift[1])
    weight = filters.at(band.weight, gx, gy, shift)
    source_x = _source(x_range, corner[0], mirrored)
    source_y = _source(y_range, corner[1], mirrored)
    start = y_range[0] if y_range[0] >= 0 else 2 * layout.shape[0] + y_range[0]
    target = (slice(x_range[0], x_range[1] + 1), slice(start, start + gy.numel()))
    pair = torch.stack([weight, -weight if mirrored else weight], dim=-1)
    return Placement(number, (source_x, source_y), target, mirrored, pair.float())


def _source(span: tuple[int, int], corner: int, mirrored: bool) -> slice:
    """Return where the object's indices `span` lie in a box whose first index is `corner`."""
    low, high = (-span[1], -span[0]) if mirrored else span
    return slice(low - corner, high - corner + 1)


def _zero_placements(layout: Layout, filters: _Filters) -> list[Placement]:
    """Return where the zero order goes: filtered, but for its smooth part, only low-passed."""
    rows = layout.shape[0]
    columns = slice(0, layout.reach_x + 1)
    gx = torch.arange(layout.reach_x + 1)[:, None]
    placements = []
    for y0, y1 in _by_sign((-layout.reach_y, layout.reach_y), rows - 1):
        gy = torch.arange(y0, y1 + 1)[None, :]
        weight = filters.at(filters.zero_weight, gx, gy, (0.0, 0.0))
        wrap = rows if y0 < 0 else 0
        source = (columns, slice(y0 + wrap, y1 + wrap + 1))
        target = (columns, slice(y0 + 2 * wrap, y1 + 2 * wrap + 1))
        for band, value in ((ZERO_ORDER, weight), (BORDER, filters.passed(gx, gy) - weight)):
            pair = torch.stack([value, value], dim=-1)
            placements.append(Placement(band, source, target, False, pair.float()))
    return placements


def _border(layout: Layout) -> tuple[Tensor, Tensor]:
    """Return the factors that turn the jumps between opposite borders into the smooth part.

    An image is a periodic one plus a smooth one that holds the jumps at its borders (Moisan,
    J. Math. Imaging Vis. 39, 161, 2011, eq. 11). Only the periodic one may be deconvolved: the
    jumps are no part of the object.
    """
    rows, columns = layout.shape
    index_x = torch.arange(layout.reach_x + 1, dtype=torch.float64)[:, None]
    turn_x = 2.0 * torch.pi / columns * index_x
    turn_y = 2.0 * torch.pi / rows * torch.arange(rows, dtype=torch.float64)[None, :]
    curvature = 2.0 * torch.cos(turn_x) + 2.0 * torch.cos(turn_y) - 4.0
    curvature[0, 0] = torch.inf
    across_rows = (1.0 - torch.exp(1j * turn_y)) / curvature
    across_columns = (1.0 - torch.exp(1j * turn_x)) / curvature
    return across_rows.to(torch.complex64), across_columns.to(torch.complex64)
