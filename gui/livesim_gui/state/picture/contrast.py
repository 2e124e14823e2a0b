"""Follow the brightness of a stream with black and white levels that do not flicker."""

from __future__ import annotations

import math

from livesim.images.levels import Levels, levels_of, sampled
from livesim.values.results import Image
from livesim_gui.state.picture.stages import Stage

DEAD_BAND = 0.12
"""Of the range: the levels stand still while black and white are wrong by less than this."""
CLOSE = 0.02
"""Of the range: once they move, they move until they are wrong by less than this."""
SECONDS = 0.6
"""Time constant with which they move."""


class SteadyContrast:
    """Levels that follow a stream without flickering.

    Noise moves the percentiles of every image a little. So the levels stand still within a dead
    band, and where the light really changes they go there smoothly. Set by hand, they stay.
    """

    def __init__(self) -> None:
        self._levels: Levels | None = None
        self._moving = False
        self._manual = False
        self._seen_s = 0.0

    @property
    def levels(self) -> Levels:
        """The present levels; 0 and 1 before the first image."""
        return self._levels or Levels(0.0, 1.0)

    @property
    def manual(self) -> bool:
        """Whether they were set by hand."""
        return self._manual

    def set(self, low: float, high: float) -> None:
        """Set them by hand.

        Raises
        ------
        DataError
            If white is not above black.
        """
        self._levels = Levels(low, high)
        self._manual = True

    def follow(self, on: bool = True) -> None:
        """Take them from the next image and follow from there, or leave them as they are."""
        self._manual = not on
        self._levels = None if on else self.levels

    def see(self, image: Image, now_s: float) -> Levels:
        """Look at the image that is shown now; return the levels to show it with."""
        elapsed, self._seen_s = max(now_s - self._seen_s, 0.0), now_s
        if self._manual:
            return self.levels
        wanted = levels_of(sampled(image))
        if wanted is not None:
            self._levels = wanted if self._levels is None else self._towards(wanted, elapsed)
        return self.levels

    def _towards(self, wanted: Levels, elapsed_s: float) -> Levels:
        held = self.levels
        wrong = max(abs(wanted.low - held.low), abs(wanted.high - held.high)) / wanted.range
        self._moving = wrong > (CLOSE if self._moving else DEAD_BAND)
        if not self._moving:
            return held
        share = 1.0 - math.exp(-elapsed_s / SECONDS)
        low = held.low + share * (wanted.low - held.low)
        return Levels(low, held.high + share * (wanted.high - held.high))


class Contrasts:
    """The contrast of every stage of every channel: each has a brightness of its own."""

    def __init__(self) -> None:
        self._own: dict[tuple[str, int], SteadyContrast] = {}

    def of(self, stage: str, channel: int) -> SteadyContrast:
        """Return the contrast of a stage, by its name, in a channel."""
        return self._own.setdefault((stage, channel), SteadyContrast())

    def see(self, stage: Stage, channel: int, now_s: float) -> Levels:
        """Let a contrast follow the image that is shown now; return the levels to show it with."""
        return self.of(stage.name, channel).see(stage.image, now_s)

    def forget(self) -> None:
        """Forget those that follow the stream, as another one begins; levels set by hand stay."""
        self._own = {key: one for key, one in self._own.items() if one.manual}
