"""Decide what the controls that steer an engine show, and which wishes are on their way to it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from livesim.config.changes import Value, value_of
from livesim.config.settings import Settings
from livesim.values.figure import Tone
from livesim.wire.status import EngineStatus

ONE, TWO, ALL = "steps.one", "steps.two", "steps.all"
WIENER = "reconstruction.wiener"
NOTCH, NOTCH_WIDTH = "reconstruction.notch.strength", "reconstruction.notch.fwhm_cycles_per_um"
FOLLOW = "tracking.follow"
SHOWN = (ONE, TWO, ALL, WIENER, NOTCH, NOTCH_WIDTH, FOLLOW)
NONE, AUTO = "none", "auto"
NAMES = {
    ONE: "step one",
    TWO: "step two",
    ALL: "one network for all",
    WIENER: "Wiener",
    NOTCH: "notch",
    NOTCH_WIDTH: "notch width",
    FOLLOW: "tracking",
}
QUICK = "quick"
STARTS = {
    QUICK: "quick: some minutes",
    "universal": "universal: five times as long, better to begin with",
}
"""Network that an adaptation begins with -> what to know of it."""
MODEL_SUFFIX = ".safetensors"
NO_FOLDER = "This engine was started without a folder: livesim engine --record FOLDER"


@dataclass(frozen=True, slots=True)
class Controls:
    """The state of the controls: what the engine uses, and what is on its way there."""

    live: bool
    """Whether there is a stream to steer."""
    values: dict[str, Value] = field(default_factory=dict)
    """In use, by dotted keys; empty where nothing is known."""
    pending: frozenset[str] = frozenset()
    """Keys whose new value is asked for and not in use yet."""
    choices: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Networks that each step may use, by its dotted key."""
    recording: bool = False
    can_record: bool = False
    recalibrating: bool = False
    words: str = ""
    tone: Tone = Tone.QUIET

    @property
    def quick_fits(self) -> bool:
        """Whether the quick network can take the place of the one in use."""
        return QUICK in self.choices.get(TWO, ()) and self.values.get(TWO) != QUICK


def controls_of(status: EngineStatus | None, wished: frozenset[str] = frozenset()) -> Controls:
    """Return what the controls show.

    Parameters
    ----------
    wished
        Keys of which this viewer has asked for a change that no status knows of yet.
    """
    if status is None:
        return Controls(False, words="No engine.")
    record = status.record
    can_record = record is not None and record.into is not None
    recording = record is not None and record.on and can_record
    if status.in_use is None or status.steering is None:
        words = "No stream: there is nothing to steer yet."
        return Controls(False, recording=recording, can_record=can_record, words=words)
    steering, settings = status.steering, status.in_use.settings
    pending = frozenset(steering.pending) | wished
    words, tone = _words(status, pending)
    return Controls(
        live=True,
        values={key: value_of(settings, key) for key in SHOWN},
        pending=pending,
        choices=_choices(settings, status.in_use.choices),
        recording=recording,
        can_record=can_record,
        recalibrating=steering.recalibrating,
        words=words,
        tone=tone,
    )


def _choices(settings: Settings, fitting: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Return "none", the networks that fit, and the one in use where it is another file."""
    return {
        key: tuple(dict.fromkeys((NONE, *fitting.get(step, ()), str(value_of(settings, key)))))
        for key, step in ((ONE, "one"), (TWO, "two"), (ALL, "all"))
    }


def _words(status: EngineStatus, pending: frozenset[str]) -> tuple[str, Tone]:
    steering = status.steering
    assert steering is not None
    if steering.refused is not None:
        return f"Not used: {steering.refused}", Tone.BAD
    if pending:
        names = ", ".join(NAMES.get(key, key) for key in sorted(pending))
        return f"With the next raw stacks: {names}…", Tone.NOTE
    if steering.recalibrating:
        return "The pattern is being estimated again…", Tone.NOTE
    if steering.since is not None:
        return f"In use since stack {steering.since}.", Tone.QUIET
    return "", Tone.QUIET


@dataclass(frozen=True, slots=True)
class Scale:
    """A slider's whole steps <-> a value, on a logarithmic or a straight scale."""

    low: float
    high: float
    logarithmic: bool = False
    steps: int = 100

    def value(self, at: int) -> float:
        """Return the value at a place of the slider, with three digits: it is read by people."""
        share = at / self.steps
        if self.logarithmic:
            return _rounded(self.low * (self.high / self.low) ** share)
        return _rounded(self.low + share * (self.high - self.low))

    def place(self, value: float) -> int:
        """Return where a value stands; beyond the ends, at an end."""
        inside = min(max(value, self.low), self.high)
        if self.logarithmic:
            return round(self.steps * math.log(inside / self.low) / math.log(self.high / self.low))
        return round(self.steps * (inside - self.low) / (self.high - self.low))


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")


SCALES = {
    WIENER: Scale(0.001, 1.0, logarithmic=True, steps=90),
    NOTCH: Scale(0.0, 1.0),
    NOTCH_WIDTH: Scale(0.1, 5.0, steps=98),
}


@dataclass(frozen=True, slots=True)
class AdaptWish:
    """One network adapted to the sample, as the dialog asks for it."""

    recording: str
    out: str
    start: str
    """Of `STARTS`."""

    @property
    def problem(self) -> str | None:
        """What is missing, in words; what is wrong with the recording the command itself says."""
        if not self.recording.strip():
            return "Choose a recording of the sample: raw stacks, in the light that you use."
        if not self.out.strip():
            return "Choose a name for the network's file."
        return None

    @property
    def flags(self) -> list[str]:
        """What follows `livesim adapt`."""
        return [self.recording.strip(), "--out", self.out.strip(), "--from", self.start]


class Wishes:
    """Holds changes on their way, from the user's hand until a status can know of them."""

    def __init__(self) -> None:
        self._waiting: dict[str, Value] = {}
        self._under_way: dict[str, Value] = {}
        self._sent: dict[str, int] = {}

    def add(self, key: str, value: Value) -> None:
        """Take a wish; a newer one for the same key takes the place of one that waits."""
        self._waiting[key] = value

    def take(self) -> dict[str, Value]:
        """Return what is to be sent now; empty while something is under way."""
        if self._under_way or not self._waiting:
            return {}
        self._under_way, self._waiting = self._waiting, {}
        return self._under_way

    def sent(self, statuses: int) -> None:
        """Note that the engine has taken what was sent, after so many statuses."""
        # The next status may have been on its way already: the one after it knows.
        self._sent |= dict.fromkeys(self._under_way, statuses + 2)
        self._under_way = {}

    def refused(self) -> None:
        """Note that it could not be sent, or was refused."""
        self._under_way = {}

    def pending(self, statuses: int) -> frozenset[str]:
        """Return the keys of which no status knows yet."""
        self._sent = {key: known for key, known in self._sent.items() if known > statuses}
        return frozenset((*self._waiting, *self._under_way, *self._sent))
