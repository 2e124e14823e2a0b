"""The frozen values of a review, which says whether a result of networks can be trusted and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from livesim.values.figure import Tone
from livesim.values.frames import StackIndex
from livesim.values.results import Image
from livesim.values.weights import BandWeights

ERROR = "error"
"""Standard deviation of the restored image, in photo-electrons per raw pixel."""
SHOWN = "shown"
"""Share of the networks' change that is shown, 0 to 1."""
RESIDUAL = "residual"
"""What the raw photons say against the plain reconstruction, in standard deviations of their
noise: where it is no noise, pattern, OTF or camera are not what the settings say."""
MAPS = (ERROR, SHOWN, RESIDUAL)


class TrustWord(StrEnum):
    """The verdict, from good to bad."""

    TRUSTED = "trusted"
    """Photons carry nearly all of the structure that is shown."""
    LOOK = "look"
    """They carry more than half of it, or the instrument is not what the settings say."""
    DO_NOT_TRUST = "do not trust"
    """They carry less than half of it."""

    @property
    def badness(self) -> int:
        """0 for the best of them."""
        return list(TrustWord).index(self)


MARKS = {
    TrustWord.TRUSTED: ("✔", Tone.GOOD),
    TrustWord.LOOK: ("▲", Tone.NOTE),
    TrustWord.DO_NOT_TRUST: ("✖", Tone.BAD),
}
"""Word -> its mark and tone; the shapes differ also for those who see no colours."""


@dataclass(frozen=True, slots=True)
class TrustNumbers:
    """What a verdict rests on."""

    carried_percent: float
    """Share of the restored image's structure that photons carry: 100 less the expected square of
    its error, over the square of its structure, where there is light."""
    shown_percent: float
    """Share of the networks' change that is shown."""
    error_percent: float
    """Standard deviation of the restored image, of the light of the brightest structures."""
    overruled_sigmas: float
    """How far the networks' image is off where it was overruled most, in standard deviations of the
    restored image there; 0 where it was not."""
    overruled_yx: tuple[float, float]
    """Where that is, in raw pixels."""
    plain_denied_percent: float | None
    """Share of the field where they contradict the plain reconstruction: pattern, OTF or camera;
    None = not looked for, as in volumes."""
    noise_ratio: float | None = 1.0
    """The noise found beyond the optical cut-off, of what the camera's gain and read noise say;
    likewise."""


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
    weights: BandWeights | None = field(default=None, repr=False)
    """What the photons grant the networks here, for this stack and those that follow."""
    planes: tuple[Mapping[str, NDArray[np.float32]], ...] = field(default=(), repr=False)
    """Of a volume, instead of `maps`: those of every plane, in the order of z."""

    def maps_of(self, index: StackIndex) -> Iterator[tuple[StackIndex, Mapping[str, Image]]]:
        """Yield which image each set of maps is of.

        Parameters
        ----------
        index
            Of the image that was reviewed, or of any plane of the volume.
        """
        if not self.planes:
            yield index, self.maps
        for z, maps in enumerate(self.planes):
            yield replace(index, z=z), maps
