"""Record the raw stacks and the results of one stream, in two threads of the stream."""

from __future__ import annotations

from pathlib import Path

from livesim.engine.meters import Gauges
from livesim.engine.queue import BoundedQueue
from livesim.engine.record.recorder import Record, Recorder
from livesim.engine.record.recording_log import RecordingLog
from livesim.engine.record.recordings import Recordings, Tracks
from livesim.engine.record.time_labels import TimeLabels
from livesim.engine.seams import Resolved
from livesim.values.frames import RawStack, StackIndex
from livesim.values.results import Result
from livesim.wire.sockets import Keep

RECORD_DEPTH, RECORD_BYTES = 512, 512 << 20
"""Raw stacks that wait for the disk at most, and their memory; fewer than `UNDER_WAY`."""
RESULT_DEPTH = 4
"""Results that wait for the disk at most."""
REST_S = 1.0
"""Without a stack for so long, what was written is brought to the disk, where settings say so."""


class StreamRecording:
    """All recordings of one stream, while recording is switched on and off.

    Between the receiver and the thread of the raw stacks the policy is block: raw data are never
    given up, so a disk that is too slow holds the source. Results have a thread of their own: no
    picture waits for the disk. A plain one, before its networks, is left out where many wait.

    Parameters
    ----------
    record
        Makes a recorder, which writes the settings it is given; None = nothing can be recorded.
    first
        Records from the first stack on; None = nothing does until somebody asks.
    gauges
        Count stacks, and what could not be recorded.
    """

    def __init__(
        self,
        record: Record | None,
        first: Recorder | None,
        gauges: Gauges,
    ) -> None:
        self._record, self._meter = record, gauges.record.meter
        self._recordings = Recordings(first)
        self.log = RecordingLog(self._recordings, gauges.faults)
        """What lies beside the recordings; for the processor's thread."""
        self._stacks: BoundedQueue[RawStack] = BoundedQueue(
            RECORD_DEPTH, Keep.BLOCK, RECORD_BYTES, lambda stack: stack.pixels.nbytes
        )
        gauges.record.attach(self._stacks)
        self._labels = TimeLabels(self._recordings, gauges.faults)
        self._raw = Tracks(self._recordings, lambda one: one.open_raw, gauges.faults)
        self._results = Tracks(self._recordings, lambda one: one.open_results, gauges.faults)
        self._made: BoundedQueue[tuple[Result, bool]] = BoundedQueue(RESULT_DEPTH, Keep.BLOCK)

    # Any thread.

    @property
    def written(self) -> int:
        """Raw stacks on the disk."""
        return self._raw.written

    def recorder_of(self, index: StackIndex) -> Recorder | None:
        """Return what records a raw stack that has been added; None = nothing does."""
        return self._recordings.of(index)

    @property
    def folder(self) -> Path | None:
        """Where the next stack is recorded; None = nowhere."""
        recorder = self._recordings.now
        return None if recorder is None else recorder.folder

    @property
    def fault(self) -> str | None:
        """Why raw stacks or results are not recorded any more."""
        return self._raw.fault or self._results.fault

    def switch(self, resolved: Resolved, *, on: bool) -> None:
        """Begin a recording with the next raw stack, or end one.

        Raises
        ------
        OSError
            If there can be no folder for it.
        """
        if on and self._record and (self.folder is None or self.fault):
            self._recordings.switch(self._record(resolved))
        elif not on:
            self._recordings.switch(None)

    # The receiver's thread.

    def add(self, stack: RawStack) -> None:
        """Take a whole stack, before it is processed; waits while the disk is slow."""
        self._recordings.see(stack)
        self._stacks.put(stack)

    def end(self) -> None:
        """Say that no more stacks will come."""
        self._stacks.close()

    # The recording thread.

    def run(self) -> None:
        """Write raw stacks until no more come."""
        try:
            while (stack := self._next()) is not None:
                self._labels.see(stack)
                self._raw.write(stack)
                self._meter.tick()
        finally:
            self._stacks.abandon()
            self._raw.close()

    def _next(self) -> RawStack | None:
        while not self._stacks.wait(REST_S):
            self._raw.rest()
        return self._stacks.get()

    # The processor's thread.

    def ease(self, timeout_s: float) -> None:
        """Wait while many raw stacks wait for the disk, for so long at most."""
        self._stacks.ease(timeout_s)

    # The publishing thread.

    def write(self, result: Result, *, second: bool = False) -> None:
        """Take the result of a whole stack; a `second` one comes late, see `Tracks`.

        Planes of volumes are never left out: a volume is recorded as a whole.
        """
        spared = result.provisional and result.volume is None
        keep = self._made.offer if spared else self._made.put
        keep((result, second))

    def end_results(self) -> None:
        """Say that no more results will come."""
        self._made.close()

    # The thread that records results.

    def run_results(self) -> None:
        """Write results until no more come."""
        try:
            for result, second in self._made:
                self._results.write(result, late=second)
        finally:
            self._made.abandon()
            self._results.close()
