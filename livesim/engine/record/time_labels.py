"""Write beside each recording what the source calls its times, where they do not count."""

from __future__ import annotations

from pathlib import Path

from livesim.engine.descriptors import patiently
from livesim.engine.meters import Faults
from livesim.engine.record.recordings import Recordings
from livesim.values.frames import RawStack


class TimeLabels:
    """Logs the label of every new time before its first stack; all in the recording thread."""

    def __init__(self, recordings: Recordings, faults: Faults) -> None:
        self._recordings, self._faults = recordings, faults
        self._last: tuple[Path, int] | None = None

    def see(self, stack: RawStack) -> None:
        """Log the label of a stack that is going to be recorded, unless it is the last one's."""
        if stack.label is None:
            return
        try:
            recorder = self._recordings.of(stack.index)
        except KeyError:  # it will not be recorded, as its track says
            return
        if recorder is None:
            return
        if (last := (recorder.folder, stack.index.time)) == self._last:
            return
        try:
            patiently(lambda: recorder.log_label(stack))
        except OSError as error:
            self._faults.say(f"the label of a time could not be written: {error}")
        self._last = last
