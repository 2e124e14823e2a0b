"""Choose among the channels of a stream: which is shown, which are merged and in which colours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from livesim.images.merge import MERGED_LUTS
from livesim_gui.state.time.archive import PastShot
from livesim_gui.state.time.ring import Shot


@dataclass(frozen=True, slots=True)
class Merge:
    """How channels are merged; never changed, replaced as a whole."""

    on: bool = False
    hidden: frozenset[int] = frozenset()
    """Channels left out."""
    luts: Mapping[int, str] = field(default_factory=dict)
    """Colour tables that the user has chosen."""

    def switch(self) -> Self:
        """Merge, or show one channel by itself."""
        return replace(self, on=not self.on)

    def switch_channel(self, channel: int, channels: Sequence[int]) -> Self:
        """Leave a channel out or take it in again; the last one stays."""
        hidden = self.hidden ^ {channel}
        return self if hidden.issuperset(channels) else replace(self, hidden=hidden)

    def coloured(self, channel: int, lut: str) -> Self:
        """Show a channel in another colour."""
        return replace(self, luts={**self.luts, channel: lut})

    def lut(self, channel: int) -> str:
        """Return the colour table of a channel: it keeps its own whatever the others do."""
        return self.luts.get(channel, MERGED_LUTS[channel % len(MERGED_LUTS)])

    def shown(self, channels: Iterable[int]) -> tuple[int, ...]:
        """Return the channels that are not left out."""
        return tuple(channel for channel in channels if channel not in self.hidden)


@dataclass(frozen=True, slots=True)
class Layer:
    """One channel of a merged picture."""

    shot: Shot
    lut: str


class Channels:
    """Knows the channels that there are, and what the user wants of them; for one thread."""

    def __init__(self) -> None:
        self.available: tuple[int, ...] = ()
        """Those of which there are results."""
        self.chosen: int | None = None
        """By the user; None follows the first one."""
        self.shown = 0
        """On the screen, or what will be with the first result."""
        self.merge = Merge()

    def see(self, shots: Iterable[Shot | PastShot]) -> None:
        """Learn which channels the results in memory and on the disk have."""
        self.available = tuple(sorted({shot.channel for shot in shots}))

    def show(self, shot: Shot | None) -> None:
        """Learn which result is on the screen; None = there is none."""
        self.shown = (self.chosen or 0) if shot is None else shot.channel

    def choose(self, channel: int) -> None:
        """Show a channel from the next picture on."""
        self.chosen = channel

    @property
    def wanted(self) -> int:
        """The channel to show."""
        first = self.available[0] if self.available else 0
        return first if self.chosen is None else self.chosen

    @property
    def only(self) -> int | None:
        """The channel among whose results the viewer moves in time; None = there is no other."""
        return self.wanted if len(self.available) > 1 else None

    @property
    def merging(self) -> bool:
        """Whether several channels are shown in one picture."""
        return self.merge.on and len(self.available) > 1

    def switch_merge(self) -> None:
        """Show all channels in one picture, or one by itself."""
        self.merge = self.merge.switch()

    def switch_shown(self) -> None:
        """Leave the channel that is shown out of the merged picture, or take it in again."""
        if self.merging:
            self.merge = self.merge.switch_channel(self.shown, self.available)

    def layers(self, shot: Shot, shots: Sequence[Shot]) -> tuple[Layer, ...]:
        """Return what is merged with a result; nothing where one channel is shown by itself.

        Parameters
        ----------
        shots
            All that are in memory, oldest first.
        """
        if not self.merging:
            return ()
        found = together(shot, shots, self.merge.shown(self.available))
        return tuple(Layer(one, self.merge.lut(one.channel)) for one in found)


def together(shot: Shot, shots: Sequence[Shot], channels: Iterable[int]) -> tuple[Shot, ...]:
    """Return the results to be merged with `shot`, one a channel, in the channels' order.

    Of the same place and time, or else the last one of that channel before it: at the live edge the
    channels of a time point come one after the other.

    Parameters
    ----------
    shots
        All that are in memory, oldest first.
    channels
        Those wanted; one of which there is no such result is left out.
    """
    found = (shot if one == shot.channel else _partner(shot, shots, one) for one in channels)
    return tuple(one for one in found if one is not None)


def _partner(shot: Shot, shots: Sequence[Shot], channel: int) -> Shot | None:
    at = shot.result.index
    own = [one for one in shots if one.channel == channel]
    same = (one for one in reversed(own) if replace(at, channel=channel) == one.result.index)
    before = (
        one
        for one in reversed(own)
        if (one.result.index.position, one.result.index.z) == (at.position, at.z)
        and one.result.index.time <= at.time
    )
    return next(same, None) or next(before, None)
