"""Tell from a spectral peak's height and shape how well its place and phase are known.

Likelihood of a sinusoid in white noise (Rife & Boorstyn, IEEE Trans. Inf. Theory 20, 591, 1974).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.reconstruction.estimate.parameters import Coordinates

_REACH = 0.2  # spectral pixels: where a peak's height and phase are compared
_BESIDE = 3.6  # spectral pixels: farther away a search tells peaks apart by itself
_OWN = 0.8  # the same: nearer, there is but the peak itself
_TOP = 2  # steps of `_REACH`: a maximum is the highest within so many


def around_peak(k: tuple[float, float], steps: tuple[float, float]) -> tuple[Tensor, Tensor]:
    """Return three frequencies along x and three along y around k (kx, ky), float64.

    `steps` is the distance of spectral samples along (y, x), cycles/µm.
    """
    reach = torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64) * _REACH
    return k[0] + reach * steps[1], k[1] + reach * steps[0]


@dataclass(frozen=True, slots=True)
class Rival:
    """The highest other maximum within some spectral pixels of a peak."""

    height: float
    """Its power over that of the peak; 0 where there is none."""
    away: tuple[float, float]
    """From the peak to it, spectral pixels (x, y)."""


NO_RIVAL = Rival(0.0, (0.0, 0.0))


def beside_peak(k: tuple[float, float], steps: tuple[float, float]) -> tuple[Tensor, Tensor]:
    """Return the frequencies along x and along y at which `rival_in` looks, as `around_peak`."""
    away = _away()
    return k[0] + away * steps[1], k[1] + away * steps[0]


def rival_in(power: Tensor) -> Rival:
    """Return the rival of the peak in the middle of its surroundings [y, x] at `beside_peak`."""
    away, middle = _away(), len(power) // 2
    x, y = torch.meshgrid(away, away, indexing="xy")
    distance = torch.hypot(x, y)
    highest = torch.nn.functional.max_pool2d(power[None, None], 2 * _TOP + 1, 1, _TOP)[0, 0]
    others = (power == highest) & (distance > _OWN) & (distance < _BESIDE)
    top = slice(middle - _TOP, middle + _TOP + 1)
    heights = torch.where(others, power, 0.0) / power[top, top].max().clamp(min=1e-30)
    place = int(heights.argmax())
    return Rival(
        float(heights.flatten()[place]), (float(x.flatten()[place]), float(y.flatten()[place]))
    )


def _away() -> Tensor:
    count = round(_BESIDE / _REACH)
    return torch.arange(-count, count + 1, dtype=torch.float64) * _REACH


def peak_information(
    around: Tensor, noise: float, steps: tuple[float, float]
) -> tuple[Tensor, Tensor] | None:
    """Return (information [3, 3], information @ step) of the phase and of kx and ky.

    None where there is no peak. The phase is that in the middle, at the origin of the image.

    Parameters
    ----------
    around
        Complex spectrum [3 y, 3 x] at `around_peak`.
    noise
        Its power.
    """
    power, middle = around.abs().square().double() / noise, around[1, 1]
    step = _REACH * torch.tensor(steps[::-1], dtype=torch.float64)
    gradient, curvature = _slopes(power, step)
    if not bool((torch.linalg.eigvalsh(curvature) > 0.0).all()):
        return None
    turn = (around / middle).angle().double()
    row = torch.ones(3, dtype=torch.float64)
    row[1:] = torch.stack([turn[1, 0] - turn[1, 2], turn[0, 1] - turn[2, 1]]) / (2.0 * step)
    certainty = 2.0 * power[1, 1]
    information = certainty * torch.outer(row, row)
    information[1:, 1:] += curvature
    pull = certainty * middle.angle() * row
    pull[1:] += gradient
    return information, pull


def orders_information(
    coordinates: Coordinates, told: Mapping[int, tuple[Tensor, Tensor]]
) -> tuple[Tensor, Tensor]:
    """Return (information [parameter, parameter], information @ step) of the peaks of some orders.

    `told` is order -> what `peak_information` says of it.
    """
    information = torch.zeros(coordinates.size, coordinates.size, dtype=torch.float64)
    pull = torch.zeros(coordinates.size, dtype=torch.float64)
    for number, (own, step) in told.items():
        order = coordinates.orders[number]
        vector, times = order.vector, order.harmonic
        rows = torch.zeros(3, coordinates.size, dtype=torch.float64)
        first, shift = coordinates.phased * vector, coordinates.shift.start + 2 * vector
        rows[0, first : first + coordinates.phased] = times / coordinates.phased
        rows[1, shift] = rows[2, shift + 1] = times
        information += rows.mT @ own @ rows
        pull += rows.mT @ step
    return information, pull


def _slopes(power: Tensor, step: Tensor) -> tuple[Tensor, Tensor]:
    """Return gradient [2] and negative curvature [2, 2] of `power` [y, x] along (x, y)."""
    gradient = torch.stack([power[1, 2] - power[1, 0], power[2, 1] - power[0, 1]]) / (2.0 * step)
    bend = torch.stack([power[1, 2] + power[1, 0], power[2, 1] + power[0, 1]]) - 2.0 * power[1, 1]
    curvature = torch.diag(bend)
    curvature[0, 1] = (power[2, 2] + power[0, 0] - power[2, 0] - power[0, 2]) / 4.0
    curvature[1, 0] = curvature[0, 1]
    return gradient, -curvature / torch.outer(step, step)
