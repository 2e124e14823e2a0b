"""Which recording each raw stack of a stream belongs to, while recording is switched on and off."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Generic

from livesim.engine.meters import Faults
from livesim.engine.record.recorder import Recorder, Sink, Track, Value
from livesim.values.frames import RawStack, StackIndex

UNDER_WAY = 1024
"""Raw stacks remembered: far more than are between the receiver and the last thread. Only what the
networks were long at may be older."""

Opening = Callable[[Recorder], Callable[[Value], Sink[Value]]]
"""A recorder -> what opens one of its files."""


class Recordings:
    """The recorder of every raw stack, decided when its last frame comes.

    So both files of a recording begin and end with the same stacks, however far reconstruction
    and recording are behind the camera.

    Parameters
    ----------
    first
        Records from the first stack on; None = nothing does.
    """

    def __init__(self, first: Recorder | None) -> None:
        self.now = first
        """What records the next stack."""
        self._of: OrderedDict[StackIndex, Recorder | None] = OrderedDict()
        self._switched = False
        self._lock = Lock()

    def switch(self, recorder: Recorder | None) -> None:
        """Record with another one from the next stack on, or with none; safe in any thread."""
        self._switched = True
        self.now = recorder

    def see(self, stack: RawStack) -> None:
        """Decide about a stack; called in the receiver's thread, before anybody else has it."""
        with self._lock:
            self._of[stack.index] = self.now
            if len(self._of) > UNDER_WAY:
                self._of.popitem(last=False)

    def of(self, index: StackIndex) -> Recorder | None:
        """Return what records a stack; safe in any thread.

        Raises
        ------
        KeyError
            If it is too long ago to say, since there has been more than one recording.
        """
        with self._lock:
            return self._of[index] if self._switched else self._of.get(index, self.now)


class Tracks(Generic[Value]):
    """One track after another, each of one recording; used by one thread."""

    def __init__(self, recordings: Recordings, opening: Opening[Value], faults: Faults) -> None:
        self._recordings, self._faults = recordings, faults
        self._opening: Opening[Value] = opening
        self._recorder: Recorder | None = None
        self._track: Track[Value] = Track(None, faults)
        self._past = 0

    @property
    def written(self) -> int:
        """Values on the disk."""
        return self._past + self._track.written

    @property
    def fault(self) -> str | None:
        """Why the present recording has stopped before its end."""
        return self._track.fault

    def write(self, value: Value, *, late: bool = False) -> None:
        """Record one value where it belongs; end the last recording where that is another one.

        One that is `late`, after those of newer stacks, is left out where its recording has ended.
        """
        try:
            recorder = self._recordings.of(value.index)
        except KeyError:
            words = f"the result of time {value.index.time} came too late to be recorded"
            self._faults.report("unrecorded_stacks", words)
            return
        if late and recorder not in (self._recorder, self._recordings.now):
            return
        if recorder is not self._recorder:
            self.close()
            self._past += self._track.written
            self._track = Track(None if recorder is None else self._opening(recorder), self._faults)
            self._recorder = recorder
        self._track.write(value)

    def rest(self) -> None:
        """Use the time in which nothing is to be written."""
        self._track.rest()

    def close(self) -> None:
        """Finish the file, if one is open."""
        self._track.close()
