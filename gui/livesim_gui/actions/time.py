"""Go through time by keys and by the bar below the picture."""

from __future__ import annotations

from collections.abc import Callable

from livesim_gui.panels.time_bar import TimeBar
from livesim_gui.state.time.playback import Playback

Clock = Callable[[], float]
"""Seconds from any beginning."""


class TimeActions:
    """Does what the user asks for with time: step, hold, play, back to the live edge."""

    def __init__(self, playback: Playback, bar: TimeBar, clock: Clock) -> None:
        self._playback, self._clock = playback, clock
        bar.went_to.connect(playback.go_to)
        bar.stepped.connect(playback.step)
        bar.played.connect(self.play_or_hold)
        bar.live_asked.connect(playback.go_live)
        bar.speed_set.connect(lambda by: playback.set_speed(by, clock()))

    def keys(self) -> dict[str, Callable[[], None]]:
        """Return the actions by the names of their keys."""
        return {
            "back": lambda: self._playback.step(-1),
            "forward": lambda: self._playback.step(1),
            "oldest": lambda: self._playback.go_to(0),
            "live": self._playback.go_live,
            "play": self.play_or_hold,
        }

    def play_or_hold(self) -> None:
        """Play from here, or hold."""
        self._playback.play_or_hold(self._clock())
