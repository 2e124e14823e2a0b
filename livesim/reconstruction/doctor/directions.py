"""Match the fringes of every angle with the angles that the settings expect."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from livesim.config.settings import PatternSettings
from livesim.reconstruction.doctor.evidence import Verdict
from livesim.reconstruction.doctor.sequence import MOST_ANGLES
from livesim.reconstruction.doctor.signature import Peak, Signature
from livesim.values.finding import MOST_SURE

_ERROR_DEG = 3.0  # of expected angles
_FAR_DEG = 12.0  # beyond it the expectation says nothing about the order
_SAME = 1.5  # spectral pixels
_PRIOR = 0.97  # that the expected angles are in order


def angle_peaks(verdict: Verdict, signature: Signature) -> list[Peak | None]:
    """Return the strongest peak of every angle in the most probable order."""
    found: list[Peak | None] = [None] * verdict.best.layout.angles
    for peak, angle in zip(signature.peaks, verdict.angle.tolist(), strict=True):
        if angle >= 0 and found[angle] is None:
            found[angle] = peak
    return found


@dataclass(frozen=True, slots=True)
class Matching:
    """Which of the expected angles each angle of the data is."""

    expected: tuple[int, ...]
    sureness: float

    @property
    def in_order(self) -> bool:
        """Whether every angle stands where it is expected."""
        return self.expected == tuple(range(len(self.expected)))

    @property
    def backwards(self) -> bool:
        """Whether the last one comes first, and so on."""
        return self.expected == tuple(reversed(range(len(self.expected))))

    @property
    def turned_by(self) -> int | None:
        """By how many places all are ahead; None where they are otherwise mixed."""
        count = len(self.expected)
        turns = {(found - number) % count for number, found in enumerate(self.expected)}
        return turns.pop() if len(turns) == 1 else None


def match_expected(peaks: list[Peak | None], pattern: PatternSettings) -> Matching | None:
    """Return the order of the angles; None where nothing is expected or nothing fits."""
    expected = pattern.expected_angles_deg
    directions = [_direction(peak) for peak in peaks if peak is not None]
    if expected is None or not len(expected) == len(directions) == len(peaks) <= MOST_ANGLES:
        return None
    if len(directions) < 2 or pattern.layout != "angle-phase":
        return None
    choices = list(itertools.permutations(range(len(expected))))
    away = torch.tensor(
        [[_apart(d, expected[n]) for d, n in zip(directions, one, strict=True)] for one in choices],
        dtype=torch.float64,
    )
    if float(away.abs().amax(dim=1).min()) > _FAR_DEG:
        return None
    prior = torch.full((len(choices),), (1.0 - _PRIOR) / (len(choices) - 1), dtype=torch.float64)
    prior[0] = _PRIOR
    probability = (prior.log() - 0.5 * (away / _ERROR_DEG).square().sum(dim=1)).softmax(dim=0)
    best = int(probability.argmax())
    return Matching(choices[best], min(float(probability[best]), MOST_SURE))


def direction_between(one: Peak, other: Peak) -> float:
    """Return the angle between the directions of two wave vectors, 0 to 90 degrees."""
    return abs(_apart(_direction(one), _direction(other)))


def _direction(peak: Peak) -> float:
    return math.degrees(math.atan2(peak.k[1], peak.k[0]))


def _apart(one: float, other: float) -> float:
    """Return the angle between two fringe directions, which have no sign."""
    return (one - other + 90.0) % 180.0 - 90.0


def is_combination(peak: Peak, others: Sequence[Peak], shape: tuple[int, int]) -> bool:
    """Return whether a wave vector is one of others, or a sum, difference or double of them.

    Fringes that the mean frame keeps make such peaks, even where the objective passes no light.
    """
    lower = [(0.0, 0.0), *(one.k for one in others)]
    step = _SAME / min(shape)
    return any(
        math.hypot(*(_wrapped(p - a - sign * b) for p, a, b in zip(peak.k, *pair, strict=True)))
        < step
        for pair in itertools.product([*lower, *((-x, -y) for x, y in lower)], lower)
        for sign in (1.0, -1.0)
    )


def _wrapped(frequency: float) -> float:
    """Return a difference of frequencies as sampling sees it, -0.5 to 0.5 cycles/pixel."""
    return (frequency + 0.5) % 1.0 - 0.5
