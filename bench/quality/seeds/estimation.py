"""Estimate a pattern as OpenSIM, CC-SIM and fairSIM describe it; written from their papers.

None of them says how sure it is, so every angle counts as usable. All are told the ideal OTF.

- OpenSIM (Lal, Shan, Xi, IEEE J. Sel. Top. Quantum Electron. 22, 6803414, 2016): the wave vector by
  the autocorrelation of every frame, near the peak of its spectrum; the phase by the frame's own
  component there; the modulation by a power law of the object.
- CC-SIM (Wicker et al., Opt. Express 21, 2032, 2013): the phases for which separated bands are the
  least alike at the shifts that do not belong to them.
- fairSIM (Müller et al., Nat. Commun. 7, 10980, 2016): equal steps of the phase, and the wave
  vector by the correlation of separated bands.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from bench.quality.seeds.fields import Field
from livesim.images.resolution import edge_window
from livesim.values.pattern import Pattern, PatternAngle

PIXEL_NM = 100.0
"""What a pixel of a picture counts as."""
ORDERS = (0, 1, -1)
ANNULUS = (0.7, 1.2)
"""In units of the cut-off, where a wave vector may lie."""
_POWER_RANGE = (0.1, 0.8)
"""Of the cut-off, where the object's power is read."""
_FADE = 10
"""Pixels at every border."""
_ROUNDS = 2

Values = NDArray[np.float64]
Waves = NDArray[np.complex128]
Vector = tuple[float, float]
"""(x, y) in cycles per pixel."""


@dataclass(frozen=True, eq=False)
class Angle:
    """The frames of one angle."""

    frames: Values
    """[phase, y, x], fading to 0 at the borders."""
    cutoff: float
    """Cycles per pixel."""

    @property
    def frequency(self) -> Values:
        """Distance from zero, cycles per pixel."""
        rows, columns = self.frames.shape[1:]
        return np.hypot(np.fft.fftfreq(rows)[:, None], np.fft.fftfreq(columns)[None])

    def otf(self, k: Vector = (0.0, 0.0)) -> Values:
        """Return the ideal OTF at frequencies moved by k."""
        rows, columns = self.frames.shape[1:]
        fy, fx = np.fft.fftfreq(rows)[:, None] + k[1], np.fft.fftfreq(columns)[None] + k[0]
        relative = np.clip(np.hypot(fx, fy) / self.cutoff, 0.0, 1.0)
        return (np.arccos(relative) - relative * np.sqrt(1.0 - relative**2)) * 2.0 / np.pi

    def filtered(self, weight: Values) -> Waves:
        """Return the frames weighted in frequency."""
        return np.fft.ifft2(np.fft.fft2(self.frames) * weight)

    def peak(self, both: Waves, near: Waves | None = None) -> Vector:
        """Return the shift at which the component of a product is the largest.

        It is looked for in the annulus; or near where the transform of `near` is the largest there.
        """
        low, high = (bound * self.cutoff for bound in ANNULUS)
        allowed = (self.frequency > low) & (self.frequency < high)
        found = np.abs(np.fft.fft2(both if near is None else near)) * allowed
        row, column = np.unravel_index(int(found.argmax()), found.shape)
        start = (np.fft.fftfreq(both.shape[1])[column], np.fft.fftfreq(both.shape[0])[row])
        return _finer(both, (float(start[0]), float(start[1])))


def _at(values: Waves, k: Vector) -> complex:
    """Return the component of an image [..., y, x] at k."""
    rows, columns = values.shape[-2:]
    across = np.exp(-2j * np.pi * k[1] * np.arange(rows))
    along = np.exp(-2j * np.pi * k[0] * np.arange(columns))
    return across @ values @ along


def _finer(both: Waves, start: Vector) -> Vector:
    """Return where the component of a product is the largest near `start`."""
    step = 0.5 / max(both.shape)
    corners = [start, (start[0] + step, start[1]), (start[0], start[1] + step)]
    best = minimize(
        lambda k: -abs(_at(both, (k[0], k[1]))),
        start,
        method="Nelder-Mead",
        options={"initial_simplex": corners, "xatol": 1e-6, "fatol": 0.0, "maxfev": 120},
    )
    return float(best.x[0]), float(best.x[1])


def _mixing(phases: Values) -> Waves:
    """Return how bands of order 0, 1 and -1 mix into frames, [frame, band]."""
    return np.exp(1j * phases[:, None] * np.array(ORDERS))


def _bands(angle: Angle, phases: Values) -> Waves:
    """Return the separated bands [band, y, x] in real space."""
    return np.tensordot(np.linalg.pinv(_mixing(phases)), angle.frames.astype(complex), axes=1)


def _factor(angle: Angle, bands: Waves, k: Vector) -> complex:
    """Return by what the first band differs from the zero order where they overlap."""
    rows, columns = np.indices(bands.shape[1:])
    back = np.exp(-2j * np.pi * (k[0] * columns + k[1] * rows))
    zero = np.fft.fft2(bands[0]) * angle.otf(k)
    first = np.fft.fft2(bands[1] * back) * angle.otf()
    return complex((zero.conj() * first).sum() / (np.abs(zero) ** 2).sum())


def _pattern_angle(k: Vector, phases: Values, modulation: float) -> PatternAngle:
    if k[0] < 0 or (k[0] == 0 and k[1] < 0):
        k, phases = (-k[0], -k[1]), -phases
    per_um = 1000.0 / PIXEL_NM
    turned = np.remainder(phases, 2.0 * np.pi)
    strength = min(max(modulation, 0.1), 1.0)
    return PatternAngle((k[0] * per_um, k[1] * per_um), tuple(turned.tolist()), (strength,))


def fairsim(angle: Angle) -> PatternAngle:
    """Estimate one angle as fairSIM does."""
    phases = 2.0 * np.pi * np.arange(len(angle.frames)) / len(angle.frames)
    seen = Angle(angle.filtered(angle.otf()).real, angle.cutoff)
    zero, first = _bands(seen, phases)[:2]
    k = angle.peak(zero.conj() * first)
    factor = _factor(angle, _bands(angle, phases), k)
    return _pattern_angle(k, phases + np.angle(factor), 2.0 * abs(factor))


def cross_correlation(angle: Angle) -> PatternAngle:
    """Estimate one angle as CC-SIM does."""
    phases = 2.0 * np.pi * np.arange(len(angle.frames)) / len(angle.frames)
    seen = Angle(angle.filtered(angle.otf()).real, angle.cutoff)
    k: Vector = (0.0, 0.0)
    for _ in range(_ROUNDS):
        zero, first = _bands(seen, phases)[:2]
        k = angle.peak(zero.conj() * first)
        phases = _least_alike(seen, k, phases)
    factor = _factor(angle, _bands(angle, phases), k)
    return _pattern_angle(k, phases + np.angle(factor), 2.0 * abs(factor))


def _least_alike(angle: Angle, k: Vector, start: Values) -> Values:
    """Return the phases that separate the bands best; the first one stays as it is."""
    frames = angle.frames.astype(complex)
    shifts = (0, 1, 2)
    alike = [
        np.array([[_at(a.conj() * b, (s * k[0], s * k[1])) for b in frames] for a in frames])
        for s in shifts
    ]
    strange = [[(i, j) for i, j in _PAIRS if ORDERS[j] - ORDERS[i] != shift] for shift in shifts]

    def mistaken(steps: Values) -> float:
        separate = np.linalg.pinv(_mixing(np.array([start[0], *steps])))
        found = [separate.conj() @ one @ separate.T for one in alike]
        power = np.diag(found[0]).real
        return sum(
            abs(one[i, j]) ** 2 / (power[i] * power[j])
            for one, pairs in zip(found, strange, strict=True)
            for i, j in pairs
        )

    best = minimize(mistaken, start[1:], method="Nelder-Mead", options={"maxfev": 200})
    return np.array([start[0], *best.x])


_PAIRS = tuple(product(range(len(ORDERS)), repeat=2))


def opensim(angle: Angle) -> PatternAngle:
    """Estimate one angle as OpenSIM does."""
    seen = angle.filtered(angle.otf() * (1.0 - angle.otf() ** 10)).real.astype(complex)
    found = [angle.peak(frame * frame, frame) for frame in seen]
    k = np.mean([_beside(one, found[0]) for one in found], axis=0)
    at = (float(k[0]), float(k[1]))
    phases = np.array([float(np.angle(_at(frame, at))) for frame in seen])
    return _pattern_angle(at, phases, _modulation(angle, at, phases))


def _beside(k: Vector, first: Vector) -> Vector:
    return k if k[0] * first[0] + k[1] * first[1] > 0.0 else (-k[0], -k[1])


def _modulation(angle: Angle, k: Vector, phases: Values) -> float:
    """Return the modulation for which a power law of the object explains the first band."""
    bands = _bands(angle, phases)
    frequency, otf = angle.frequency, angle.otf()
    inside = (frequency > _POWER_RANGE[0] * angle.cutoff) & (
        frequency < _POWER_RANGE[1] * angle.cutoff
    )
    outside = frequency > angle.cutoff
    zero, first = (np.abs(np.fft.fft2(band)) ** 2 for band in bands[:2])
    signal = (zero - zero[outside].mean())[inside] / otf[inside] ** 2
    seen = signal > 0.0
    if seen.sum() < 2:
        return 0.0
    slope, height = np.polyfit(np.log(frequency[inside][seen]), np.log(signal[seen]), 1)
    rows, columns = frequency.shape
    fy, fx = np.fft.fftfreq(rows)[:, None] - k[1], np.fft.fftfreq(columns)[None] - k[0]
    moved = np.maximum(np.hypot(fx, fy), 1.0 / rows)
    expected = np.exp(height) * moved**slope * otf**2
    usual = inside & (moved > _POWER_RANGE[0] * angle.cutoff)
    excess = (first - first[outside].mean())[usual].sum() / expected[usual].sum()
    return 2.0 * math.sqrt(max(float(excess), 0.0))


def estimated(field: Field, method: Callable[[Angle], PatternAngle]) -> Pattern:
    """Return the pattern of a field as a method finds it, angle by angle."""
    frames = field.frames.double().numpy()
    shape = (frames.shape[-2], frames.shape[-1])
    faded = (frames - frames.mean()) * edge_window(shape, _FADE)
    angles = tuple(method(Angle(own, field.cutoff)) for own in faded)
    return Pattern(PIXEL_NM, shape, angles)
