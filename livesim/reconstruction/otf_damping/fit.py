"""Fit one damping and every side band's strength to what overlapping bands share.

With S the object, the zero order at f holds X = S(f) O(f) and a side band Y = s S(f) O(f - k), so
Y / X = s O(f - k) / O(f). The logarithm of that ratio over the one of ideal OTFs is a straight line
in (|f - k| - |f|) / cut-off: its slope is the logarithm of the damping, its height that of s.

Both X and Y are noisy. The score is that of total least squares: the mismatch Y - r X times the
best estimate of S from both, in whose mean noise cancels (Fuller, Measurement Error Models, Wiley,
1987, sec. 1.3), so that weak light does not bias it. Light that only one of the two holds (out of
focus, moved between frames) would pull it: the coherence of the two tells it, and it is taken
off.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from livesim.reconstruction.otf import Otf
from livesim.reconstruction.otf_damping.shared_light import SharedLight
from livesim.reconstruction.otf_damping.zero_order_power import ZeroOrderPower

_START = math.log(0.3)
_BOUNDS = (math.log(0.005), math.log(3.0))
_MODEL_ERROR = 0.5  # relative, of single samples: the few brightest shall not outvote all others
_ROUNDS = 2  # of finding how much light is not shared
_STEPS = 40
_LEAST_SHARE = 0.125  # of a step that is made where it turned back
_LONGEST, _SHORTEST = 0.5, 3e-3  # step of a logarithm
_PULL = 1.0 / 3.0  # share of what the light that is not shared changed that counts as error
_DOUBT = 9.0  # squared standard errors from which less coherence is half believed


@dataclass(frozen=True, eq=False)
class Line:
    """The straight line through the logarithms: the damping, and each side band's strength."""

    log_damping: float
    error: float
    """Standard error of `log_damping`."""
    log_strength: Tensor
    """[order]; 0 where the pattern's modulation fits."""
    coherence: Tensor
    """[order] how much of the light both bands share, 1 = all."""
    significance: Tensor
    """[order] what they share over what noise alone would give."""


def fit_line(light: SharedLight) -> Line:
    """Return the most probable line through what the bands of `light` share."""
    fit = _Fit(light)
    line = raw = fit.line(torch.ones(fit.orders, dtype=torch.float64))
    for _ in range(_ROUNDS if float(raw.coherence.min()) < 1.0 else 0):
        line = fit.line(line.coherence)
    pull = _PULL * abs(line.log_damping - raw.log_damping)
    return replace(line, error=math.hypot(line.error, pull))


class _Fit:
    def __init__(self, light: SharedLight) -> None:
        self._light = light
        self.orders = int(light.order.max()) + 1
        ideal = Otf(1.0)
        self._ideal = ideal(light.band_at) / ideal(light.zero_at)
        self._power = ZeroOrderPower(light)(light.zero_at)
        members = torch.nn.functional.one_hot(light.order, self.orders).double()
        self._design = torch.cat([light.nearer[:, None], members], dim=1)
        self._at = torch.tensor([_START] + [0.0] * self.orders, dtype=torch.float64)
        """Of the last line: the logarithms of damping and strengths."""

    def line(self, coherence: Tensor) -> Line:
        """Return the line where the bands share `coherence` [order] of their light."""
        at, last, share = self._at, torch.zeros_like(self._at), 1.0
        shared = coherence[self._light.order]
        for _ in range(_STEPS):
            score, information = self._score(at, shared)
            step = self._solve(information, self._design.mT @ score)
            if float(step @ last) < 0.0:  # the score is steeper than expected: it went too far
                share = max(0.5 * share, _LEAST_SHARE)
            longest, before = float(step.abs().max()), at
            at, last = at + step * min(share, _LONGEST / max(longest, 1e-30)), step
            at[0].clamp_(*_BOUNDS)
            moved = float((at - before).abs().max())
            if moved < _SHORTEST:
                break
        self._at, error = at, math.hypot(self._error(*self._score(at, shared)), moved)
        return Line(float(at[0]), error, at[1:], *self._agreement(self._ratio(at)))

    def _ratio(self, at: Tensor) -> Tensor:
        return self._ideal * torch.exp(self._design @ at)

    def _score(self, at: Tensor, shared: Tensor) -> tuple[Tensor, Tensor]:
        """Return score and information of the logarithm of every bin's ratio."""
        light, ratio, power = self._light, self._ratio(at), self._power
        zero, band = light.zero_noise, light.band_noise
        spread = band + ratio.square() * zero
        noise = zero * band / spread  # of the best estimate of S
        weight = power / (power + noise)
        information = ratio.square() * power * weight / spread
        weight = weight / (1.0 + information * _MODEL_ERROR**2)
        product = band * light.common - ratio.square() * zero * light.common
        powers = ratio * (zero * light.band - band * light.zero) * shared
        score = ratio * (product + powers) / spread.square() * weight
        information = light.samples * information / (1.0 + information * _MODEL_ERROR**2)
        return score, information

    def _solve(self, information: Tensor, right: Tensor) -> Tensor:
        normal = self._design.mT @ (information[:, None] * self._design)
        ridge = 1e-9 * normal.diagonal().mean().clamp(min=1e-12)
        return torch.linalg.solve(normal + ridge * torch.eye(len(normal)), right)

    def _error(self, score: Tensor, information: Tensor) -> float:
        """Return the larger of what noise explains and of what the bins scatter."""
        inverse = self._solve(information, torch.eye(1 + self.orders, dtype=torch.float64))
        pulls = inverse[0] @ (score[:, None] * self._design).mT
        return math.sqrt(max(float(inverse[0, 0]), float(pulls.square().sum())))

    def _agreement(self, ratio: Tensor) -> tuple[Tensor, Tensor]:
        """Return coherence, apart from what noise explains, and significance, [order]."""
        light, power = self._light, self._power
        zero, band = light.zero_noise, light.band_noise
        weight = ratio / (band + ratio.square() * zero)
        common = self._sums(weight * light.common)
        powers = self._sums(weight * ratio * light.zero), self._sums(weight / ratio * light.band)
        mixed = light.samples * (power * band + ratio.square() * power * zero + zero * band)
        noise = self._sums(weight.square() * mixed).sqrt()
        own = self._sums((weight * ratio).square() * light.samples * (2 * power + zero) * zero)
        other = 2.0 * ratio.square() * power + band
        other = self._sums((weight / ratio).square() * light.samples * other * band)
        apart = (powers[0] * powers[1]).clamp(min=1e-300).sqrt() / common.clamp(min=1e-300)
        excess = (apart - 1.0).clamp(min=0.0)
        doubt = (noise / common).square()
        doubt += 0.25 * (own / powers[0].square() + other / powers[1].square())
        kept = excess.square() / (excess.square() + _DOUBT * doubt).clamp(min=1e-30)
        chance = mixed + light.samples * (ratio * power).square()
        return 1.0 / (1.0 + excess * kept), common / self._sums(weight.square() * chance).sqrt()

    def _sums(self, values: Tensor) -> Tensor:
        return torch.bincount(self._light.order, values, self.orders)
