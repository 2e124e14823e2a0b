"""Work on one stream from its first frame to its end."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from livesim.engine.assemble import AssemblyCounts
from livesim.engine.beside.doctor import LiveDoctor
from livesim.engine.beside.steering import Steering
from livesim.engine.beside.turns import Turns
from livesim.engine.beside.worker import BEHIND_RAW, step_back
from livesim.engine.channels import StreamChannels
from livesim.engine.elsewhere import Elsewhere, StackWork
from livesim.engine.meters import Gauges
from livesim.engine.processing import Processor
from livesim.engine.publishing import Outlet, Publishing
from livesim.engine.queue import BoundedQueue
from livesim.engine.receiving import Receiver
from livesim.engine.record.recorder import Record, Recorder
from livesim.engine.record.stream_recording import StreamRecording
from livesim.engine.seams import Computing, Resolved
from livesim.engine.searching import Searching
from livesim.engine.volume_gate import QUEUED_VOLUMES, VolumeGate
from livesim.values.frames import RawFrame, RawStack
from livesim.wire.messages import StreamEnd, StreamStart
from livesim.wire.sockets import Keep
from livesim.wire.status import EngineState, RollingStatus
from livesim.wire.stream_status import ChannelStatus, InUse, StreamStatus

PROCESS_DEPTH, PROCESS_BYTES = 8, 256 << 20
"""Raw stacks that wait to be reconstructed, and how much memory they may hold."""


@dataclass(frozen=True, slots=True, eq=False)
class Shared:
    """What all streams of one engine share."""

    computing: Computing
    outlet: Outlet
    gauges: Gauges
    lossless: bool
    """Whether a source waits rather than that a raw stack is skipped."""
    looks: Turns = field(default_factory=Turns)
    """Those of the doctor."""
    elsewhere: Elsewhere | None = None
    """Other engines that work on the raw stacks; None = this one does."""


class Session:
    """One stream and its four threads: two for the recordings, processing and publishing.

    Between receiver and processor the policy is block when `lossless`, else drop-oldest: whole
    stacks are skipped and counted. Raw stacks are never skipped on their way to the disk, nor
    results on their way to the viewers. Unless it is `lossless`, the networks work beside these
    threads, see `LiveNetworks`.

    Parameters
    ----------
    start
        What the source said.
    resolved
        The settings of the stream.
    record
        Makes a recorder, see `StreamRecording`.
    first
        Records it from its first stack on; None = nothing does.
    """

    def __init__(
        self,
        start: StreamStart,
        resolved: Resolved,
        record: Record | None,
        shared: Shared,
        first: Recorder | None,
    ) -> None:
        computing, gauges = shared.computing, shared.gauges
        self.start, self._shared = start, shared
        self.recording = StreamRecording(record, first, gauges)
        examine = computing.examine_for(resolved.settings)
        self.doctor = LiveDoctor(start.stream, examine, computing.use_one_core, shared.looks)
        self._channels = StreamChannels(
            resolved, computing, self.recording.log, self.doctor, gauges.faults, start.patterns
        )
        volumes = resolved.settings.volumes
        planes = 1 if volumes is None else volumes.planes or 1
        channels = max((start.sizes or {}).get("channel", 1), 1)
        stacks = _stacks(planes, channels, lossless=shared.lossless)
        room = None if shared.lossless else lambda: stacks.limit - stacks.queued
        gate = None if volumes is None else VolumeGate(planes, room)
        gauges.process.attach(stacks)
        self._publishing = Publishing(start, shared.outlet, self.recording, gauges)
        results = self._publishing.results
        searching = networks = None
        if not shared.lossless and shared.elsewhere is None:
            searching = Searching(resolved.settings, self._channels.knows, results)
            networks = shared.outlet.networks
            networks.open(results.put)
        self._receiver = Receiver(
            resolved.settings,
            self.recording,
            self.doctor,
            stacks,
            gauges,
            searching,
            computing.memory,
            gate,
            partial(computing.refusal, resolved.settings, channels=channels),
        )
        self._processor: StackWork
        if shared.elsewhere is None:
            self._processor = Processor(
                stacks, results, self._channels, gauges, networks, self.recording.ease, planes
            )
        else:
            self._processor = shared.elsewhere.open(
                start, stacks, results, self.recording, self.steering
            )
        self._draining = False
        works = (self.recording.run, self._record_results, self._process, self._publish)
        self._pool = ThreadPoolExecutor(len(works), thread_name_prefix="livesim")
        self._threads: list[Future[Any]] = [self._pool.submit(work) for work in works]

    def add(self, frame: RawFrame) -> None:
        """Take one frame of this stream; waits as the policies say."""
        self._receiver.add(frame)

    def _record_results(self) -> None:
        step_back(BEHIND_RAW)
        self.recording.run_results()

    def _publish(self) -> None:
        step_back(BEHIND_RAW)
        self._publishing.run()

    def _process(self) -> None:
        step_back(BEHIND_RAW)
        self._shared.computing.use_all_cores()
        self._processor.run()

    # Any thread.

    @property
    def state(self) -> EngineState:
        """How far it is."""
        if self._draining:
            return EngineState.FINISHING
        return EngineState.RUNNING if self._channels.known else EngineState.CALIBRATING

    @property
    def counts(self) -> AssemblyCounts:
        """What became of the frames."""
        return self._receiver.counts

    @property
    def steering(self) -> Steering:
        """Its settings, and wishes for others."""
        return self._channels.steering

    @property
    def channels(self) -> tuple[ChannelStatus, ...]:
        """The channels whose patterns are known, and what tracking says of them."""
        return self._channels.status

    @property
    def rolling(self) -> RollingStatus | None:
        """What the last result was made of, where there is one with every angle or frame."""
        last, running = self._publishing.rolling, self._receiver.running
        if last is None or running is None:
            return None
        return RollingStatus(mode=running.mode, newest=last)

    @property
    def in_use(self) -> InUse:
        """What the stream is worked on with."""
        resolved = self.steering.in_use
        return InUse(
            stream=self._stream_status(resolved),
            settings=resolved.settings,
            models=dict(resolved.models),
            choices=dict(resolved.choices),
            notes=resolved.notes,
            patterns=self._channels.patterns,
        )

    def _stream_status(self, resolved: Resolved) -> StreamStatus:
        start, first = self.start, self._receiver.first
        return StreamStatus(
            source=start.source,
            pixel_nm=resolved.settings.optics.known_pixel_nm,
            frame_shape=None if first is None else (first.pixels.shape[0], first.pixels.shape[1]),
            dtype=None if first is None else first.pixels.dtype.name,
            sizes=start.sizes,
            exposure_ms=start.exposure_ms or (first.exposure_ms or None if first else None),
            interval_s=start.interval_s,
        )

    def record(self, *, on: bool) -> None:
        """Begin a recording with the next raw stack, or end one.

        Raises
        ------
        OSError
            If there can be no folder for it.
        """
        self.recording.switch(self.steering.in_use, on=on)

    @property
    def ended_threads(self) -> list[Future[Any]]:
        """Its threads that have ended: none should before `finish`, which raises why."""
        return [thread for thread in self._threads if thread.done()]

    def hurry(self) -> None:
        """Skip the stacks that are not reconstructed yet."""
        self._processor.hurry()

    # The receiver's thread.

    def finish(self, end: StreamEnd | None) -> None:
        """Work off what is queued, close the recordings, tell the viewers.

        Parameters
        ----------
        end
            What the source said; None if it just stopped.
        """
        self._draining = True
        self._publishing.end = end or self._publishing.end
        try:
            self._receiver.finish()
        finally:
            self.steering.close()
            self._pool.shutdown()
        self._shared.gauges.faults.add(self.counts)
        for thread in self._threads:
            thread.result()


def _stacks(planes: int, channels: int, *, lossless: bool) -> BoundedQueue[RawStack]:
    """Return the queue in front of the processor; volumes are let into it as a whole."""
    keep = Keep.BLOCK if lossless else Keep.DROP_OLDEST
    if planes > 1:
        return BoundedQueue(QUEUED_VOLUMES * channels * planes, keep)
    return BoundedQueue(PROCESS_DEPTH, keep, PROCESS_BYTES, lambda stack: stack.pixels.nbytes)
