"""The frozen values of an examination: the faults that the doctor finds in raw stacks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """The faults that the doctor tells apart."""

    ROTATED = "rotated frame order"
    REVERSED = "reversed frame order"
    TRANSPOSED = "phase and angle exchanged"
    SWAPPED_ANGLES = "swapped angles"
    LOST_FRAME = "lost frame"
    REPEATED_FRAME = "repeated frame"
    WRONG_COUNT = "wrong number of phases or angles"
    WRONG_HARMONICS = "wrong number of harmonics"
    ALIKE_PHASES = "phases too alike"
    MISPLACED = "fringes elsewhere than expected"
    EMPTY_FRAME = "empty frame"
    DIM_FIRST_FRAME = "dim first frame"
    FLICKER = "flicker"
    BLEACHING = "bleaching"
    WRONG_SCALE = "wrong pixel size, aperture or wavelength"
    WRONG_DAMPING = "wrong OTF damping"
    SATURATION = "saturation"
    WRONG_OFFSET = "wrong camera offset"
    WRONG_NOISE = "wrong camera gain or read noise"
    SHARED_NOISE = "noise shared by neighbouring pixels"
    NO_MODULATION = "no modulation"
    NO_MODULATION_IN_ANGLE = "no modulation in an angle"


MOST_SURE = 0.999
"""No fault is surer: no model of the data is."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of the raw stacks, what was found of it and how to mend it."""

    fault: Fault
    words: str
    """What was found, in a sentence."""
    sureness: float
    """Probability that it is so, 0 to 1."""
    mend: str | None
    """TOML that mends it, a section and the lines to set in it; None where none can."""
    advice: str = ""
    """What to do where no line mends it."""
    frames: tuple[int, ...] = ()
    """The frames concerned."""
    value: float | None = None
    """The number found: the first frame's place, frames lost, the factor of the scale, angles
    a and b exchanged as a * angles + b, the share of clipped pixels."""

    @property
    def sentence(self) -> str:
        """The fault, how sure it is and what was found."""
        return f"{self.fault}, {in_words(self.sureness)}: {self.words}"


def in_words(sureness: float) -> str:
    """Return a probability in words and in per cent."""
    words = "certain" if sureness >= 0.99 else "very likely" if sureness >= 0.95 else "likely"
    return f"{words} ({100.0 * sureness:.1f} %)"


def mending(section: str, *lines: str) -> str:
    """Return the TOML that sets `lines` in a section."""
    return "\n".join([f"[{section}]", *lines])


@dataclass(frozen=True, slots=True)
class Examination:
    """All faults found, and what these frames do not show."""

    findings: tuple[Finding, ...]
    undecided: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """All findings in one line; where there are none, what stayed undecided."""
        return "; ".join([one.sentence for one in self.findings] or self.undecided)
