"""List the orders in which the frames of a recording may have come."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

from livesim.config.settings import PatternSettings
from livesim.values.finding import Fault

MOST_ANGLES, MOST_PHASES = 6, 9
_SOUND = 0.97
"""Probability that nothing is wrong with the order, before the frames are seen."""
_SOUND_PART = 0.5
"""The same where the recording ends within a stack."""
_MOST_LOST = 2
_RARE = 0.02


@dataclass(frozen=True, slots=True)
class Layout:
    """How a sequence steps through its angles and phases."""

    angles: int
    phases: int
    phase_first: bool = True
    """Whether the phase changes from frame to frame; otherwise the angle does."""

    @classmethod
    def of(cls, pattern: PatternSettings) -> Layout:
        """Return what the settings say."""
        angles, phases = pattern.stack_shape
        order = pattern.order
        if "angle" not in order or "phase" not in order:
            return cls(angles, phases)
        return cls(angles, phases, order.index("phase") < order.index("angle"))

    @property
    def frames(self) -> int:
        """Frames of one stack."""
        return self.angles * self.phases

    def place(self, position: int) -> tuple[int, int]:
        """Return (angle, phase) at a position of the sequence, which repeats itself."""
        at = position % self.frames
        if self.phase_first:
            return at // self.phases, at % self.phases
        return at % self.angles, at // self.angles

    @property
    def words(self) -> str:
        """The counts in words."""
        return f"{self.angles} x {self.phases} (angles x phases)"


@dataclass(frozen=True, slots=True)
class Order:
    """One way in which the frames may have come."""

    layout: Layout
    places: tuple[tuple[int, int], ...]
    """(angle, phase) of every frame."""
    start: int
    """Position in the sequence of the first frame."""
    fault: Fault | None = None
    at: int = 0
    """Frame or stack that the fault concerns."""
    amount: int = 0
    """Frames lost (-1: one too many), or angles exchanged (a, b) as a * angles + b."""
    weight: float = 1.0
    """Relative to the others with the same fault."""


def possible_orders(declared: Layout, count: int, total: int, first: int = 0) -> list[Order]:
    """Return every order considered for `count` frames, with its probability as weight.

    `total` is how many frames the whole recording has: whole stacks are likelier than parts.
    `first` is the place in the sequence at which the frames are said to begin.
    """
    sound = _order(declared, count, first)
    whole = _SOUND if total % declared.frames == 0 else _SOUND_PART
    families: tuple[Iterator[Order], ...] = (
        _rotated(sound, count),
        _transposed(sound, count),
        _swapped(sound, count),
        _lost(sound, count),
        _repeated(sound, count),
        _other_counts(sound, count, total),
    )
    distinct = [[one for one in family if one.places != sound.places] for family in families]
    present = [family for family in distinct if family]
    orders = [replace(sound, weight=whole)]
    for family in present:
        share = (1.0 - whole) / len(present) / sum(one.weight for one in family)
        orders += [replace(one, weight=one.weight * share) for one in family]
    return orders


def _order(layout: Layout, count: int, start: int) -> Order:
    return Order(layout, tuple(layout.place(start + frame) for frame in range(count)), start)


def _rotated(sound: Order, count: int) -> Iterator[Order]:
    """Yield starts within an angle; a start at another angle looks like other angles."""
    layout = sound.layout
    if not layout.phase_first or layout.angles == 1:
        return
    angle = sound.start - sound.start % layout.phases
    for start in range(angle, angle + layout.phases):
        yield replace(_order(layout, count, start), fault=Fault.ROTATED)


def _transposed(sound: Order, count: int) -> Iterator[Order]:
    if sound.layout.angles > 1:
        other = replace(sound.layout, phase_first=not sound.layout.phase_first)
        yield replace(_order(other, count, sound.start), fault=Fault.TRANSPOSED)


def _swapped(sound: Order, count: int) -> Iterator[Order]:
    """Yield stacks in which two angles have changed places; one stack alone cannot show it."""
    layout = sound.layout
    if sound.start % layout.frames:
        return
    stacks = -(-count // layout.frames)
    pairs = list(itertools.combinations(range(layout.angles), 2))
    for stack, (one, other) in itertools.product(range(stacks if stacks > 1 else 0), pairs):
        change = {one: other, other: one}
        inside = range(stack * layout.frames, (stack + 1) * layout.frames)
        places = tuple(
            (change.get(angle, angle) if frame in inside else angle, phase)
            for frame, (angle, phase) in enumerate(sound.places)
        )
        amount = one * layout.angles + other
        yield replace(sound, places=places, fault=Fault.SWAPPED_ANGLES, at=stack, amount=amount)


def _lost(sound: Order, count: int) -> Iterator[Order]:
    for at, lost in itertools.product(range(1, count), range(1, _MOST_LOST + 1)):
        places = _jumping(sound, count, at, lost)
        yield replace(
            sound,
            places=places,
            fault=Fault.LOST_FRAME,
            at=at,
            amount=lost,
            weight=_RARE ** (lost - 1),
        )


def _repeated(sound: Order, count: int) -> Iterator[Order]:
    for at in range(1, count):
        places = _jumping(sound, count, at, -1)
        yield replace(sound, places=places, fault=Fault.REPEATED_FRAME, at=at, amount=-1)


def _jumping(sound: Order, count: int, at: int, jump: int) -> tuple[tuple[int, int], ...]:
    """Return the places where from frame `at` on the sequence is `jump` frames ahead."""
    ahead = (sound.start + frame + (jump if frame >= at else 0) for frame in range(count))
    return tuple(sound.layout.place(position) for position in ahead)


def _other_counts(sound: Order, count: int, total: int) -> Iterator[Order]:
    """Yield other numbers of angles and phases, as far as the frames reach twice round a phase."""
    for angles in range(1, MOST_ANGLES + 1):
        for phases in range(3, MOST_PHASES + 1):
            layout = Layout(angles, phases)
            declared = (sound.layout.angles, sound.layout.phases)
            if (angles, phases) == declared or phases > count:
                continue
            for start in range(phases if angles > 1 else 1):
                order = replace(_order(layout, count, start), fault=Fault.WRONG_COUNT)
                whole = 1.0 if total % layout.frames == 0 else _RARE
                yield replace(order, weight=whole * (1.0 if start == 0 else _RARE))
