"""Tell from a spectral peak's height and shape how well its place and phase are known.

Likelihood of a sinusoid in white noise (Rife & Boorstyn, IEEE Trans. Inf. Theory 20, 591, 1974).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from livesim.reconstruction.estimate.parameters import Coordinates

_REACH = 0.2  # spectral pixels: where a peak's height and phase are compared


def around_peak(k: tuple[float, float], steps: tuple[float, float]) -> tuple[Tensor, Tensor]:
    """Return three frequencies along x and three along y around k (kx, ky), float64.

    `steps` is the distance of spectral samples along (y, x), cycles/µm.
    """
    reach = torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64) * _REACH
    return k[0] + reach * steps[1], k[1] + reach * steps[0]


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
