"""The frozen values of a pattern that moves: what held from which raw stack on, and why."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from livesim.values.frames import StackIndex
from livesim.values.numbers import Count, Finite, NanAsNull
from livesim.values.pattern import Pattern

STEP_DEG = 1.0
"""Least change of a phase that is worth a change of the parameters."""
WEAK_MODULATION = 0.25
"""Below this a reconstruction is mostly noise."""
FAST_DEG = 1.0
"""Drift from stack to stack from which the instrument should be looked at."""


class ChangeKind(StrEnum):
    """Why the pattern was changed, or what was noticed of it."""

    DRIFT = "drift"
    """The phases of an angle have drifted and are followed."""
    JUMP = "jump"
    """They have jumped; an alarm, and they are followed."""
    MODULATION = "modulation"
    """The modulation of an angle has changed."""
    LOST = "lost"
    """An angle shows no fringes any more; its frames count as widefield. An alarm."""
    FOUND = "found"
    """An angle that was lost shows fringes again."""
    ESTIMATE = "estimate"
    """A new estimate explains new stacks better."""

    @property
    def alarming(self) -> bool:
        """Whether somebody should look at the microscope."""
        return self in (ChangeKind.JUMP, ChangeKind.LOST)


class AngleState(StrEnum):
    """How tracking sees one angle."""

    FOLLOWED = "followed"
    WEAK = "weak"
    """Its modulation has fallen below half of what it was."""
    LOST = "lost"
    UNTRACKED = "untracked"
    """Its pattern was never found."""


@dataclass(frozen=True, slots=True)
class Illumination:
    """A pattern and how far it has turned since it was estimated."""

    pattern: Pattern
    turns_rad: tuple[Finite, ...]
    """For each angle, what is added to all its phases."""

    @property
    def turned(self) -> Pattern:
        """The pattern as it is now, with the turned phases."""
        pairs = zip(self.pattern.angles, self.turns_rad, strict=True)
        angles = tuple(
            replace(angle, phases_rad=tuple((p + turn) % math.tau for p in angle.phases_rad))
            for angle, turn in pairs
        )
        return replace(self.pattern, angles=angles)


def unturned(pattern: Pattern) -> Illumination:
    """Return `pattern` as it was estimated."""
    return Illumination(pattern, (0.0,) * len(pattern.angles))


@dataclass(frozen=True, slots=True)
class PatternChange:
    """One change of the illumination; it holds from `stack` on, that stack included."""

    stack: StackIndex
    received_ns: Count
    """When the last frame of that stack was received, wall clock."""
    kind: ChangeKind
    angle: Count | None
    """The angle it is about; None = all."""
    reason: str
    old: Illumination
    new: Illumination


@dataclass(frozen=True, slots=True)
class AngleHealth:
    """What tracking knows of one angle."""

    state: AngleState
    drift_deg: float = 0.0
    """All its phases since the pattern was first known, unwrapped."""
    error_deg: NanAsNull = math.nan
    """Standard error of the drift."""
    rate_deg: float = 0.0
    """Drift from one stack to the next."""
    modulation: NanAsNull = math.nan
    """Of the first harmonic."""


@dataclass(frozen=True, slots=True)
class TrackingHealth:
    """What tracking of a stream knows."""

    angles: tuple[AngleHealth, ...]
    estimates: int = 0
    """Background estimates made."""
    swaps: int = 0
    """Changes of the parameters so far."""
    alarms: int = 0
    failures: int = 0
    """Checks or estimates that failed; the stream went on."""
    hits: int = 0
    """Pixels of single frames that were replaced, as after cosmic rays."""


def illuminations(
    indices: Iterable[StackIndex], first: Pattern, changes: Sequence[PatternChange]
) -> Iterator[tuple[StackIndex, Illumination]]:
    """Return each raw stack, in the order in which they were received, with its illumination.

    A change whose own stack is missing holds from the next change on that has one.
    """
    lights = [unturned(first), *(change.new for change in changes)]
    for index, count in changes_in_force(indices, [change.stack for change in changes]):
        yield index, lights[count]


def changes_in_force(
    indices: Iterable[StackIndex], changed: Sequence[StackIndex]
) -> Iterator[tuple[StackIndex, int]]:
    """Return each raw stack, in the order received, with how many of the changes hold for it.

    Parameters
    ----------
    changed
        The raw stacks from which on the changes hold, in their order. A change whose own stack is
        missing holds from the next change on that has one.
    """
    last = {stack: number for number, stack in enumerate(changed, start=1)}
    count = 0
    for index in indices:
        count = max(count, last.get(index, 0))
        yield index, count
