"""Compare the wave vectors of all angles: they have nearly one length and share out half a turn.

Gratings and mirrors that turn leave both to some per cent and degrees, so that the angles that are
sure say where the others lie.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.reconstruction.estimate.annulus import Annulus, Region
from livesim.reconstruction.estimate.spectral_samples import SpectralSamples

_LENGTH = 0.08
"""By how much the lengths of two wave vectors may differ, relative."""
_TURN_DEG = 8.0
"""By how much the turn between two may differ from a multiple of half a turn over the angles."""

_FEWEST = 2
_SAME_PX, _OTHER_PX = 0.5, 1.0
"""Spectral pixels by which lengths differ that are one, and that are not."""

Name = tuple[int, int]
Vector = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Places:
    """The places where some regions and the one that the settings allow overlap."""

    allowed: Region
    near: tuple[Annulus, ...]

    def mask(self, samples: SpectralSamples) -> Tensor:
        """Return which samples lie in it, bool [sample]."""
        near = torch.stack([one.mask(samples) for one in self.near]).any(dim=0)
        return near & self.allowed.mask(samples)


def agree(one: Vector, other: Vector, vectors: int) -> bool:
    """Return whether two different wave vectors may be those of one instrument of so many."""
    lengths = math.hypot(*one), math.hypot(*other)
    if abs(lengths[0] - lengths[1]) > _LENGTH * min(lengths):
        return False
    slot = 180.0 / vectors
    turn = (_direction_deg(one) - _direction_deg(other)) % 180.0
    nearest = round(turn / slot)
    return nearest % vectors != 0 and abs(turn - nearest * slot) <= _TURN_DEG


def agreeing(known: Mapping[Name, Vector], vectors: int) -> set[Name]:
    """Return the numbers of the most wave vectors that agree with one another.

    Of several such sets that of the first counts: the surest come first in `known`.
    """
    best: set[Name] = set()
    for first in known:
        group = [first]
        for number, k in known.items():
            if all(agree(k, known[other], vectors) for other in group):
                group.append(number)
        best = max(best, set(group), key=len)
    return best


def nearer_in_length(own: Sequence[float], lengths: Sequence[float]) -> int | None:
    """Return which of two wave vectors is as long as those of the other angles: 0, 1, or None.

    `own` are their lengths, `lengths` those of the others, in spectral pixels. The others
    have to be two at least and to agree.
    """
    if len(lengths) < _FEWEST or max(lengths) - min(lengths) > _SAME_PX:
        return None
    mean = sum(lengths) / len(lengths)
    off = [abs(length - mean) for length in own]
    nearer = off.index(min(off))
    return nearer if off[nearer] < _SAME_PX and off[1 - nearer] > _OTHER_PX else None


def expected(known: Sequence[Vector], vectors: int) -> tuple[Annulus, ...]:
    """Return where the other wave vectors of an instrument lie, given some that agree."""
    length = sum(math.hypot(*k) for k in known) / len(known)
    slot = 180.0 / vectors
    first = _direction_deg(known[0])
    taken = {round((_direction_deg(k) - first) / slot) % vectors for k in known}
    turns = [(_direction_deg(k) - first + 0.5 * slot) % slot - 0.5 * slot for k in known]
    origin = first + sum(turns) / len(turns)
    return tuple(
        Annulus((1.0 - _LENGTH) * length, (1.0 + _LENGTH) * length, origin + n * slot, _TURN_DEG)
        for n in range(vectors)
        if n not in taken
    )


def _direction_deg(k: Vector) -> float:
    return math.degrees(math.atan2(k[1], k[0])) % 180.0
