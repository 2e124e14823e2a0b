"""Find settings and sequences that the pattern contradicts as it is estimated in their order."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import combinations

from livesim.config.settings import PatternSettings
from livesim.reconstruction.doctor.trial import UNTRIED, Evidence
from livesim.reconstruction.estimate.doubt import ALIKE_PHASES
from livesim.values.finding import Fault, Finding, mending
from livesim.values.pattern import PatternAngle

_PHASES_OF_TWO = 5
"""Frames of an angle that tell two harmonics."""
_SAME = 0.05
"""Of the frequency: wave vectors that differ by less are one."""


def alike_findings(now: Evidence | None) -> list[Finding]:
    """Return a finding where the phases of every angle are too alike to separate its bands.

    So are, with one wave vector in all of them, those of an angle that is taken for several, and
    those of other layouts that are taken for a hexagonal one.
    """
    if now is None or now.usable or _share_a_vector(now.pattern.angles):
        return []
    if now.pattern.layout == "hexagonal":
        return []
    alike = [words for words in now.pattern.warnings if ALIKE_PHASES in words]
    if len(alike) < len(now.pattern.angles):
        return []
    angles, phases = now.pattern.angles, len(now.pattern.angles[0].phases_rad)
    steps = "; ".join(words.partition("(")[2].partition(")")[0] for words in alike)
    return [
        Finding(
            Fault.ALIKE_PHASES,
            f"{steps} in {'this angle' if len(angles) == 1 else f'the {len(angles)} angles'}",
            UNTRIED,
            None,
            f"look at what steps the pattern, and at its trigger: {phases} phases are expected, "
            f"{360.0 / phases:.0f}° apart or nearly so",
        )
    ]


def misplaced_findings(
    now: Evidence | None, free: Evidence | None, *, period: bool, direction: bool
) -> list[Finding]:
    """Return a finding where fringes lie elsewhere than the settings have them expected.

    Parameters
    ----------
    now, free
        As the settings say, and without anything expected; None where it could not be tried.
    period, direction
        Whether the settings say them.
    """
    if free is None or len(free.usable) <= (0 if now is None else len(now.usable)):
        return []
    angles = [free.pattern.angles[number] for number in free.usable]
    lines = []
    if period:
        periods = [angle.period_nm for angle in angles]
        lines.append(f"expected_period_nm = {sum(periods) / len(periods):.0f}")
    if direction and len(angles) == len(free.pattern.angles):
        lines.append(f"expected_angles_deg = [{', '.join(_directions(angles))}]")
    found = ", ".join(
        f"{angle.period_nm:.0f} nm at {degrees}°"
        for angle, degrees in zip(angles, _directions(angles), strict=True)
    )
    return [
        Finding(
            Fault.MISPLACED,
            f"there are fringes of {found}, which are not where the settings have them expected",
            UNTRIED,
            mending("pattern", *lines) if lines else None,
            "leave out expected_period_nm and expected_angles_deg: then all fringes are looked for",
        )
    ]


def harmonics_findings(pattern: PatternSettings) -> list[Finding]:
    """Return what is to be tried of the harmonics: two where there is one, and the other way."""
    if pattern.layout == "hexagonal" or pattern.phases < _PHASES_OF_TWO:
        return []
    two = pattern.harmonics == 1
    found, beams = ("fringes of half the period too", "three") if two else ("one", "two")
    return [
        Finding(
            Fault.WRONG_HARMONICS,
            f"expected {pattern.harmonics}, found {found}: the light of {beams} beams",
            UNTRIED,
            mending("pattern", f"harmonics = {2 if two else 1}"),
        )
    ]


def _share_a_vector(angles: Sequence[PatternAngle]) -> bool:
    pairs = combinations([complex(*angle.k_cycles_per_um) for angle in angles], 2)
    return any(min(abs(one - other), abs(one + other)) < _SAME * abs(one) for one, other in pairs)


def _directions(angles: Iterable[PatternAngle]) -> list[str]:
    return [f"{math.degrees(math.atan2(*reversed(angle.k_cycles_per_um))):.0f}" for angle in angles]
