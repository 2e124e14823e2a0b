"""Results of several channels in; which of them belong together, and in which colours, out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from livesim.images.merge import MERGED_LUTS
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
