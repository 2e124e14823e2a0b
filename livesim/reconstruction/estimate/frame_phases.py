"""Weigh what the correlation of single frames says of their phases and brightness.

Where bands are separated with a wrong phase of one frame, they still agree in their overlap but for
a small leak, so the overlap tells little of single frames. Their own correlation with the object
tells more: at the shift k it turns with the frame's phase.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.reconstruction.estimate.correlation import AWAY, Correlation, Neighbourhood
from livesim.reconstruction.estimate.field_parts import FieldParts
from livesim.reconstruction.estimate.grid import EstimationGrid
from livesim.reconstruction.estimate.parameters import Coordinates, Parameters
from livesim.reconstruction.estimate.peak import (
    NO_RIVAL,
    Rival,
    around_peak,
    beside_peak,
    peak_information,
    rival_in,
)

_MOST = 150.0
"""Power over noise that a peak's place is believed by: however little noise there is, the object's
own details around it move it by some hundredths of a spectral pixel."""


@dataclass(frozen=True, eq=False)
class Turning:
    """How the frames of a group correlate with the object near the orders of its pattern."""

    peaks: tuple[Neighbourhood, ...]
    """One an order."""
    floors: tuple[Tensor, ...]
    """The same some spectral pixels away, [frame, shift] an order."""
    shares: Tensor
    """[frame] what every frame contributes to the object's image, which is taken off it."""

    @classmethod
    def of(cls, correlation: Correlation, group: int, start: Parameters) -> Turning:
        """Return what there is near the orders of a pattern."""
        shifts = [start.shift(number) for number in range(len(start.orders))]
        return cls(
            tuple(correlation.around(group, k) for k in shifts),
            tuple(correlation.near(group, k, AWAY).to(torch.complex128) for k in shifts),
            correlation.shares[group],
        )

    def at(self, number: int, k: Tensor) -> Tensor:
        """Return every frame's correlation at the shift `k` (kx, ky), [frame]."""
        return self.peaks[number].at(k[:1], k[1:])[:, 0, 0].to(torch.complex128)

    def seen(self, at: Parameters, grid: EstimationGrid) -> list[PeakSeen]:
        """Return how the peaks of all orders stand out, all frames turned back by their phases."""
        back = self._back(at)
        return [self._seen(number, back[:, number], at, grid) for number in range(len(self.peaks))]

    def parts(self, at: Parameters) -> list[FieldParts]:
        """Return every order's correlation in the parts of the field, [frame, part] each.

        The frames are turned back by the phases `at`.
        """
        back, found = self._back(at), []
        for number, peak in enumerate(self.peaks):
            product = peak.frames.to(back.dtype) * back[:, number, None, None]
            k = [there - here for there, here in zip(at.shift(number), peak.k, strict=True)]
            step = torch.tensor([0.0, *k], dtype=torch.float64)
            found.append(FieldParts.of(product, peak.x, peak.y).moved(step))
        return found

    def _back(self, at: Parameters) -> Tensor:
        """Return what turns every frame back by its phase, [frame, order] complex128."""
        added = _added(at, self.shares)
        return (added / added.norm(dim=0)).conj()

    def _seen(self, number: int, back: Tensor, at: Parameters, grid: EstimationGrid) -> PeakSeen:
        there = self.peaks[number]
        around = there.turned(back, *around_peak(at.shift(number), grid.steps))
        beside = there.turned(back, *beside_peak(at.shift(number), grid.steps))
        noise = max(float((back @ self.floors[number]).abs().square().mean()), 1e-30)
        power = float(around[1, 1].abs().square())
        told = peak_information(around, max(noise, power / _MOST), grid.steps)
        return PeakSeen(power / noise, told, rival_in(beside.abs().square()))


@dataclass(frozen=True, eq=False)
class PeakSeen:
    """The peak of one order in the correlation."""

    clear: float
    """Its power over that around it."""
    told: tuple[Tensor, Tensor] | None
    """Of the phase at the centre of the field, kx and ky of the order, as `peak_information`."""
    rival: Rival = NO_RIVAL
    """Where few things are in the field, their fringes look alike at some wave vectors."""


def frame_information(
    coordinates: Coordinates, flat: Tensor, turning: Turning
) -> tuple[Tensor, Tensor]:
    """Return (information [parameter, parameter], information @ step) of the frames' correlation.

    The common phase and the modulation are left to the overlap of the bands.
    """
    at = coordinates.parameters(flat)
    count = at.phases.shape[-1]
    slopes = coordinates.mixing_jacobian(flat)[:count]
    less_thing = (torch.eye(count) - turning.shares).to(slopes.dtype)
    added = _added(at, turning.shares)
    information = torch.zeros(coordinates.size, coordinates.size, dtype=torch.float64)
    pull = torch.zeros(coordinates.size, dtype=torch.float64)
    for number, order in enumerate(at.orders):
        expected = added[:, number]
        peak = turning.at(number, order.harmonic * at.k[order.vector])
        free = count - 1.0 - float(turning.shares.sum())
        found, noise = _measured(peak, turning.floors[number], expected, free)
        change = _across(less_thing @ slopes[:, 1 + number], expected)
        information += 2.0 / noise * (change.mH @ change).real
        pull += 2.0 / noise * (change.mH @ found).real
    return information, pull


def _added(at: Parameters, shares: Tensor) -> Tensor:
    """Return what every frame holds of every order and the object's image does not.

    [frame, order] complex128.

    `shares` [frame] is what the frames contribute to that image.
    """
    count = at.phases.shape[-1]
    mixing = at.mixing()[:count, 1 : 1 + len(at.orders)]
    return (torch.eye(count) - shares).to(mixing.dtype) @ mixing


def _measured(peak: Tensor, floor: Tensor, expected: Tensor, free: float) -> tuple[Tensor, float]:
    """Return how the frames differ from `expected` [frame], and the variance of each frame's.

    `free` is in how many directions they can.
    """
    scale = (expected.conj() @ peak) / expected.abs().square().sum()
    power = _across(floor, expected).abs().square().sum(dim=0).mean() / free
    found = _across(peak[:, None], expected)[:, 0] / scale
    return found, float(power / scale.abs().square())


def _across(vectors: Tensor, expected: Tensor) -> Tensor:
    """Return the part of `vectors` [frame, ...] that is not along `expected`."""
    along = expected / expected.norm()
    return vectors - torch.outer(along, along.conj() @ vectors)
