"""Say where raw stacks do not show the fringes of the pattern that they are restored with."""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from livesim.config.settings import Settings
from livesim.pipeline.defects import stacks_without_defects
from livesim.pipeline.work import as_tensor
from livesim.reconstruction.doctor.examine import middle
from livesim.reconstruction.doctor.signature import signature
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

ELSEWHERE = (
    "fringes that are in other frames, or in another order, than the pattern says{at}; check "
    "angles, phases and order in [pattern], and whether the pattern is that of these frames"
)
MOVED = (
    "fringes that have moved by {degrees:.0f}° against the pattern{at}: lines of the image may be "
    "none of the specimen's; calibrate these frames"
)
UNSEEN = "none of the pattern's fringes are seen{at}: there is too little light, or another pattern"


def with_fringes_doubted(
    pattern: Pattern,
    stacks: Sequence[RawStack],
    settings: Settings,
    *,
    known: bool,
    followed: bool = False,
) -> Pattern:
    """Return the pattern with a doubt for every angle that some stacks show otherwise.

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
        Whether fringes that have moved are followed.
    """
    # one by one: what they show is compared, and hits of single frames hide fringes
    clean = [stacks_without_defects([one], settings, pattern.pixel_nm)[0][0] for one in stacks]
    seen = [_seen(pattern, stack, settings) for stack in clean]
    angles = [number for number, angle in enumerate(pattern.angles) if angle.usable]
    words: dict[str, list[int]] = {}
    for number in angles:
        shown = [stack[number] for stack in seen]
        for one in _doubts(shown, stacks, known=known, followed=followed):
            words.setdefault(one, []).append(number)
    new = tuple(f"{_named(numbers)}: {one}" for one, numbers in words.items())
    return replace(pattern, warnings=(*pattern.warnings, *new), doubts=(*pattern.doubts, *new))


@dataclass(frozen=True, slots=True)
class _Fringes:
    """What one raw stack shows of a wave vector; powers are in units of the noise's."""

    explained: float
    """By the pattern."""
    rest: float
    frames: int
    turn_rad: float
    """Against the pattern's phases."""

    @classmethod
    def of(cls, found: Tensor, expected: Tensor) -> _Fringes:
        """Compare fringes [frame] in units of the noise with the expected ones, both complex."""
        product = complex(torch.vdot(expected, found))
        explained = abs(product) ** 2 / float(expected.abs().square().sum())
        rest = float(found.abs().square().sum()) - explained
        return cls(explained, rest, len(found), cmath.phase(product))

    @property
    def elsewhere(self) -> bool:
        """Whether they are in other frames or in another order."""
        freedom = max(self.frames - 2, 1)
        whole = self.rest + self.explained
        return self.rest > max(_OTHER * whole, _SURELY * freedom)

    @property
    def seen(self) -> bool:
        """Whether there are any; not so where nothing is (NaN)."""
        return self.explained > _CLEAR or self.elsewhere

    @property
    def moved(self) -> bool:
        """Whether they are in their frames and order, but not where the pattern has them."""
        error = 1.0 / math.sqrt(2.0 * max(self.explained, 1.0))
        clear = self.seen and not self.elsewhere
        return clear and abs(self.turn_rad) > max(_TURNED, _ERRORS * error)


def _doubts(
    shown: Sequence[_Fringes], stacks: Sequence[RawStack], *, known: bool, followed: bool
) -> Iterator[str]:
    """Yield what is to be said of one angle, of which every stack has shown something."""
    elsewhere = [number for number, one in enumerate(shown) if one.elsewhere]
    moved = [number for number, one in enumerate(shown) if one.moved]
    unseen = [number for number, one in enumerate(shown) if not one.seen]
    if elsewhere:
        yield ELSEWHERE.format(at=_at(elsewhere, stacks))
    if moved and not followed:
        most = max(abs(shown[number].turn_rad) for number in moved)
        yield MOVED.format(degrees=math.degrees(most), at=_at(moved, stacks))
    best = max(one.explained for one in shown if one.seen) if len(unseen) < len(shown) else None
    gone = known if best is None else best > _VERY_CLEAR
    if unseen and not elsewhere and gone:
        yield UNSEEN.format(at=_at(unseen, stacks))


def _at(numbers: Sequence[int], stacks: Sequence[RawStack]) -> str:
    """Say where among the stacks that were looked at; "" if in all of them."""
    if len(numbers) == len(stacks):
        return ""
    names = ", ".join(stacks[number].index.words for number in numbers)
    return f" at {names} (of {len(stacks)} raw stacks looked at)"


def _named(numbers: Sequence[int]) -> str:
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
    values = signature(photons, len(photons), at).values
    found: dict[int, _Fringes] = {}
    for (number, harmonic), (kx, ky), own in zip(orders, at, values, strict=True):
        there = 2.0 * math.pi * (kx * centre[0] + ky * centre[1])
        one = _Fringes.of(own, _expected(pattern, number, harmonic, there, len(photons)))
        if number not in found or one.explained + one.rest > found[number].explained:
            found[number] = one
    return found


def _vector(pattern: Pattern, number: int, harmonic: int) -> tuple[float, float]:
    """Return a wave vector (kx, ky) in cycles/pixel."""
    pixel_um = harmonic * pattern.pixel_nm / 1000.0
    kx, ky = pattern.angles[number].k_cycles_per_um
    return pixel_um * kx, pixel_um * ky


def _expected(
    pattern: Pattern, number: int, harmonic: int, there_rad: float, frames: int
) -> Tensor:
    """Return the fringes [frame] of an angle less their mean, with the phase that is added."""
    phases = pattern.angles[number].phases_rad
    first = number * len(phases) if pattern.layout == "angle-phase" else 0
    fringes = [0j] * frames
    fringes[first : first + len(phases)] = [
        cmath.exp(1j * (harmonic * phase + there_rad)) for phase in phases
    ]
    found = torch.tensor(fringes, dtype=torch.complex128)
    return found - found.mean()
