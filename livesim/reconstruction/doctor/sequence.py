"""The settings' layout and a number of frames in, the orders they may have come in out."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

from livesim.config import PatternSettings
from livesim.reconstruction.doctor.finding import Fault

MOST_ANGLES, MOST_PHASES = 6, 9
_SOUND = 0.97
"""Probability that nothing is wrong with the order, before the frames are seen."""
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
    fault: Fault | None = None
    start: int = 0
    """Position in the sequence of the first frame."""
    at: int = 0
    """Frame or stack that the fault concerns."""
    amount: int = 0
    """Frames lost or angles exchanged (a, b) as a * angles + b."""
    weight: float = 1.0
    """Relative to the others with the same fault."""


def possible_orders(declared: Layout, count: int, total: int) -> list[Order]:
    """Return every order considered for `count` frames, with its probability as weight.

    `total` is how many frames the whole recording has: whole stacks are likelier than parts.
    """
    sound = _order(declared, count)
    families = [
        list(family)
        for family in (
            _rotated(declared, count),
            _transposed(declared, count),
            _swapped(sound, count),
            _lost(declared, count),
            _repeated(declared, count),
            _other_counts(declared, count, total),
        )
    ]
    told = [[one for one in family if one.places != sound.places] for family in families]
    present = [family for family in told if family]
    orders = [replace(sound, weight=_SOUND)]
    for family in present:
        total = sum(one.weight for one in family)
        share = (1.0 - _SOUND) / len(present) / total
        orders += [replace(one, weight=one.weight * share) for one in family]
    return orders


def _order(layout: Layout, count: int, start: int = 0) -> Order:
    return Order(layout, tuple(layout.place(start + frame) for frame in range(count)), start=start)


def _rotated(layout: Layout, count: int) -> Iterator[Order]:
    """Yield starts within an angle; a start at another angle looks like other angles."""
    if not layout.phase_first or layout.angles == 1:
        return
    for start in range(1, layout.phases):
        yield replace(_order(layout, count, start), fault=Fault.ROTATED)


def _transposed(layout: Layout, count: int) -> Iterator[Order]:
    if layout.angles > 1:
        other = replace(layout, phase_first=not layout.phase_first)
        yield replace(_order(other, count), fault=Fault.TRANSPOSED)


def _swapped(sound: Order, count: int) -> Iterator[Order]:
    """Yield stacks in which two angles have changed places; one stack alone cannot show it."""
    layout = sound.layout
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


def _lost(layout: Layout, count: int) -> Iterator[Order]:
    for at, lost in itertools.product(range(1, count), range(1, _MOST_LOST + 1)):
        places = tuple(layout.place(frame + (lost if frame >= at else 0)) for frame in range(count))
        weight = _RARE ** (lost - 1)
        yield Order(layout, places, Fault.LOST_FRAME, at=at, amount=lost, weight=weight)


def _repeated(layout: Layout, count: int) -> Iterator[Order]:
    for at in range(1, count):
        places = tuple(layout.place(frame - (frame >= at)) for frame in range(count))
        yield Order(layout, places, Fault.REPEATED_FRAME, at=at)


def _other_counts(declared: Layout, count: int, total: int) -> Iterator[Order]:
    """Yield other numbers of angles and phases, as far as the frames reach twice round a phase."""
    for angles in range(1, MOST_ANGLES + 1):
        for phases in range(3, MOST_PHASES + 1):
            layout = Layout(angles, phases)
            if (angles, phases) == (declared.angles, declared.phases) or phases > count:
                continue
            for start in range(phases if angles > 1 else 1):
                order = replace(_order(layout, count, start), fault=Fault.WRONG_COUNT)
                whole = 1.0 if total % layout.frames == 0 else _RARE
                yield replace(order, weight=whole * (1.0 if start == 0 else _RARE))
