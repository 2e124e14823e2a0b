"""Let the planes of a volume through to the processor: all of them, or none."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

from livesim.values.frames import StackIndex

QUEUED_VOLUMES = 2
"""Volumes of a channel whose planes may wait for the processor."""
REMEMBERED = 256


@dataclass(slots=True)
class _Passing:
    """A volume of which planes have come."""

    taken: bool
    left: int
    """Planes for which there has to be room yet."""


class VolumeGate:
    """Decides about a volume when its first plane comes; used by the receiver's thread.

    A queue that drops single planes would tear every volume where the processor is too slow. Here
    whole volumes are skipped instead, and the others stay whole.

    Parameters
    ----------
    planes
        Of every volume.
    room
        Returns how many planes the queue can still hold; None = it waits rather than that a plane
        is skipped.
    """

    def __init__(self, planes: int, room: Callable[[], int] | None) -> None:
        self._planes, self._room = planes, room
        self._passing: OrderedDict[StackIndex, _Passing] = OrderedDict()
        self.skipped = 0
        """Volumes."""

    def takes(self, index: StackIndex) -> bool:
        """Return whether a plane goes to the processor."""
        key = index.volume
        if key not in self._passing:
            self._passing[key] = self._decided(key)
            while len(self._passing) > REMEMBERED:
                self._passing.popitem(last=False)
        one = self._passing[key]
        one.left = max(one.left - 1, 0)
        return one.taken

    def _decided(self, key: StackIndex) -> _Passing:
        for other, one in self._passing.items():
            if replace(other, time=key.time) == key:
                one.left = 0  # what it still lacks has been lost, or is late
        promised = sum(one.left for one in self._passing.values())
        taken = self._room is None or self._room() - promised >= self._planes
        self.skipped += not taken
        return _Passing(taken, self._planes if taken else 0)
