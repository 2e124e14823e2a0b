"""Compute how probable each possible order of the frames is, from their fringes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.reconstruction.doctor.sequence import Layout, Order
from livesim.reconstruction.doctor.signature import Signature
from livesim.values.finding import Fault

_OF_SETTINGS = (Fault.ROTATED, Fault.TRANSPOSED, Fault.WRONG_COUNT)
"""Faults that other settings mend for all frames."""
STRONG = 0.25
"""Of the strongest peak: weaker ones nearby are the object's own detail."""
_STEPS = (1, -1, 2, -2, 3, -3)
_STEP_WEIGHTS = (0.35, 0.35, 0.1, 0.1, 0.05, 0.05)
_POWERS = (1.0, 0.4, 0.15)  # of the strongest frame's: variance of the amplitude
_KEEPS = (0.9999, 0.99)  # share of the amplitude that stays from frame to frame: drift
_PHASE_ERROR = 0.2  # rad
_LEAK = 0.05  # of the amplitude that frames of other angles show
_CHANCE = 12.0
"""Logarithm of the evidence that the best of all places reaches where there is nothing."""
SURE = 15.0
"""The same for a peak that is certainly one."""
_TRUST = 0.5
"""Exponent of the likelihood: the model is not perfect, and neighbouring peaks repeat
each other."""


@dataclass(frozen=True, eq=False)
class Verdict:
    """How probable the possible orders are, given the frames."""

    orders: list[Order]
    probability: Tensor
    """[order]."""
    angle: Tensor
    """[peak] the angle of each peak in the most probable order, -1 for none."""
    step: Tensor
    """[peak] turns through which its phase goes in one round."""

    @property
    def best(self) -> Order:
        """The most probable order."""
        return self.orders[int(self.probability.argmax())]

    def likeliest(self, count: int) -> list[Order]:
        """Return other orders of all frames, the likeliest of each layout and fault first."""
        found: dict[tuple[Fault, Layout], Order] = {}
        for place in self.probability.argsort(descending=True).tolist():
            order = self.orders[place]
            if order.fault in _OF_SETTINGS:
                found.setdefault((order.fault, order.layout), order)
        return list(found.values())[:count]

    @property
    def sound(self) -> Order:
        """The order as declared."""
        return next(order for order in self.orders if order.fault is None)


def judge(signature: Signature, orders: list[Order], seen: Tensor) -> Verdict:
    """Compare `orders`; frames that are not `seen` (bool [frame]) do not count."""
    weights = torch.tensor([order.weight for order in orders], dtype=torch.float64)
    score = weights.log()
    strong = [peak.strength > STRONG * signature.peaks[0].strength for peak in signature.peaks]
    tables = Tables.of(orders)
    kept = [
        _evidence(values, tables, seen) if use else None
        for values, use in zip(signature.values, strong, strict=True)
    ]
    for each in kept:
        if each is not None:
            some = each.flatten(1).logsumexp(dim=1)
            score = score + _TRUST * torch.logaddexp(some, torch.full_like(some, _CHANCE))
    probability = score.softmax(dim=0)
    best = int(probability.argmax())
    places = [_place(each[best]) if each is not None else (-1, 0) for each in kept]
    angle, step = torch.tensor(places, dtype=torch.long).reshape(-1, 2).T
    return Verdict(orders, probability, angle, step)


def _place(evidence: Tensor) -> tuple[int, int]:
    """Return (angle, step) of a peak from its evidence [angle, step]; (-1, 0) for none."""
    place = int(evidence.argmax())
    if float(evidence.flatten()[place]) < SURE:
        return -1, 0
    return place // len(_STEPS), _STEPS[place % len(_STEPS)]


@dataclass(frozen=True, eq=False)
class Tables:
    """Every angle and step of every order as numbers, one row for each that is possible."""

    inside: Tensor
    """[row, 1, frame] whether a frame belongs to the angle."""
    turn: Tensor
    """[row, 1, frame] unit phasor of the frame's phase."""
    prior: Tensor
    """[order, angle, step] logarithm; -inf where there is no such angle or step."""

    @classmethod
    def of(cls, orders: list[Order]) -> Tables:
        """Return the tables of `orders`, all with the same number of frames."""
        places = torch.tensor([order.places for order in orders])
        prior = _prior(orders)
        order, angle, step = prior.isfinite().nonzero(as_tuple=True)
        phases = torch.tensor([order.layout.phases for order in orders])[order, None]
        steps = torch.tensor(_STEPS)[step, None]
        turns = steps * places[order, :, 1] / phases
        inside = places[order, :, 0] == angle[:, None]
        turn = torch.exp(2j * torch.pi * turns).to(torch.complex128)
        return cls(inside[:, None], turn[:, None], prior)

    def spread(self, rows: Tensor) -> Tensor:
        """Return values [row] by order, angle and step, the prior added."""
        table = self.prior.clone()
        table[self.prior.isfinite()] += rows
        return table


def _prior(orders: list[Order]) -> Tensor:
    angles = torch.tensor([order.layout.angles for order in orders])[:, None]
    phases = torch.tensor([order.layout.phases for order in orders])[:, None]
    weights = torch.tensor(_STEP_WEIGHTS, dtype=torch.float64).expand(len(orders), -1)
    # From half a turn a frame on, a step is another one backwards.
    steps = torch.where(2 * torch.tensor(_STEPS).abs() < phases, weights, 0.0)
    steps = steps / steps.sum(dim=1, keepdim=True)
    share = (torch.arange(int(angles.max())) < angles).double() / angles
    return (share[:, :, None] * steps[:, None, :]).log()


def _evidence(values: Tensor, tables: Tables, seen: Tensor) -> Tensor:
    """Return log P(peak | order, angle, step) / P(peak | noise), [order, angle, step].

    The amplitude is a complex normal process that forgets slowly; its likelihood comes from a
    Kalman filter (Harvey, Forecasting, Structural Time Series Models, 1989, ch. 3.4).
    """
    strongest = float(values.abs().square().max())
    powers = torch.tensor(_POWERS, dtype=torch.float64) * strongest
    keeps = torch.tensor(_KEEPS, dtype=torch.float64)
    power, keep = (each.flatten() for each in torch.meshgrid(powers, keeps, indexing="ij"))
    shape = (len(tables.inside), len(power))
    mean, variance = torch.zeros(shape, dtype=torch.complex128), power.expand(shape)
    total = torch.zeros(shape, dtype=torch.float64)
    spread = 1.0 + _PHASE_ERROR**2 * power
    other = 1.0 + (_LEAK**2) * strongest
    noise = 0.0
    for frame, value in enumerate(values.tolist()):
        mean, variance = keep * mean, keep.square() * variance + (1.0 - keep.square()) * power
        if not bool(seen[frame]):
            continue
        noise -= abs(value) ** 2
        here, away = tables.inside[..., frame], value * tables.turn[..., frame].conj() - mean
        expected = variance + spread
        size = away.real.square() + away.imag.square()
        within = -expected.log() - size / expected
        total = total + torch.where(here, within, -math.log(other) - abs(value) ** 2 / other)
        gain = torch.where(here, variance / expected, 0.0)
        mean, variance = mean + gain * away, variance * (1.0 - gain)
    return tables.spread(total.logsumexp(dim=-1) - math.log(len(power)) - noise)
