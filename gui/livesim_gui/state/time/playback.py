"""Go through time: over the results in memory and, before them, those on the disk."""

from __future__ import annotations

from livesim.values.results import Result
from livesim_gui.state.time.among import Among
from livesim_gui.state.time.archive import Archive
from livesim_gui.state.time.pace import Pace, Wish, last_with_networks
from livesim_gui.state.time.ring import Shot
from livesim_gui.state.time.timeline import Mode, Placed, Timeline


class Playback:
    """Moves the viewer in time, among all results or those of one place; for one thread."""

    def __init__(self) -> None:
        self.timeline = Timeline()
        self.archive = Archive()
        self.pace = Pace()
        self.shown: Shot | None = None
        """The result on the screen."""
        self.restored: Result | None = None
        """The newest in memory that networks have worked on."""
        self._received: tuple[Shot, ...] = ()
        self._among = Among()
        self._memory: tuple[Shot, ...] = ()
        """Of what was received, those among which the viewer moves."""

    def remember(self, received: tuple[Shot, ...], among: Among) -> None:
        """Take the results in memory, oldest first.

        Parameters
        ----------
        received
            The same tuple as before costs nothing.
        among
            Which of them the viewer moves among.
        """
        if received is self._received and among == self._among:
            return
        self._received, self._among = received, among
        own = (shot for shot in received if among.has(shot.result.index))
        self._memory = received if among.all else tuple(own)
        place = last_with_networks(self._memory)
        self.restored = None if place is None else self._memory[place].result

    @property
    def shots(self) -> tuple[Placed, ...]:
        """All results among which the viewer moves, oldest first: on the disk, then in memory."""
        return self.archive.join(self._memory, self._among)

    def advance(self, now_s: float, wish: Wish = Wish.EITHER) -> Shot | None:
        """Return the result to show now; None where there is none, or it is still being read."""
        self.timeline, place = self.timeline.advance(self.shots, now_s)
        if self.timeline.mode is Mode.LIVE and self._memory:
            return self.archive.shot(self.pace.choose(self._memory, self.shown, now_s, wish))
        return None if place is None else self.archive.shot(place)

    def forget(self) -> None:
        """Go to the live edge of another stream, of which nothing is on the disk yet."""
        self.archive.clear()
        self.timeline = self.timeline.live()

    def go_live(self) -> None:
        """Go back to the newest result."""
        self.timeline = self.timeline.live()

    def go_to(self, place: int) -> None:
        """Hold the result at a place among all; beyond the end nothing happens."""
        shots = self.shots
        if place < len(shots):
            self.timeline = self.timeline.hold(shots[place].number)

    def step(self, by: int) -> None:
        """Go to a result before or after the one shown, and stay there."""
        if self.shown is not None:
            self.timeline = self.timeline.step(self.shots, self.shown.number, by)

    def hold(self) -> None:
        """Stay at the result that is shown."""
        if self.shown is not None:
            self.timeline = self.timeline.hold(self.shown.number)

    def play_or_hold(self, now_s: float) -> None:
        """Hold what runs, and let run what is held: from the start if it is at the end."""
        if self.timeline.mode is not Mode.HELD:
            self.hold()
        elif self.shots and self.shown is not None:
            at_end = self.shown.number == self.shots[-1].number
            start = self.shots[0] if at_end else self.shown
            self.timeline = self.timeline.play(start.number, now_s)

    def set_speed(self, speed: float, now_s: float) -> None:
        """Play faster or slower from here on."""
        shown = 0 if self.shown is None else self.shown.number
        self.timeline = self.timeline.at_speed(speed, shown, now_s)
