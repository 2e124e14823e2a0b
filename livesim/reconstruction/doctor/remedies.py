"""Follow what a finding advises: other settings, or other frames."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor

from livesim.config.settings import Settings
from livesim.values.finding import Fault, Finding

_HARMLESS = (Fault.WRONG_OFFSET, Fault.WRONG_NOISE, Fault.WRONG_DAMPING)
"""Faults of settings that spoil neither order nor wave vectors."""


class Demand(Enum):
    """What the bands have to show under an advice that is right."""

    MORE = "they share more than now"
    AS_MUCH = "they share as much as now"
    SAME_FRINGES = "all angles that are usable now stay so"
    """Of a cut-off that is lower than believed: where they were compared, no light was lost."""


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """Frames, and the settings under which they are looked at."""

    frames: Tensor
    """[frame, y, x] counts in the order of acquisition."""
    settings: Settings
    """Its first frame is the place in the sequence of `frames[0]`."""
    pixel_nm: float

    def from_frame(self, first: int, place: int = 0) -> Case:
        """Return the frames from one on that has a place in the sequence."""
        pattern = self.settings.pattern.model_copy(update={"first_frame": place})
        settings = self.settings.model_copy(update={"pattern": pattern})
        return replace(self, frames=self.frames[first:], settings=settings)


@dataclass(frozen=True, slots=True, eq=False)
class Remedy:
    """A case as it is and as an advice makes it, of equally many raw stacks where it can be."""

    before: Case
    after: Case
    demand: Demand


def remedy_of(finding: Finding, case: Case, number: int) -> Remedy | None:
    """Return what following the advice of a finding makes of a case; None where nobody can.

    Parameters
    ----------
    number
        Of the case's first frame in the recording.
    """
    if finding.mend is not None:
        after = _mended(finding.mend, case)
        return None if after is None else Remedy(case, after, _demand(finding))
    change = _FRAMES.get(finding.fault)
    if change is None:
        return None
    return change(replace(finding, frames=tuple(one - number for one in finding.frames)), case)


def without_priors(case: Case) -> Case | None:
    """Return a case of which no wave vector is expected anywhere; None where none was."""
    pattern = case.settings.pattern
    if pattern.expected_period_nm is None and pattern.expected_angles_deg is None:
        return None
    free = pattern.model_copy(update={"expected_period_nm": None, "expected_angles_deg": None})
    return replace(case, settings=case.settings.model_copy(update={"pattern": free}))


def _demand(finding: Finding) -> Demand:
    """Return what a change of settings has to bring about."""
    if finding.fault in _HARMLESS:
        return Demand.AS_MUCH
    if finding.fault is Fault.WRONG_SCALE and (finding.value or 1.0) < 1.0:
        return Demand.SAME_FRINGES
    return Demand.MORE


def _mended(mend: str, case: Case) -> Case | None:
    """Return the case under other settings; None where these contradict each other."""
    values = case.settings.model_dump(exclude={"channels", "acquisition", "simulation"})
    changed: dict[str, Any] = tomllib.loads(mend)
    for section, own in changed.items():
        values[section] |= own
    if {"angles", "layout"} & changed.get("pattern", {}).keys():
        values["pattern"] |= {"expected_period_nm": None, "expected_angles_deg": None}
    try:
        settings = Settings.model_validate(values)
    except ValidationError:
        return None
    pixel_nm = changed.get("optics", {}).get("pixel_nm", case.pixel_nm)
    return replace(case, settings=settings, pixel_nm=float(pixel_nm))


def _as_lattice(finding: Finding, case: Case) -> Remedy | None:
    """Take all frames for one angle, which shows one of the wave vectors that they share."""
    after = _mended(
        f"[pattern]\nangles = 1\nphases = {finding.value:.0f}\nharmonics = 1\n"
        'layout = "angle-phase"\nframes = '
        f"{finding.value:.0f}",
        case,
    )
    return None if after is None else Remedy(case, after, Demand.MORE)


def _without_the_loss(finding: Finding, case: Case) -> Remedy:
    """Begin with the stack after the one that a frame was lost from."""
    (at,), size = finding.frames, case.settings.pattern.stack_frames
    place = case.settings.pattern.first_frame
    left = -(place + at + round(finding.value or 0.0)) % size
    before = case.from_frame((at // size + 1) * size, place)
    return _as_many(before, case.from_frame(at + left))


def _without_the_repetition(finding: Finding, case: Case) -> Remedy | None:
    (at, *_), pattern = finding.frames, case.settings.pattern
    if finding.value is None:
        return _without_stacks(finding, case)
    first, rest = at // pattern.stack_frames * pattern.stack_frames, case.frames
    deleted = replace(case, frames=torch.cat([rest[:at], rest[at + 1 :]]))
    place = pattern.first_frame
    return _as_many(case.from_frame(first, place), deleted.from_frame(first, place))


def _with_angles_in_place(finding: Finding, case: Case) -> Remedy | None:
    """Exchange two angles of one stack."""
    pattern = case.settings.pattern
    angles, phases = pattern.stack_shape
    one, other = divmod(round(finding.value or 0.0), angles)
    order = list(range(angles))
    order[one], order[other] = other, one
    frames, first = case.frames.clone(), finding.frames[0]
    if first + pattern.stack_frames > len(frames):
        return None
    inside = slice(first, first + pattern.stack_frames)
    if pattern.order.index("phase") < pattern.order.index("angle"):
        stack = frames[inside].unflatten(0, (angles, phases))[order]
    else:
        stack = frames[inside].unflatten(0, (phases, angles))[:, order]
    frames[inside] = stack.flatten(0, 1)
    return Remedy(case, replace(case, frames=frames), Demand.MORE)


def _without_stacks(finding: Finding, case: Case) -> Remedy | None:
    size = case.settings.pattern.stack_frames
    out = {frame // size for frame in finding.frames}
    kept = [n for n in range(len(case.frames)) if n // size not in out]
    if len(kept) < size:
        return None
    return Remedy(case, replace(case, frames=case.frames[kept]), Demand.AS_MUCH)


def _as_many(before: Case, after: Case) -> Remedy:
    """Return both with as many whole stacks as the shorter one has, if it has any."""
    size = before.settings.pattern.stack_frames
    count = min(len(before.frames), len(after.frames)) // size * size
    if not count:
        return Remedy(before, after, Demand.MORE)
    before, after = (replace(case, frames=case.frames[:count]) for case in (before, after))
    return Remedy(before, after, Demand.MORE)


_FRAMES: Mapping[Fault, Callable[[Finding, Case], Remedy | None]] = {
    Fault.WRONG_COUNT: _as_lattice,
    Fault.LOST_FRAME: _without_the_loss,
    Fault.REPEATED_FRAME: _without_the_repetition,
    Fault.SWAPPED_ANGLES: _with_angles_in_place,
    Fault.EMPTY_FRAME: _without_stacks,
}
