"""Keep the volumes that wait for planes, whatever the order in which planes come."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from livesim.values.frames import RawStack, StackIndex

Bands = TypeVar("Bands")
"""What the planes of one volume are gathered in."""
CLOSED_VOLUMES = 256
"""Volumes remembered that are whole or given up."""
NAMED = 4
"""Missing planes that are named; of more, their number is said."""


@dataclass(slots=True, eq=False)
class OpenVolume(Generic[Bands]):
    """A volume, and the planes of it that have come."""

    bands: Bands
    received_ns: dict[int, int] = field(default_factory=dict)
    """Plane -> when its last frame was received."""


class OpenVolumes(Generic[Bands]):
    """The volumes of one channel, by position and time; used by one thread.

    A volume is given up once a newer one of the same position is whole, or when more than `most`
    are open: a lost plane costs its own volume and no other. Memory is used again.

    Parameters
    ----------
    planes
        Of every volume.
    begin
        Makes what the planes are gathered in; what is left of an earlier volume there does not
        matter.
    most
        Volumes open at once.
    """

    def __init__(self, planes: int, begin: Callable[[], Bands], most: int) -> None:
        self.planes, self._begin, self._most = planes, begin, most
        self._open: OrderedDict[StackIndex, OpenVolume[Bands]] = OrderedDict()
        self._closed: OrderedDict[StackIndex, None] = OrderedDict()
        self._spare: list[Bands] = []
        self._torn: list[str] = []

    def see(self, stack: RawStack) -> OpenVolume[Bands] | None:
        """Count a plane to its volume and return that; None where it was given up before."""
        key = stack.index.volume
        if key in self._closed:
            return None
        volume = self._open.get(key)
        if volume is None:
            while len(self._open) >= self._most:
                self._give_up(next(iter(self._open)))
            bands = self._spare.pop() if self._spare else self._begin()
            volume = self._open[key] = OpenVolume(bands)
        volume.received_ns[stack.index.z] = stack.last_received_ns
        return volume

    def is_whole(self, volume: OpenVolume[Bands]) -> bool:
        """Whether a volume has all its planes."""
        return len(volume.received_ns) == self.planes

    def close(self, key: StackIndex) -> None:
        """Leave a volume that has been made, and give up older ones of the same position."""
        self._end(key)
        for other in list(self._open):
            if replace(other, time=key.time) == key and other.time < key.time:
                self._give_up(other)

    def give_up(self) -> None:
        """Give up what is still open: no more planes will come."""
        for key in list(self._open):
            self._give_up(key)

    def take_torn(self) -> list[str]:
        """Return a sentence on every volume that was given up since the last call."""
        torn, self._torn = self._torn, []
        return torn

    def _give_up(self, key: StackIndex) -> None:
        missing = sorted(set(range(self.planes)) - set(self._open[key].received_ns))
        named = ", ".join(map(str, missing[:NAMED])) + (", …" if len(missing) > NAMED else "")
        self._torn.append(
            f"the volume of position {key.position}, time {key.time}, channel {key.channel} has "
            f"lost {len(missing)} of {self.planes} planes (z {named}): left out"
        )
        self._end(key)

    def _end(self, key: StackIndex) -> None:
        self._spare.append(self._open.pop(key).bands)
        self._closed[key] = None
        while len(self._closed) > CLOSED_VOLUMES:
            self._closed.popitem(last=False)
