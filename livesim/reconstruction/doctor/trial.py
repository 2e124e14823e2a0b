"""Try an advice: follow it, estimate the pattern again, and compare what the bands share.

Where two bands overlap they hold the same object, if order, phases and optics are right. How much
they share over what chance would give is the one figure in which all settings can be compared,
whatever they are about.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from livesim.config.settings import PatternSettings
from livesim.reconstruction.doctor.remedies import Case, Demand, remedy_of, without_priors
from livesim.reconstruction.estimate.estimation import estimate_pattern
from livesim.reconstruction.otf_damping.shared_light import shared_light
from livesim.reconstruction.separation import groups
from livesim.values.finding import Fault, Finding
from livesim.values.pattern import Pattern

MOST_PIXELS = 256
"""Rows and columns that are tried, the brightest of larger frames."""
MOST_FRAMES = 45
SMALLEST = 32
"""Rows and columns below which no pattern can be estimated."""
UNTRIED = 0.98
"""No finding is surer whose advice cannot be tried, or does not make a great difference."""
_LIKELY = 0.95
"""A lost frame whose stack is the last one is told from there on."""
_BETTER, _LEAST = 1.1, 10.0
"""Times what the bands share now, and nats: from there on an advice is better."""
_CLEARLY, _STRONG = 1.3, 50.0
"""The same from which it may be certain."""
_SAME_PX = 1.0  # spectral pixels
_FEWEST_SAMPLES = 8
"""In a bin, for its coherence to mean anything."""
_MOST_COHERENT = 0.999
_CHANCE = 1.0
"""Nats that noise makes in a bin, at the most: one half, and more where a window correlates
neighbours."""
_WORSE = 0.9
"""Times what they share now: below it an advice does harm."""
Judged = Finding | str | None
"""As sure as its trial leaves it; or why it cannot be tried; or None, as the trial speaks against
it."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """How well frames show one object under fringes, when they are taken as some settings say."""

    pattern: Pattern
    photons: Tensor
    """[frame, y, x] of the mean raw stack."""
    stacks: int
    """How many it is the mean of."""
    explained: float
    """Share of the frames that belong to usable angles; none, if two show one wave vector."""
    shared: float
    """What zero order and usable side bands tell of each other, nats."""

    @property
    def usable(self) -> tuple[int, ...]:
        """Numbers of the usable angles."""
        return tuple(n for n, angle in enumerate(self.pattern.angles) if angle.usable)


@torch.inference_mode()
def evidence_of(case: Case) -> Evidence | None:
    """Estimate the pattern of a case; None where it is no whole raw stack, or has no light."""
    settings = case.settings
    frames = case.frames[:MOST_FRAMES]
    size = settings.pattern.stack_frames
    if len(frames) < size or min(frames.shape[-2:]) < SMALLEST:
        return None
    stacks = stacks_of(brightest(frames), settings.pattern)
    photons = (stacks.float().mean(dim=0).flatten(0, 1) - settings.camera.offset) / (
        settings.camera.gain
    )
    if float(photons.mean(dim=(1, 2)).min()) <= 0.0:
        return None
    pattern = estimate_pattern(
        stacks, settings.optics, settings.pattern, settings.camera, case.pixel_nm
    )
    parts = groups(pattern)
    explained = 0.0 if _repeats(pattern) else sum(part.usable for part in parts) / len(parts)
    shared = _shared(photons, pattern, settings.optics.cutoff_cycles_per_um) if explained else 0.0
    return Evidence(pattern, photons, len(stacks), explained, shared)


def stacks_of(frames: Tensor, pattern: PatternSettings) -> Tensor:
    """Return consecutive frames [frame, y, x] as whole raw stacks [time, angle, phase, y, x]."""
    size = pattern.stack_frames
    steps = frames[: len(frames) // size * size].unflatten(0, (-1, size))
    steps = steps.roll(pattern.first_frame, 1)
    angles, phases = pattern.stack_shape
    order = [axis for axis in pattern.order if axis in ("angle", "phase")]
    if order == ["angle", "phase"]:
        return steps.unflatten(1, (phases, angles)).transpose(1, 2)
    return steps.unflatten(1, (angles, phases))


def brightest(frames: Tensor, most: int = MOST_PIXELS) -> Tensor:
    """Return the rows and columns with the most light, `most` of each where there are more."""
    height, width = (min(size, most) for size in frames.shape[-2:])
    mean = frames.mean(dim=0)
    sums = torch.nn.functional.pad(mean.double().cumsum(0).cumsum(1), (1, 0, 1, 0))
    tall = sums[height:] - sums[: len(sums) - height]
    light = tall[:, width:] - tall[:, : tall.shape[1] - width]
    top, left = divmod(int(light.argmax()), light.shape[1])
    return frames[:, top : top + height, left : left + width]


def _repeats(pattern: Pattern) -> bool:
    """Return whether usable angles share a wave vector: then the frames belong otherwise."""
    usable = [angle.k_cycles_per_um for angle in pattern.angles if angle.usable]
    step = _SAME_PX / (min(pattern.shape) * pattern.pixel_nm / 1000.0)
    return any(math.dist(one, other) < step for one, other in itertools.combinations(usable, 2))


def _shared(photons: Tensor, pattern: Pattern, cutoff: float) -> float:
    """Return the mutual information of zero order and side bands, nats.

    That of jointly normal samples with the squared coherence rho is -log(1 - rho) each (Cover &
    Thomas, Elements of Information Theory, 2006, ch. 8.5).
    """
    light, _ = shared_light(photons, pattern, cutoff)
    light = light.where(light.samples >= _FEWEST_SAMPLES)
    zero = light.zero + light.zero_noise * light.samples
    band = light.band + light.band_noise * light.samples
    coherence = (light.common.square() / (zero * band)).clamp(max=_MOST_COHERENT)
    return max(float((-light.samples * torch.log1p(-coherence) - _CHANCE).sum()), 0.0)


class Trials:
    """Tries what findings advise, all on the same frames.

    Parameters
    ----------
    case
        Frames and settings as they are.
    number
        Of the first frame in the recording.
    """

    def __init__(self, case: Case, number: int) -> None:
        self._case, self._number = case, number

    @cached_property
    def now(self) -> Evidence | None:
        """The evidence of the present settings."""
        return evidence_of(self._case)

    def judged(self, findings: Sequence[Finding]) -> tuple[list[Finding], list[str]]:
        """Return the findings that stand their trial, and what cannot be told."""
        each = [self._judged(finding) for finding in findings]
        return [one for one in each if isinstance(one, Finding)], [
            one for one in each if isinstance(one, str)
        ]

    def _judged(self, finding: Finding) -> Judged:
        remedy = remedy_of(finding, self._case, self._number)
        if remedy is None:
            return _less_sure(finding)
        before, after = (self._evidence(case) for case in (remedy.before, remedy.after))
        return _RULES[remedy.demand](finding, before, after)

    def best(self, findings: Sequence[Finding]) -> Finding | None:
        """Return that under which the bands share most, if it stands its trial.

        One that was not the first, which is the likeliest beforehand, is never certain.
        """
        tried = [(self._after(one), one) for one in findings]
        shared, best = max(tried, key=lambda pair: pair[0])
        judged = self._judged(best) if shared > 0.0 else None
        if not isinstance(judged, Finding):
            return None
        return judged if best is findings[0] else _less_sure(judged)

    def _after(self, finding: Finding) -> float:
        """Return what the bands share after an advice for all frames, 0 for other advice."""
        remedy = remedy_of(finding, self._case, self._number)
        if remedy is None or finding.frames:
            return 0.0
        after = self._evidence(remedy.after)
        return 0.0 if after is None else after.shared

    @cached_property
    def free(self) -> Evidence | None:
        """The evidence where no wave vector is expected anywhere; None where none was."""
        case = without_priors(self._case)
        return None if case is None else evidence_of(case)

    def fringed(self) -> tuple[int, ...]:
        """Return the numbers of the angles that are usable, wherever they were expected."""
        found = (self.now, self.free)
        return tuple({number for one in found if one is not None for number in one.usable})

    def following(self, findings: Sequence[Finding]) -> Trials:
        """Return trials on what the advice of the first of these findings makes of the case."""
        remedies = (remedy_of(finding, self._case, self._number) for finding in findings)
        after = next((remedy.after for remedy in remedies if remedy is not None), None)
        return self if after is None else Trials(after, self._number)

    def _evidence(self, case: Case) -> Evidence | None:
        return self.now if case is self._case else evidence_of(case)


def _if_better(finding: Finding, before: Evidence | None, after: Evidence | None) -> Judged:
    """Judge an advice after which the bands have to share more."""
    least, most = (0.0 if one is None else one.shared for one in (before, after))
    if after is None and finding.mend is None:
        return _untried(finding, before)
    if least == most == 0.0:
        return _untold(finding)
    if after is None or most < max(_BETTER * least, _LEAST):
        return None
    clearly = after.explained == 1.0 and most >= max(_CLEARLY * least, _STRONG)
    if finding.fault is Fault.WRONG_COUNT and finding.mend is None:  # a part of it was tried
        return _less_sure(finding) if clearly else None
    return finding if clearly else _less_sure(finding)


def _untried(finding: Finding, before: Evidence | None) -> Judged:
    """Judge an advice of which too few frames are left to try it."""
    sound = before is not None and before.explained == 1.0
    if sound or finding.sureness < _LIKELY:
        return f"{finding.fault}: {finding.words}; too few frames follow to try it"
    return _less_sure(finding)


def _unless_worse(finding: Finding, before: Evidence | None, after: Evidence | None) -> Judged:
    """Judge an advice after which the bands have to share what they do now."""
    if before is None or after is None or after.shared == 0.0:
        return None if before and before.shared else _less_sure(finding)
    fewer = min(after.stacks / before.stacks, 1.0)
    return None if after.shared < _WORSE * fewer * before.shared else finding


def _if_kept(finding: Finding, before: Evidence | None, after: Evidence | None) -> Judged:
    """Judge an advice after which all angles have to be usable that are now, and some."""
    now, then = (0.0 if one is None else one.explained for one in (before, after))
    if now == then == 0.0:
        return _untold(finding)
    if then == 0.0 or then < now:
        return None
    clearly = then == 1.0 and now == 0.0 and after is not None and after.shared >= _STRONG
    return finding if clearly else _less_sure(finding)


_RULES: Mapping[Demand, Callable[[Finding, Evidence | None, Evidence | None], Judged]] = {
    Demand.MORE: _if_better,
    Demand.AS_MUCH: _unless_worse,
    Demand.SAME_FRINGES: _if_kept,
}


def _untold(finding: Finding) -> str:
    return f"{finding.fault}: {finding.words}; no angle is usable, so this cannot be tried"


def _less_sure(finding: Finding) -> Finding:
    return replace(finding, sureness=min(finding.sureness, UNTRIED))
