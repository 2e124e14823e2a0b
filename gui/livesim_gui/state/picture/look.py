"""Describe what the user wants to see: which stage, split or not, with which colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from livesim_gui.state.picture.stages import NETWORK, NETWORKED, RESTORED
from livesim_gui.state.time.pace import Wish

NARROW = 0.02
"""Of the width: the divider of a split view cannot be dragged nearer to the edge."""


@dataclass(frozen=True, slots=True)
class Look:
    """How the picture is shown; never changed, replaced as a whole."""

    stage: str | None = None
    """Shown; in a split view, on the right. None takes the most processed one."""
    other: str | None = None
    """Shown on the left of a split view, and what the swap brings. None takes the least."""
    asked: bool = False
    """Whether the user has chosen the stage."""
    split: bool = False
    divider: float = 0.5
    """Where the split view is divided, 0 = left edge, 1 = right edge."""
    lut: str = "grey"
    gamma: float = 1.0
    map: str | None = None
    """Of `livesim.values.verdict.MAPS`, laid over the picture."""
    opacity: float = 0.0
    """Of the map where it has nothing to say."""

    @property
    def wish(self) -> Wish:
        """What the user wants to see at the live edge."""
        names = (self.stage, self.other) if self.split else (self.stage,)
        if not self.asked:
            return Wish.EITHER
        return Wish.NETWORKS if any(name in NETWORKED for name in names) else Wish.PLAIN

    def within(self, names: Sequence[str]) -> Self:
        """Return the same with stages of one result, which may have fewer than the stream.

        Parameters
        ----------
        names
            The least processed first; the last one stands for a stage that it has not.
        """
        stage = names[-1] if self.stage is None or self.stage not in names else self.stage
        rest = [name for name in names if name != stage] or [stage]
        return replace(self, stage=stage, other=self.other if self.other in rest else rest[0])

    def among(self, names: Sequence[str], before: Sequence[str] = ()) -> Self:
        """Return the same with two of the stages that the stream has.

        Parameters
        ----------
        names
            The least processed first.
        before
            Those that it had before. Where the last of them was shown, the last of
            `names` is: networks that are switched on or off are followed.
        """
        followed = bool(before) and self.stage == before[-1]
        return replace(self, stage=names[-1] if followed else self.stage).within(names)

    def show(self, name: str) -> Self:
        """Show a stage; the one shown so far becomes the other."""
        if name == self.stage:
            return replace(self, asked=True)
        return replace(self, stage=name, other=self.stage, asked=True)

    def switch_map(self, name: str) -> Self:
        """Lay a map over the picture, or take away what lies there."""
        return replace(self, map=name if self.map is None else None)

    def flip_networks(self) -> Self:
        """Show what the networks alone give, or the restored image where that is shown."""
        return self.show(RESTORED if self.stage == NETWORK else NETWORK)

    def swap(self) -> Self:
        """Swap the two stages."""
        return replace(self, stage=self.other, other=self.stage, asked=True)

    def divided_at(self, place: float) -> Self:
        """Move the divider; it stays inside the picture."""
        return replace(self, divider=min(max(place, NARROW), 1.0 - NARROW))
