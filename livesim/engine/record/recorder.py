"""The seam between the engine and the files it writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, Protocol, TypeVar, runtime_checkable

from livesim.config.changes import SettingsChange
from livesim.engine.descriptors import patiently, spare
from livesim.engine.meters import Faults
from livesim.engine.seams import Resolved
from livesim.values.errors import DataError, FolderGoneError
from livesim.values.frames import RawStack
from livesim.values.illumination import Illumination, PatternChange
from livesim.values.pattern import Pattern
from livesim.values.results import Result
from livesim.values.weights import WeightsChange
from livesim.wire.control import Beside
from livesim.wire.messages import StreamStart

Value = TypeVar("Value", RawStack, Result)
Taken = TypeVar("Taken", contravariant=True)


class Sink(Protocol[Taken]):
    """A file that is being written under a temporary name."""

    def write(self, value: Taken, /) -> None:
        """Append one value; raises ValueError if it does not fit the file."""
        ...

    def close(self) -> None:
        """Finish the file and move it into place."""
        ...


@runtime_checkable
class Resting(Protocol):
    """A sink that has something to do while nothing is written."""

    def rest(self) -> None:
        """Bring what was written to the disk, where that is due."""
        ...


RawSink = Sink[RawStack]
ResultSink = Sink[Result]


class Recorder(Protocol):
    """The recording of one stream; each file is opened by the first value written to it."""

    @property
    def folder(self) -> Path:
        """Where the files are."""
        ...

    @property
    def resolved(self) -> Resolved:
        """The settings that are written into its files."""
        ...

    def open_raw(self, first: RawStack) -> RawSink:
        """Open the raw recording."""
        ...

    def open_results(self, first: Result) -> ResultSink:
        """Open the recording of the results."""
        ...

    def save_pattern(self, pattern: Pattern, channel: int) -> None:
        """Write a channel's pattern beside the recording."""
        ...

    def log_changes(self, changes: Sequence[PatternChange]) -> None:
        """Write beside it what has changed of one channel's pattern."""
        ...

    def log_settings(self, change: SettingsChange) -> None:
        """Write beside it what has changed of the settings."""
        ...

    def log_weights(self, change: WeightsChange) -> None:
        """Write beside it the weights that one channel is reconstructed with."""
        ...

    def log_label(self, stack: RawStack) -> None:
        """Write beside it what the source calls the time of a stack, where it does not count."""
        ...


@runtime_checkable
class Resuming(Protocol):
    """A recorder of logs that another engine may have begun, which has ended since."""

    def resume(self, stack: RawStack, light: Illumination, now: Resolved) -> None:
        """Write what holds from a channel's first stack on, where the logs say something else."""
        ...


@runtime_checkable
class Aimed(Protocol):
    """What makes recorders that write beside the recordings of another process."""

    def aim(self, beside: Beside | None) -> None:
        """Say which recording comes next; None = none does.

        Raises
        ------
        SettingsError
            If nothing may be written there.
        """
        ...


Record = Callable[[Resolved], Recorder]
"""The settings of a stream -> where to record it from now on."""

RecorderFor = Callable[[StreamStart, Resolved], Recorder]
"""What a source says of its stream, and the stream's settings -> where to record it."""


class Track(Generic[Value]):
    """One sink, opened when first needed.

    A full disk must neither stop the view of the sample nor go unnoticed: then the file is
    finished with what it holds, and every value that is not written is counted as a fault. Where
    the file itself has gone, so are those that count as written until then.
    """

    def __init__(self, open_sink: Callable[[Value], Sink[Value]] | None, faults: Faults) -> None:
        self._open: Callable[[Value], Sink[Value]] | None = open_sink
        self._faults = faults
        self._sink: Sink[Value] | None = None
        self._stopped = open_sink is None
        self.written = 0
        """Values on the disk."""
        self.fault: str | None = None
        """Why the recording has stopped before its end."""

    def write(self, value: Value) -> None:
        """Record one value, if that is asked for and possible."""
        if self._open is None:
            return
        if self._stopped:
            self._faults.report("unrecorded_stacks")
            return
        try:
            self._sink = self._sink or self._opened(value, self._open)
        except (OSError, DataError) as error:
            self._stop(error)
            return
        self._append(self._sink, value)

    def rest(self) -> None:
        """Use the time in which nothing is to be written."""
        if not isinstance(self._sink, Resting):
            return
        try:
            self._sink.rest()
        except OSError as error:
            self._stop(error)

    def close(self) -> None:
        """Finish the file, if one was opened."""
        self._stopped = True
        sink, self._sink = self._sink, None
        if sink is None:
            return
        try:
            patiently(sink.close)
        except FolderGoneError as error:
            self._lose(error)
        except OSError as error:
            self._faults.report("unrecorded_stacks", f"a recording could not be finished: {error}")

    def _opened(self, value: Value, open_sink: Callable[[Value], Sink[Value]]) -> Sink[Value]:
        """Open the sink, once there are descriptors: what is half opened cannot be opened again."""
        patiently(spare)
        return open_sink(value)

    def _append(self, sink: Sink[Value], value: Value) -> None:
        try:
            patiently(lambda: sink.write(value))
            self.written += 1
        except FolderGoneError as error:
            self._faults.report("unrecorded_stacks")
            self._lose(error)
        except OSError as error:
            self._stop(error)
        except ValueError as error:
            self._faults.report("unrecorded_stacks", f"one stack was not recorded: {error}")

    def _lose(self, error: FolderGoneError) -> None:
        """Take back what was counted: it is not where it was recorded."""
        lost, self.written = self.written, 0
        self._stopped, self._sink = True, None
        self.fault = f"{error}; {lost} written before are not there"
        self._faults.report("unrecorded_stacks", f"recording stopped: {self.fault}", lost)

    def _stop(self, error: Exception) -> None:
        self.fault = str(error)
        self._faults.report("unrecorded_stacks", f"recording stopped: {error}")
        self.close()
