"""Sort the frames of one stream into raw stacks, and hand those to all who work on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livesim.config.settings import Settings
from livesim.engine.assemble import Assembler, AssemblyCounts
from livesim.engine.beside.doctor import LiveDoctor
from livesim.engine.entrance import Entrance
from livesim.engine.meters import Gauges
from livesim.engine.missing import MissingFrames
from livesim.engine.queue import BoundedQueue
from livesim.engine.record.stream_recording import StreamRecording
from livesim.engine.rolling import RunningStack, RunningStacks, running_stacks
from livesim.engine.searching import Searching
from livesim.engine.volume_gate import VolumeGate
from livesim.values.clock import steady_ns
from livesim.values.frames import Passage, RawFrame, RawStack

OPEN_VOLUMES = 4
"""Volumes whose planes may wait for frames: an old one, a new one, and another channel's."""


class Receiver:
    """The receiver's side of one stream; all in the thread that takes messages from the wire.

    Parameters
    ----------
    settings
        Of the stream.
    recording
        Gets every whole stack; waits while the disk is too slow.
    doctor
        Is offered every whole stack.
    stacks
        The processor's queue; gets running stacks as well, while it is empty.
    gauges
        Count frames, and hear why some are missing.
    searching
        Shows whole stacks until their pattern is known; None = nothing does.
    memory
        See `Assembler`.
    gate
        Decides which volumes the processor gets; None = there are no volumes.
    misfit
        Returns why frames of this size are too large to be worked on, if they are.
    """

    def __init__(
        self,
        settings: Settings,
        recording: StreamRecording,
        doctor: LiveDoctor,
        stacks: BoundedQueue[RawStack],
        gauges: Gauges,
        searching: Searching | None = None,
        memory: Callable[[tuple[int, ...], np.dtype[Any]], NDArray[Any]] = np.empty,
        gate: VolumeGate | None = None,
        misfit: Callable[[RawFrame], str | None] = lambda frame: None,
    ) -> None:
        self._recording, self._doctor, self._stacks = recording, doctor, stacks
        self._meter, self._searching = gauges.receive.meter, searching
        self._faults, self._gate, self._misfit = gauges.faults, gate, misfit
        self._planes = settings.volumes.planes if settings.volumes is not None else None
        self._misfits: dict[tuple[tuple[int, ...], str], str | None] = {}
        self._missing = MissingFrames(gauges)
        self.first: RawFrame | None = None
        """The first frame; None before it has come."""
        self.running: RunningStacks | None = running_stacks(settings)
        """None where there is no new result with every angle or frame."""
        self._entrance = Entrance(settings.pattern.stack_shape)
        shape = settings.pattern.stack_shape
        self._assembler = Assembler(shape, memory, **_volume_bounds(self._planes))
        self._labelled = False

    @property
    def counts(self) -> AssemblyCounts:
        """What became of the frames; safe in any thread."""
        return self._assembler.counts

    def add(self, frame: RawFrame) -> None:
        """Take one frame; waits as the policies of the queues say."""
        self._meter.tick()
        refusal = self._refusal(frame)
        if refusal is not None:
            self._leave_out(frame, refusal)
            return
        try:
            assembled = self._assembler.add(frame)
        except MemoryError:
            y, x = frame.pixels.shape
            self._leave_out(frame, f"expected memory for raw stacks of {y} x {x}, found none left")
            return
        self.first = self.first or frame
        self._missing.see(frame, self.counts.incomplete_stacks)
        running = self.running.add(frame) if self.running else None
        if assembled is not None:
            self._admit(assembled, frame, running)
        elif running is not None and not self._stacks.queued:  # never in the way of a whole stack
            self._stacks.put(self._in_row(running.stack(frame)))

    def _admit(self, assembled: RawStack, last: RawFrame, running: RunningStack | None) -> None:
        """Hand a whole stack to all who work on it, unless it has no place."""
        stack = self._entrance.admit(assembled)
        if isinstance(stack, str):
            self._leave_out(assembled, stack)
            return
        self._tell_of_labels(stack)
        stack = replace(
            stack,
            passage=Passage(last.received_ns, steady_ns()),
            rolling=running.state(whole=True) if running else None,
        )
        self._doctor.offer(stack)
        self._recording.add(stack)
        if self._passes(stack):
            self._stacks.put(stack)
        if self._searching is not None:
            self._searching.see(stack)

    def _refusal(self, frame: RawFrame) -> str | None:
        kind = (frame.pixels.shape, frame.pixels.dtype.name)
        if kind not in self._misfits:
            self._misfits = {kind: self._misfit(frame)}
        if self._planes is not None and frame.axes.z >= self._planes:
            return f"expected planes z from 0 to {self._planes - 1}, found {frame.axes.z}"
        return self._entrance.refusal(frame) or self._misfits[kind]

    def _passes(self, stack: RawStack) -> bool:
        """Return whether the processor gets a stack; say where a volume comes too fast for it."""
        if self._gate is None:
            return True
        before = self._gate.skipped
        if self._gate.takes(stack.index):
            return True
        if self._gate.skipped > before:
            words = f"the volume of time {stack.index.time} was skipped: volumes come too fast"
            self._faults.report("skipped_volumes", words)
        return False

    def _leave_out(self, what: RawFrame | RawStack, why: str) -> None:
        self._assembler.leave_out(what)
        self._faults.say(why, "unfit_stacks" if isinstance(what, RawStack) else "unfit_frames")

    def _in_row(self, running: RawStack) -> RawStack:
        row = self._entrance.row(running.index.time)
        return replace(running, index=replace(running.index, time=row))

    def _tell_of_labels(self, stack: RawStack) -> None:
        """Say once that times do not count."""
        if stack.label is not None and not self._labelled:
            self._labelled = True
            self._faults.say(
                f"expected the axis time to count time points from 0, found {stack.label}: taken "
                f"for a label, so that this one is time {stack.index.time} and the next ones follow"
            )

    def finish(self) -> None:
        """Give up the stacks that are not complete: no more frames will come."""
        try:
            self._assembler.finish()
            self._doctor.close()
        finally:  # or those threads would wait for ever
            self._recording.end()
            self._stacks.close()


def _volume_bounds(planes: int | None) -> dict[str, int]:
    """Return what may be open: where angles are slowest, all planes of a volume are at once.

    How much memory that is was looked at before, see `Computing.refusal`.
    """
    return {} if planes is None else {"open_stacks": OPEN_VOLUMES * planes, "open_bytes": 1 << 62}
