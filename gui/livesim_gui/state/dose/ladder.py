"""Judge one light level after the other, and find the lowest that still passes every check."""

from __future__ import annotations

import csv
import io
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace

from livesim.images.levels import levels_of, sampled
from livesim.values.illumination import STEP_DEG, WEAK_MODULATION, AngleHealth, AngleState
from livesim.values.pattern import PatternAngle
from livesim.values.verdict import TrustWord
from livesim.wire.status import EngineState, EngineStatus
from livesim.wire.stream_status import TrustStatus
from livesim_gui.state.stream.feed import News

STACKS = 8
"""Results that a dose rests on, once its pattern is known."""
PATIENCE = 40
"""Statuses that a dose waits for a review of its networks' work: 20 seconds."""
COLUMNS = ("light", "photons", "MCNR", "angles", "modulation", "phase error", "networks", "passes")


@dataclass(frozen=True, slots=True)
class Dose:
    """One light level, and what was found at it."""

    name: str
    """As the user calls it: 50 ms, 10 %."""
    photons: float | None
    """Photo-electrons of a bright raw pixel: the 99.9th percentile of the widefield image."""
    angles: int
    usable: int
    mcnr: float | None
    """Modulation contrast to noise of the worst angle, as the next three; None = not measured."""
    modulation: float | None = None
    error_deg: float | None = None
    """Standard error of the phases."""
    word: TrustWord | None = None
    """On the networks; None = none is at work, or it was not checked."""
    against: tuple[str, ...] = ()
    """Why it does not pass."""

    @property
    def passes(self) -> bool:
        """Whether all checks pass."""
        return not self.against

    @property
    def cells(self) -> tuple[str, ...]:
        """What stands in the columns."""
        return (
            self.name,
            _number(self.photons, ".0f"),
            _number(self.mcnr, ".1f"),
            f"{self.usable} of {self.angles}",
            _number(self.modulation, ".2f"),
            _number(self.error_deg, ".1f", "°"),
            self.word or "–",
            "yes" if self.passes else f"no: {'; '.join(self.against)}",
        )


def _number(value: float | None, form: str, unit: str = "") -> str:
    return "–" if value is None else f"{value:{form}}{unit}"


def dose_of(
    name: str, status: EngineStatus, photons: float | None, review: TrustStatus | None
) -> Dose:
    """Judge one light level by the limits that tracking, the advice and the review have.

    Parameters
    ----------
    photons
        Of a bright raw pixel.
    review
        Of a result at this level; None = there is none.
    """
    known = {} if status.in_use is None else status.in_use.patterns
    angles = [angle for pattern in known.values() for angle in pattern.angles]
    watched = [
        angle
        for one in status.channels
        if one.tracking is not None
        for angle in one.tracking.angles
        if angle.state != AngleState.UNTRACKED
    ]
    gone = sum(angle.state == AngleState.LOST for angle in watched)
    usable = max(sum(angle.usable for angle in angles) - gone, 0)
    against = (*_of_pattern(angles, usable), *_of_watch(watched), *_of_review(status, review))
    return Dose(
        name=name,
        photons=photons,
        angles=len(angles),
        usable=usable,
        mcnr=min((angle.mcnr for angle in angles if math.isfinite(angle.mcnr)), default=None),
        modulation=min((angle.modulation for angle in watched), default=None),
        error_deg=max((angle.error_deg for angle in watched), default=None),
        word=None if review is None else review.verdict.word,
        against=against,
    )


def _dark(name: str, angles: int, photons: float | None) -> Dose:
    """Return a dose in whose light no angle shows fringes."""
    return Dose(name, photons, angles, 0, None, against=("no fringes were found in this light",))


def _of_pattern(angles: list[PatternAngle], usable: int) -> Iterator[str]:
    if not angles:
        yield "no pattern is known"
    elif usable < len(angles):
        yield f"fringes at {usable} of {len(angles)} angles only"
    if any(angle.faint for angle in angles):
        yield "the fringes hardly stand out from the noise"


def _of_watch(angles: list[AngleHealth]) -> Iterator[str]:
    if any(a.state == AngleState.WEAK or a.modulation < WEAK_MODULATION for a in angles):
        yield "the modulation is weak"
    worst = max((angle.error_deg for angle in angles), default=0.0)
    if worst > STEP_DEG:
        yield f"the phases are known to ±{worst:.1f}° only, not to {STEP_DEG:g}°"


def _of_review(status: EngineStatus, review: TrustStatus | None) -> Iterator[str]:
    if review is None:
        if _with_networks(status):
            yield "the networks' work was not checked"
    elif review.verdict.word is not TrustWord.TRUSTED:
        yield f"networks: {review.verdict.word}, {review.verdict.reasons[0]}"


def _with_networks(status: EngineStatus) -> bool:
    return status.in_use is not None and bool(status.in_use.models)


_Estimate = tuple[str | None, tuple[tuple[float, float], ...]]
"""A stream, and what noise gives no two estimates alike: peak over noise and MCNR of each angle."""


def _estimate(status: EngineStatus | None) -> _Estimate:
    """Return what tells the pattern in use from any other."""
    if status is None or status.in_use is None:
        return (None, ())
    angles = (angle for pattern in status.in_use.patterns.values() for angle in pattern.angles)
    return (status.stream, tuple((angle.peak_to_noise, angle.mcnr) for angle in angles))


@dataclass(frozen=True, slots=True)
class _Measuring:
    """A dose under way."""

    name: str
    before: _Estimate = (None, ())
    """The pattern in use when it was asked for: that of another light."""
    known_from: int = sys.maxsize
    """Number of the first status that knows that a calibration was asked for."""
    stream: str | None = None
    published: int | None = None
    """Results of the engine when this pattern began; None = it is not known yet."""
    time: int = 0
    """Of the newest raw stack then."""
    stacks: int = 0
    asked: int | None = None
    """Number of the status at which a review was asked for."""


class Ladder:
    """Measures light levels one by one, as the user sets them at the microscope.

    A dose begins with a calibration: noise, fringes and brightness are those of its own light. Then
    `STACKS` results are waited for, and a review of the newest one where networks are at work.
    """

    def __init__(self) -> None:
        self.doses: tuple[Dose, ...] = ()
        self._now: _Measuring | None = None
        self._seen = 0

    @property
    def measuring(self) -> str | None:
        """Name of the dose under way."""
        return None if self._now is None else self._now.name

    def ask(self, name: str, status: EngineStatus | None) -> None:
        """Begin a dose: the engine, whose last status is given, is being asked to calibrate."""
        self._now = _Measuring(name.strip(), _estimate(status))

    def begun(self, statuses: int) -> None:
        """Note that the engine has taken the request, after so many statuses."""
        if self._now is not None:
            # The next status may have been on its way already: the one after it knows.
            self._now = replace(self._now, known_from=statuses + 2)

    def give_up(self) -> None:
        """Forget the dose under way."""
        self._now = None

    def clear(self) -> None:
        """Forget all doses."""
        self.doses, self._now = (), None

    def see(self, news: News) -> bool:
        """Learn from a status; return whether the newest result is to be reviewed now."""
        now, status = self._now, news.status
        if now is None or status is None or news.statuses == self._seen:
            return False
        self._seen = news.statuses
        if not _settled(status) or news.statuses < now.known_from:
            self._now = replace(now, published=None, stacks=0, asked=None)
            return False
        done = next(one.done for one in status.stages if one.name == "publish")
        if now.published is None or now.stream != status.stream:
            time = news.shots[-1].result.index.time if news.shots else 0
            self._now = replace(
                now, stream=status.stream, published=done, time=time, stacks=0, asked=None
            )
            return False
        self._now = now = replace(now, stacks=done - now.published)
        return now.stacks >= STACKS and self._conclude(now, status, news)

    def _conclude(self, now: _Measuring, status: EngineStatus, news: News) -> bool:
        """Enter the dose, or return that a review is to be asked for."""
        review = status.trust
        if review is not None and (review.stream != now.stream or review.index.time < now.time):
            review = None
        if review is None and _with_networks(status):
            if now.asked is None:
                self._now = replace(now, asked=news.statuses)
                return True
            if news.statuses - now.asked < PATIENCE:
                return False
        if _estimate(status) == now.before:  # the calibration kept it: it has found none
            self._enter(_dark(now.name, len(now.before[1]), _photons(news)))
        else:
            self._enter(dose_of(now.name, status, _photons(news), review))
        return False

    def _enter(self, dose: Dose) -> None:
        others = tuple(one for one in self.doses if one.name != dose.name)
        self.doses, self._now = (*others, dose), None

    @property
    def lowest(self) -> Dose | None:
        """The passing dose with the least light."""
        return min((one for one in self.doses if one.passes), key=_light, default=None)

    @property
    def progress(self) -> str:
        """What the dose under way waits for."""
        now = self._now
        if now is None:
            return ""
        if now.published is None:
            return f"{now.name}: looking for the pattern in this light…"
        if now.stacks < STACKS:
            return f"{now.name}: {now.stacks} of {STACKS} raw stacks…"
        return f"{now.name}: the networks' work is being checked…"

    @property
    def words(self) -> str:
        """What to do, in plain words."""
        if not self.doses:
            return (
                "Set as much light as the specimen bears, name it and measure. Then less, and "
                "measure again, until something does not pass."
            )
        lowest = self.lowest
        if lowest is None:
            last = self.doses[-1]
            return f"Nothing passes yet. {last.name}: {'; '.join(last.against)}. Take more light."
        return f"{lowest.name} is enough. {self._around(lowest)}"

    def _around(self, lowest: Dose) -> str:
        """Return what the other doses say."""
        below = [one for one in self.doses if _light(one) < _light(lowest)]
        above = [one for one in self.doses if not one.passes and _light(one) > _light(lowest)]
        words = "Less has not been tried yet: go on."
        if below:
            next_one = max(below, key=_light)
            words = f"{next_one.name} is not: {'; '.join(next_one.against)}."
        if above:
            words += f" But {above[0].name}, with more light, does not pass: measure it again."
        return words

    @property
    def table(self) -> str:
        """All doses as text in columns."""
        rows = [COLUMNS, *(dose.cells for dose in self.doses)]
        widths = [max(len(row[n]) for row in rows) for n in range(len(COLUMNS))]
        lines = ("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in rows)
        return "\n".join(line.rstrip() for line in lines) + "\n"

    @property
    def csv(self) -> str:
        """The same with commas between the columns."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(
            [COLUMNS, *(dose.cells for dose in self.doses)]
        )
        return text.getvalue()


def _settled(status: EngineStatus) -> bool:
    """Return whether the pattern in use is that of the light there is."""
    steering = status.steering
    return (
        status.state is EngineState.RUNNING and steering is not None and not steering.recalibrating
    )


def _light(dose: Dose) -> float:
    return dose.photons or 0.0


def _photons(news: News) -> float | None:
    """Return the photo-electrons of a bright raw pixel of the newest result."""
    levels = levels_of(sampled(news.shots[-1].result.widefield)) if news.shots else None
    return None if levels is None else levels.high
