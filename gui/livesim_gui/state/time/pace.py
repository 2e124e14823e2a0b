"""Decide at the live edge whether the picture waits for the networks."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from livesim_gui.state.time.ring import Shot

PATIENCE_S = 0.3
"""How long the picture waits for the networks' image of a newer stack."""
LOOKED_AT = 1024
"""Of the newest results, those among which the last one with networks is looked for."""


class Wish(Enum):
    """What the user wants to see at the live edge."""

    EITHER = "either"
    """Whatever is new: networks where they keep up."""
    PLAIN = "plain"
    """The newest result of all."""
    NETWORKS = "networks"
    """The newest result with networks, however old it is."""


class Pace:
    """Chooses the result to show at the live edge; for one thread.

    Where networks keep up, every result is shown with them, and never without for a moment before.
    Where they fall behind by more than `PATIENCE_S`, the newest plain image is shown. What is shown
    never goes back in time, unless the user wants the networks' image.
    """

    def __init__(self) -> None:
        self._keeps_up = True

    def choose(self, shots: Sequence[Shot], shown: Shot | None, now_s: float, wish: Wish) -> Shot:
        """Return what to show now of the results in memory, oldest first; there is at least one."""
        newest = shots[-1]
        if not newest.result.provisional or wish is Wish.PLAIN:
            return newest
        place = last_with_networks(shots)
        if place is None:
            return newest
        if wish is Wish.NETWORKS:
            return shots[place]
        self._judge(shots[place], waited_s=now_s - shots[place + 1].arrived_s)
        if not self._keeps_up:
            return newest
        at = place if shown is None else _place_of(shots, shown, place)
        return shots[max(place, at)]

    def _judge(self, restored: Shot, waited_s: float) -> None:
        if waited_s > PATIENCE_S:
            self._keeps_up = False
        elif not self._keeps_up:
            self._keeps_up = restored.took_s <= PATIENCE_S / 2


def last_with_networks(shots: Sequence[Shot]) -> int | None:
    """Return the place of the newest result that networks have worked on; None = there is none."""
    first = max(len(shots) - LOOKED_AT, 0)
    places = range(len(shots) - 1, first - 1, -1)
    return next((n for n in places if shots[n].result.plain is not None), None)


def _place_of(shots: Sequence[Shot], shown: Shot, otherwise: int) -> int:
    places = range(len(shots) - 1, otherwise, -1)
    return next((n for n in places if shots[n].number == shown.number), otherwise)
