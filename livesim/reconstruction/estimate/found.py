"""Hold what became of one group of frames in the search for a pattern."""

from __future__ import annotations

from dataclasses import dataclass, replace

from livesim.reconstruction.estimate.doubt import doubt_of, is_undeniable
from livesim.reconstruction.estimate.parameters import Parameters
from livesim.reconstruction.estimate.refine import Refined
from livesim.reconstruction.estimate.search import Peak

SUSPECT = 0.25
"""Of the overlap unexplained beyond doubt: another peak may explain it better."""


@dataclass(frozen=True, eq=False)
class Found:
    """What became of one group of frames."""

    peaks: list[Peak]
    start: Parameters
    refined: Refined | None
    """None where no pattern is significant."""
    doubt: str | None
    """Why it may not be there although it stands out."""
    alike: bool = False
    """Whether it lies where the other angles have it expected."""
    vague: str | None = None
    """Why it is not usable although it is there."""

    @classmethod
    def of(
        cls, peaks: list[Peak], start: Parameters, refined: Refined | None, step: float
    ) -> Found:
        """Examine what the peaks of a group led to; `step` is a spectral pixel."""
        found = cls(peaks, start, refined, None)
        if refined is None:
            return found
        return replace(found, doubt=doubt_of(refined, found.faintest, step))

    @property
    def there(self) -> bool:
        """Whether there are such fringes, however exactly they are known."""
        return self.refined is not None and self.doubt is None

    @property
    def why_not(self) -> str | None:
        """Why it is not usable although it stands out; None if it is."""
        return self.doubt or self.vague

    @property
    def usable(self) -> bool:
        """Whether it is there, and known well enough."""
        return self.there and self.vague is None

    @property
    def faintest(self) -> float:
        """Peak-to-noise."""
        return min(peak.peak_to_noise for peak in self.peaks)

    @property
    def unexplained(self) -> float:
        """Of the bands' overlap, what noise does not explain beyond doubt."""
        return 0.0 if self.refined is None else self.refined.errors.surely_unexplained

    @property
    def undeniable(self) -> bool:
        """Whether it is to be believed whatever the other angles say."""
        if self.refined is None or not self.there or self.unexplained > SUSPECT:
            return False
        return is_undeniable(self.refined, self.faintest)
