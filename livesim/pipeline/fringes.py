"""Say where raw stacks do not show the fringes of the pattern that they are restored with."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import torch
from torch import Tensor

from livesim.config.settings import Settings
from livesim.pipeline.defects import stacks_without_defects
from livesim.pipeline.work import as_tensor
from livesim.reconstruction.doctor.examine import middle
from livesim.reconstruction.doctor.signature import signature
from livesim.reconstruction.evenness import Uneven, uneven_frames
from livesim.values.frames import RawStack
from livesim.values.pattern import Pattern

LOOKED_AT = 8
"""Raw stacks of a recording, evenly spread."""
_MOST_PIXELS = 512
"""Rows and columns of a frame, from its middle."""
_CLEAR = 10.0
"""Power over that of the noise from which fringes are seen: in frames without any it was 4."""
_VERY_CLEAR = 40.0
"""The same of the stacks that show them best, from which it tells something that others do not."""
_OTHER, _SURELY = 0.25, 6.0
"""Share of the fringes' power that the pattern does not explain, and the same over the noise's.
Of seven recordings it was 8 % at the most, 23 % where 3 % of the pixels were clipped, and half
where three frames of one angle were taken for one of each of three."""
_TURNED, _ERRORS = math.radians(25.0), 5.0
"""Phase, and the same over its standard error, by which fringes lie elsewhere. In those recordings
it was 9 degrees at the most."""

_JITTER = 0.85
"""Of the distance between the phases of two frames: one that is off by less is still itself."""

ELSEWHERE = (
    "fringes that are in other frames, or in another order, than the pattern says{at}; check "
    "angles, phases and order in [pattern], and {else_}"
)
JITTERED = (
    "phases of single frames that are off by up to {degrees:.0f}° from the pattern's{at}: lines of "
    "the image may be none of the specimen's; those that are alike in every raw stack `livesim "
    "calibrate` finds, others come of what shakes"
)
MOVED = (
    "fringes that have moved by up to {degrees:.0f}° against the pattern{at}: lines of the image "
    "may be none of the specimen's; {advice}"
)
UNEVEN = (
    "{worst} than the others of its angle{at}: stripes of the image may be none of the specimen's; "
    "look at the light source, the shutter and their timing"
)
UNSEEN_HERE = "none of the pattern's fringes are seen{at}: no sample is there, or too little light"
"""The same of positions that have others beside them which show the fringes."""
UNSEEN = "none of the pattern's fringes are seen{at}: there is too little light, or another pattern"
_OF_OTHER_FRAMES = "whether the pattern is that of these frames", "calibrate these frames"
"""What is left to check, and what helps, where a pattern was found elsewhere."""
_OF_THESE_FRAMES = (
    "for lost frames, with `livesim doctor`",
    "an engine follows them: `livesim replay`, and restore what it records",
)
"""The same where it is their own."""


def with_fringes_doubted(
    pattern: Pattern,
    stacks: Sequence[RawStack],
    settings: Settings,
    *,
    known: bool,
    followed: bool = False,
) -> Pattern:
    """Return the pattern with a doubt for every angle that some stacks show otherwise.

    What some positions show, and others do not, is a doubt of these positions.

    Parameters
    ----------
    pattern
        By which they are restored.
    stacks
        Some of a recording.
    settings
        Of the microscope.
    known
        Whether the pattern was found elsewhere. If not, fringes that no stack shows by itself are
        those of their mean.
    followed
        Whether fringes that have moved or come back are followed: then it is not for some stacks to
        doubt all that come.
    """
    # one by one: what they show is compared, and hits of single frames hide fringes
    clean = [stacks_without_defects([one], settings, pattern.pixel_nm)[0][0] for one in stacks]
    seen = [_seen(pattern, stack, settings) for stack in clean]
    shown = {
        number: [stack[number] for stack in seen]
        for number, angle in enumerate(pattern.angles)
        if angle.usable
    }
    new = list(_doubts(shown, stacks, known=known, followed=followed))
    return replace(
        pattern,
        warnings=(
            *pattern.warnings,
            *(doubt.words for doubt in new),
            *_uneven(pattern, clean, settings),
        ),
        doubts=(*pattern.doubts, *(doubt.words for doubt in new if not doubt.positions)),
        doubts_at=(
            *pattern.doubts_at,
            *((p, doubt.words) for doubt in new for p in doubt.positions),
        ),
    )


@dataclass(frozen=True, slots=True)
class _Fringes:
    """What one raw stack shows of a wave vector; powers are in units of the noise's."""

    explained: float
    """By the pattern."""
    rest: float
    frames: int
    turn_rad: float
    """Against the pattern's phases."""
    tells: bool
    """Whether they would be seen if they were there."""
    jitter_rad: float
    """By which single frames are off at the most, besides."""
    apart_rad: float
    """Between the phases of two frames of the pattern, at the least."""
    unlike: float
    """What is left of the rest where every frame may have a phase of its own."""

    @classmethod
    def of(
        cls, found: Tensor, expected: Tensor, harmonic: int, apart_rad: float, *, tells: bool
    ) -> _Fringes:
        """Compare fringes [frame] in units of the noise with those of a harmonic, both complex.

        Those found are less their mean; of those expected, the ones of other angles' frames are 0.
        """
        even = expected - expected.mean()
        product = complex(torch.vdot(even, found))
        explained = abs(product) ** 2 / float(even.abs().square().sum())
        rest = float(found.abs().square().sum()) - explained
        own, mean = expected.abs() > 0.0, product / float(even.abs().square().sum())
        off = -found[~own].mean() if not bool(own.all()) else mean * expected.mean()
        turned = (found + off)[own] * (mean * expected[own]).conj()
        lengths = (found + off).abs()
        unlike = float((lengths[own] - lengths[own].mean()).square().sum())
        unlike += float(lengths[~own].square().sum())
        return cls(
            explained,
            rest,
            len(found),
            cmath.phase(product),
            tells,
            float(turned.angle().abs().max()) / harmonic,
            apart_rad,
            unlike,
        )

    @property
    def _allowed(self) -> float:
        """Power that may be left over."""
        return max(_OTHER * (self.rest + self.explained), _SURELY * max(self.frames - 2, 1))

    @property
    def jittered(self) -> bool:
        """Whether they are in their frames and order, but single frames have other phases."""
        alike = self.unlike <= self._allowed and self.jitter_rad < _JITTER * self.apart_rad
        return self.rest > self._allowed and alike

    @property
    def elsewhere(self) -> bool:
        """Whether they are in other frames or in another order."""
        return self.rest > self._allowed and not self.jittered

    @property
    def seen(self) -> bool:
        """Whether there are any; not so where nothing is (NaN)."""
        return self.explained > _CLEAR or self.rest > self._allowed

    @property
    def moved(self) -> bool:
        """Whether they are in their frames and order, but not where the pattern has them."""
        error = 1.0 / math.sqrt(2.0 * max(self.explained, 1.0))
        clear = self.seen and not self.elsewhere
        return clear and abs(self.turn_rad) > max(_TURNED, _ERRORS * error)


@dataclass(frozen=True, slots=True)
class _Doubt:
    """What is to be said of some angles."""

    words: str
    positions: tuple[int, ...] = ()
    """Of which alone it is said; () = of the whole recording."""


def _doubts(
    shown: Mapping[int, Sequence[_Fringes]],
    stacks: Sequence[RawStack],
    *,
    known: bool,
    followed: bool,
) -> Iterator[_Doubt]:
    """Yield what is to be said of what every angle has shown in every stack."""
    else_, advice = _OF_OTHER_FRAMES if known else _OF_THESE_FRAMES
    elsewhere = _numbers(shown, lambda one: one.elsewhere)
    if elsewhere:
        words = ELSEWHERE.format(at=_at(elsewhere, stacks), else_=else_)
        yield _Doubt(f"{_named(elsewhere)}: {words}", _positions(elsewhere, stacks))
    shaken = _numbers(shown, lambda one: one.jittered)
    if shaken:
        off = (shown[angle][n].jitter_rad for angle, there in shaken.items() for n in there)
        words = JITTERED.format(degrees=math.degrees(max(off)), at=_at(shaken, stacks))
        yield _Doubt(f"{_named(shaken)}: {words}", _positions(shaken, stacks))
    if followed:
        return
    moved = _numbers(shown, lambda one: one.moved)
    if moved:
        turns = (abs(shown[angle][n].turn_rad) for angle, there in moved.items() for n in there)
        degrees, at = math.degrees(max(turns)), _at(moved, stacks)
        words = MOVED.format(degrees=degrees, at=at, advice=advice)
        yield _Doubt(f"{_named(moved)}: {words}", _positions(moved, stacks))
    gone = {a: one for a, one in shown.items() if a not in elsewhere and _tells(one, known=known)}
    unseen = _numbers(gone, lambda one: one.tells and not one.seen)
    if unseen:
        positions = _positions(unseen, stacks)
        words = (UNSEEN_HERE if positions else UNSEEN).format(at=_at(unseen, stacks))
        yield _Doubt(f"{_named(unseen)}: {words}", positions)


def _uneven(pattern: Pattern, stacks: Sequence[RawStack], settings: Settings) -> list[str]:
    """Say which stacks have frames that are lit otherwise; that is a doubt of these stacks alone.

    `livesim.pipeline.review` says it of every one.
    """
    seen = (uneven_in(stack, pattern, settings) for stack in stacks)
    found = {number: uneven for number, uneven in enumerate(seen) if uneven is not None}
    if not found:
        return []
    worst = max(found.values(), key=lambda one: one.weight)
    return [UNEVEN.format(worst=worst.words, at=_at({0: list(found)}, stacks))]


def uneven_in(stack: RawStack, pattern: Pattern, settings: Settings) -> Uneven | None:
    """Return the frame of a raw stack that is lit otherwise the most; None where all are alike."""
    counts = as_tensor(stack.pixels).float().flatten(0, 1)
    found = uneven_frames((counts - settings.camera.offset) / settings.camera.gain, pattern)
    return max(found, key=lambda one: one.weight, default=None)


def _numbers(
    shown: Mapping[int, Sequence[_Fringes]], asked: Callable[[_Fringes], bool]
) -> dict[int, list[int]]:
    """Return in which stacks it is so, for every angle of which it is so in any."""
    found = {
        angle: [n for n, each in enumerate(one) if asked(each)] for angle, one in shown.items()
    }
    return {angle: numbers for angle, numbers in found.items() if numbers}


def _tells(one: Sequence[_Fringes], *, known: bool) -> bool:
    """Return whether it says something of an angle that some stacks show no fringes of it."""
    best = max((each.explained for each in one if each.seen), default=None)
    return known if best is None else best > _VERY_CLEAR


def _positions(found: Mapping[int, Sequence[int]], stacks: Sequence[RawStack]) -> tuple[int, ...]:
    """Return the positions that show it, where it is they that do: always, and others never."""
    at = [stack.index.position for stack in stacks]
    showing = {number for numbers in found.values() for number in numbers}
    own = {at[number] for number in showing}
    always = all(number in showing for number, position in enumerate(at) if position in own)
    return tuple(sorted(own)) if always and own != set(at) else ()


def _at(found: Mapping[int, Sequence[int]], stacks: Sequence[RawStack]) -> str:
    """Say where among the stacks that were looked at; "" if in all of them, of every angle."""
    if all(len(numbers) == len(stacks) for numbers in found.values()):
        return ""
    every = sorted({number for numbers in found.values() for number in numbers})
    names = ", ".join(stacks[number].index.words for number in every)
    return f" at {names} (of {len(stacks)} raw stacks looked at)"


def _named(numbers: Iterable[int]) -> str:
    *most, last = map(str, numbers)
    return f"angles {', '.join(most)} and {last}" if most else f"angle {last}"


def _seen(pattern: Pattern, stack: RawStack, settings: Settings) -> dict[int, _Fringes]:
    """Return what a raw stack shows of every angle, by the harmonic that tells most."""
    rows, columns = middle(pattern.shape, _MOST_PIXELS)
    counts = as_tensor(stack.pixels[..., rows, columns]).float().flatten(0, 1)
    photons = (counts - settings.camera.offset) / settings.camera.gain
    centre = (columns.start + columns.stop - 1) / 2.0, (rows.start + rows.stop - 1) / 2.0
    orders = [
        (number, harmonic)
        for number, angle in enumerate(pattern.angles)
        for harmonic in range(1, len(angle.modulation) + 1)
    ]
    at = [_vector(pattern, number, harmonic) for number, harmonic in orders]
    shown = signature(photons, len(photons), at)
    found: dict[int, _Fringes] = {}
    for (number, harmonic), (kx, ky), own in zip(orders, at, shown.values, strict=True):
        there = 2.0 * math.pi * (kx * centre[0] + ky * centre[1])
        expected = _expected(pattern, number, harmonic, there, len(photons))
        apart = _apart(pattern.angles[number].phases_rad)
        one = _Fringes.of(own, expected, harmonic, apart, tells=shown.tells)
        if number not in found or one.explained + one.rest > found[number].explained:
            found[number] = one
    return found


def _apart(phases_rad: Sequence[float]) -> float:
    """Return how far two of an angle's phases lie apart at the least."""
    pairs = combinations(phases_rad, 2)
    return min((abs(cmath.phase(cmath.exp(1j * (a - b)))) for a, b in pairs), default=math.pi)


def _vector(pattern: Pattern, number: int, harmonic: int) -> tuple[float, float]:
    """Return a wave vector (kx, ky) in cycles/pixel."""
    pixel_um = harmonic * pattern.pixel_nm / 1000.0
    kx, ky = pattern.angles[number].k_cycles_per_um
    return pixel_um * kx, pixel_um * ky


def _expected(
    pattern: Pattern, number: int, harmonic: int, there_rad: float, frames: int
) -> Tensor:
    """Return the fringes [frame] of an angle, with the phase that is added."""
    phases = pattern.angles[number].phases_rad
    first = number * len(phases) if pattern.layout == "angle-phase" else 0
    fringes = [0j] * frames
    fringes[first : first + len(phases)] = [
        cmath.exp(1j * (harmonic * phase + there_rad)) for phase in phases
    ]
    return torch.tensor(fringes, dtype=torch.complex128)
