"""Another pattern for a running stream: what asks for it, what it is, and whether it is better."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Protocol

from livesim.engine.pending import Pending
from livesim.engine.seams import Reconstructed
from livesim.reconstruction.track.check import BandReading
from livesim.values.frames import RawStack
from livesim.values.illumination import ChangeKind
from livesim.values.pattern import Pattern, PatternAngle
from livesim.values.weights import BandWeights

BETTER = 4.0
"""Gain in log likelihood for each held-out stack from which a new estimate replaces the old."""
STEADY_DEG = 10.0
"""Stacks whose phases differ more than this from the newest are not averaged with it."""
_SAME_K = 0.1
"""Relative: an angle that lies further away than this is another one."""
_SAMPLES = 500.0  # independent ones in the overlap of one band

Measure = Callable[[], tuple[BandReading, ...]]
"""Compares the stack in hand with the cached pattern."""
TurnAngles = Callable[[Measure], tuple[float, ...]]
"""Returns each angle's turn in rad, having measured or not."""


class Trackable(Protocol):
    """A reconstruction with one cached pattern that can be looked at while it works."""

    @property
    def pattern(self) -> Pattern:
        """The cached pattern."""
        ...

    @property
    def weight_shapes(self) -> tuple[tuple[int, int], ...]:
        """Those of the weights that fit; none without networks."""
        ...

    def begin(
        self, stack: RawStack, turn_angles: TurnAngles, weights: BandWeights | None
    ) -> Pending[Reconstructed]:
        """Begin to reconstruct with the turns that `turn_angles` returns, and with weights."""
        ...

    def begin_plain(
        self, stack: RawStack, turn_angles: TurnAngles, weights: BandWeights | None
    ) -> Pending[Reconstructed]:
        """Begin with the plain image; the networks, with these weights, are left for later."""
        ...

    def measure(self, stack: RawStack) -> tuple[BandReading, ...]:
        """Return the readings alone."""
        ...


Prepare = Callable[[Pattern], Trackable]
"""A pattern -> its reconstruction, with settings that are known."""


@dataclass(frozen=True, slots=True, eq=False)
class Proposal:
    """Another pattern, ready to be used from the next stack on."""

    kind: ChangeKind
    angle: int | None
    reason: str
    based_on: Pattern
    """The pattern in use when the work began."""
    prepared: Trackable
    shifts: tuple[float, ...]
    """For each angle, the old phase (rad) at which the new phases were taken."""
    found: tuple[BandReading, ...] = ()
    """Of angles that were lost, relative to `based_on`."""
    asked: bool = False
    """Somebody waits for it."""


@dataclass(frozen=True, slots=True, eq=False)
class RecentStack:
    """One raw stack and the phases that tracking gave it."""

    stack: RawStack
    phases: tuple[float, ...]
    pattern: Pattern
    """What they refer to."""


@dataclass(frozen=True, slots=True, eq=False)
class PlanRequest:
    """Asks for the plan of another pattern, and says why."""

    pattern: Pattern
    kind: ChangeKind
    angle: int
    reason: str
    based_on: Pattern

    def proposal(self, prepared: Trackable) -> Proposal:
        """Return it as a proposal, once it is prepared."""
        shifts = (0.0,) * len(self.pattern.angles)
        return Proposal(self.kind, self.angle, self.reason, self.based_on, prepared, shifts)


def steady_stacks(recent: Sequence[RecentStack], pattern: Pattern) -> list[RecentStack]:
    """Return the newest stacks between which the pattern hardly moved, oldest first."""
    limit = math.radians(STEADY_DEG)
    kept: list[RecentStack] = []
    for one in reversed(recent):
        pairs = zip(one.phases, recent[-1].phases, strict=True)
        if one.pattern is not pattern or any(abs(a - b) > limit for a, b in pairs):
            break
        kept.append(one)
    return kept[::-1]


def found_again(
    pattern: Pattern,
    back: set[int],
    readings: Sequence[BandReading],
    prepare: Prepare,
) -> Proposal:
    """Return the pattern with the angles that are back."""
    angles = tuple(
        replace(angle, usable=angle.usable or number in back)
        for number, angle in enumerate(pattern.angles)
    )
    # Hexagonal frames hold all angles or none.
    fresh = tuple(one for one in readings if one.angle in back or pattern.layout == "hexagonal")
    strength = ", ".join(f"{abs(one.ratio):.2f}" for one in fresh if one.angle in back)
    return Proposal(
        ChangeKind.FOUND,
        min(back),
        f"fringes again: modulation {strength} of that before",
        pattern,
        prepare(replace(pattern, angles=angles)),
        (0.0,) * len(angles),
        fresh,
    )


def matched(found: Pattern, known: Pattern) -> Pattern | None:
    """Return the known pattern with the angles of an estimate; None if that lacks one of them."""
    angles = tuple(_nearest(old, found, number) for number, old in enumerate(known.angles))
    if not any(one.usable for one in angles):
        return None
    if any(old.usable and new is old for new, old in zip(angles, known.angles, strict=True)):
        return None
    # The noise decides how sharp the images are: it must not change while somebody looks on.
    return replace(
        known,
        angles=angles,
        noise_to_signal=known.noise_to_signal or found.noise_to_signal,
        defects=tuple(sorted({*known.defects, *found.defects})),
    )


def in_known_order(found: Pattern, known: Pattern) -> Pattern:
    """Return a new estimate with its angles in the order of the known ones.

    An angle that it does not show is the old one, not usable: it may come back.
    """

    def apart(order: Sequence[PatternAngle]) -> float:
        pairs = zip(order, known.angles, strict=True)
        return sum(math.dist(new.k_cycles_per_um, old.k_cycles_per_um) for new, old in pairs)

    angles: Sequence[PatternAngle] = found.angles
    if found.layout == "hexagonal":
        angles = min(permutations(found.angles), key=apart)
    pairs = zip(angles, known.angles, strict=True)
    return replace(found, angles=tuple(_shown(new, old) for new, old in pairs))


def _shown(new: PatternAngle, old: PatternAngle) -> PatternAngle:
    return replace(old, usable=False) if old.usable and not new.usable else new


def recalibrated(
    active: Trackable,
    found: Pattern,
    seen: Sequence[RecentStack],
    prepare: Prepare,
) -> Proposal:
    """Return an estimate that was asked for: used whatever it is, unless it shows no fringes."""
    if not any(angle.usable for angle in found.angles):
        return unchanged(active, f"asked for, but {len(seen)} stacks show no fringes")
    phases = zip(*(one.phases for one in seen), strict=True)
    shifts = tuple(sum(own) / len(own) for own in phases)
    words = f"asked for; estimated from {len(seen)} stacks"
    known = active.pattern
    return Proposal(ChangeKind.ESTIMATE, None, words, known, prepare(found), shifts, asked=True)


def unchanged(active: Trackable, reason: str) -> Proposal:
    """Return the pattern in use, and why there is no other."""
    known = active.pattern
    shifts = (0.0,) * len(known.angles)
    return Proposal(ChangeKind.ESTIMATE, None, reason, known, active, shifts, asked=True)


def _nearest(old: PatternAngle, found: Pattern, number: int) -> PatternAngle:
    """Return the new estimate of an angle; the old one where it was not found near there."""
    candidates = found.angles if found.layout == "hexagonal" else found.angles[number : number + 1]
    new = min(candidates, key=lambda one: math.dist(one.k_cycles_per_um, old.k_cycles_per_um))
    reach = _SAME_K * math.hypot(*old.k_cycles_per_um)
    near = math.dist(new.k_cycles_per_um, old.k_cycles_per_um) < reach
    return new if new.usable and (near or not old.usable) else old


def estimated(
    known: Pattern, prepared: Trackable, seen: Sequence[RecentStack], gains: Sequence[float]
) -> Proposal | None:
    """Return a new estimate if it explains every held-out stack better, and well enough."""
    if min(gains) <= 0.0 or sum(gains) / len(gains) < BETTER:
        return None
    phases = zip(*(one.phases for one in seen), strict=True)
    fresh = [new is not old for new, old in zip(prepared.pattern.angles, known.angles, strict=True)]
    shifts = (
        sum(own) / len(own) if is_new else 0.0 for own, is_new in zip(phases, fresh, strict=True)
    )
    reason = (
        f"estimated from {len(seen)} stacks; log likelihood of {len(gains)} others "
        f"{sum(gains) / len(gains):+.0f} each"
    )
    return Proposal(ChangeKind.ESTIMATE, None, reason, known, prepared, tuple(shifts))


def log_likelihood(prepared: Trackable, stack: RawStack) -> float:
    """Return how well the bands of a stack agree, as a log likelihood of their coherence."""
    return sum(
        -_SAMPLES * math.log(max(1.0 - one.coherence, 1e-6)) for one in prepared.measure(stack)
    )
