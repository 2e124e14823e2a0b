"""The frozen values of a review, which says whether a result of networks can be trusted and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

RESIDUAL = "residual"
"""What the raw photons say against the result, in standard deviations of their noise."""
CHANGE_ONE, CHANGE_TWO = "change one", "change two"
"""What each step changed, in standard deviations of the plain reconstruction's noise."""
SPREAD = "spread"
"""Standard deviation of the results of the flipped stacks, in % of the light there."""
MAPS = (RESIDUAL, CHANGE_ONE, CHANGE_TWO, SPREAD)


class TrustWord(StrEnum):
    """The verdict, from good to bad."""

    TRUSTED = "trusted"
    """The photons do not contradict the result, and its like was in the training."""
    LOOK = "look"
    """Something speaks against it in some place, or nothing can be said."""
    DO_NOT_TRUST = "do not trust"
    """The photons contradict it in many places, or in some and its like was not in the training."""


@dataclass(frozen=True, slots=True)
class TrustNumbers:
    """What a verdict rests on."""

    rms_sigmas: float
    """Of the residual map: 1 for the truth, less where the result explains noise as well."""
    places: int
    """Squares of the field in which there is light."""
    denied: int
    """Those of them in which the photons contradict what the networks changed."""
    worst_sigmas: float
    """The strongest contradiction of what the networks changed; positive: light is missing."""
    worst_yx: tuple[float, float]
    """Where it lies, in raw pixels."""
    visible_percent: float
    """The smallest change that the photons would show, of the light of the brightest structures."""
    plain_denied_percent: float
    """Share of the field where they contradict the plain reconstruction: pattern, OTF or camera."""
    noise_ratio: float = 1.0
    """The noise found beyond the optical cut-off, of what the camera's gain and read noise say."""
    spread_percent: float | None = None
    """Of the flipped stacks, in the places with the most light; None = not asked for."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a result can be trusted, in a word, and why."""

    word: TrustWord
    reasons: tuple[str, ...]
    """At least one, the gravest first."""
    advice: str = ""
    """What to do."""
    unlike: tuple[str, ...] = ()
    """Those of the reasons that the networks' cards give."""

    @property
    def sentence(self) -> str:
        """Word, reasons and advice in one line."""
        words = f"{self.word}: {'; '.join(self.reasons)}"
        return f"{words}. {self.advice}" if self.advice else words


@dataclass(frozen=True, slots=True, eq=False)
class Trust:
    """The review of one result."""

    verdict: Verdict
    numbers: TrustNumbers
    maps: Mapping[str, NDArray[np.float32]] = field(default_factory=dict, repr=False)
    """Name out of `MAPS` -> [y, x], at the centres of the raw pixels."""
