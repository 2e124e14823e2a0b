"""One stream: its frames in; its raw recording, its results and their recording out."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from livesim.engine.assemble import Assembler, AssemblyCounts
from livesim.engine.beside.doctor import LiveDoctor
from livesim.engine.beside.steering import Steering
from livesim.engine.beside.tracking_log import TrackingLog
from livesim.engine.in_use import patterns_in_use, stream_status
from livesim.engine.latencies import Latencies
from livesim.engine.meters import Faults, Meter, Stage
from livesim.engine.processing import Processor
from livesim.engine.queue import BoundedQueue
from livesim.engine.record.recorder import Recorder
from livesim.engine.record.recording_log import RecordingLog
from livesim.engine.record.recordings import Recordings, Tracks
from livesim.engine.rolling import running_stacks
from livesim.engine.seams import (
    Examine,
    FactoryFor,
    Pipeline,
    PipelineFactory,
    Reconstructed,
    Resolve,
    Resolved,
)
from livesim.values.clock import steady_ns
from livesim.values.frames import Passage, RawFrame, RawStack, Rolling
from livesim.wire.in_use import InUse
from livesim.wire.messages import StreamEnd, StreamStart
from livesim.wire.pattern_status import ChannelStatus
from livesim.wire.sockets import Keep, Publisher
from livesim.wire.status import EngineState, RollingStatus

FIRST = 0
"""A stream without channels has this one."""
RECORD_DEPTH = 32
PROCESS_DEPTH = 8
RESULT_DEPTH = 4
CONCLUSION_S = 10.0
"""How long a stream without a pattern waits at its end for the doctor to say why."""


@dataclass(frozen=True, slots=True)
class Gauges:
    """What the engine measures over all its streams."""

    receive: Stage = field(default_factory=lambda: Stage("receive"))
    record: Stage = field(default_factory=lambda: Stage("record"))
    process: Stage = field(default_factory=lambda: Stage("process"))
    publish: Stage = field(default_factory=lambda: Stage("publish"))
    latencies: Latencies = field(default_factory=Latencies)
    faults: Faults = field(default_factory=Faults)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """In the order in which the data pass them."""
        return (self.receive, self.record, self.process, self.publish)


class Session:
    """One stream and its three threads: recorder, processor, publisher.

    Between receiver and recorder the policy is block: raw data are never given up, so a disk that
    is too slow holds the source. Between receiver and processor it is block when `lossless`, else
    drop-oldest: whole stacks are skipped and counted. Results are never dropped by the engine.

    Parameters
    ----------
    resolved
        Its settings.
    resolve
        Replaces "auto" in settings to which the stream is steered.
    record
        Makes a recorder, which writes the settings it is given; None = nothing can be recorded.
    publisher
        Used by this session's publisher thread alone until `finish` returns.
    examine
        Says what is wrong with the first raw stacks; None = nobody asks.
    offer
        Is handed every published result; must not wait.
    shows_step_one
        Whether somebody looks at what step one alone gives.
    """

    def __init__(
        self,
        start: StreamStart,
        resolved: Resolved,
        factory_for: FactoryFor,
        resolve: Resolve,
        record: Callable[[Resolved], Recorder] | None,
        publisher: Publisher,
        gauges: Gauges,
        *,
        lossless: bool,
        recording: bool = True,
        examine: Examine | None = None,
        offer: Callable[[Reconstructed], None] = lambda made: None,
        shows_step_one: Callable[[], bool] = lambda: False,
    ) -> None:
        self.start = start
        self.state = EngineState.CALIBRATING
        self._offer, self._shows_step_one = offer, shows_step_one
        self._record_with = record
        self._recordings = Recordings(record(resolved) if record and recording else None)
        self._notes = RecordingLog(self._recordings, gauges.faults)
        self.steering = Steering(resolved, resolve)
        """Its settings, and wishes for others."""
        self._first: RawFrame | None = None
        self._factories = {
            channel: factory_for(resolved.settings.of_channel(channel))
            for channel in (FIRST, *resolved.settings.channels)
        }
        self._factory_for = factory_for
        self._pipelines: dict[int, Pipeline] = {}
        self._gauges = gauges
        self._publisher = publisher
        self._end = StreamEnd(stream=start.stream, aborted=True)
        self.doctor = LiveDoctor(start.stream, examine)
        self._watches: dict[int, TrackingLog] = {}
        self._assembler = Assembler(resolved.settings.pattern.stack_shape)
        self._running = running_stacks(resolved.settings)
        self._updates = Meter()
        self._rolling: Rolling | None = None
        self._raw: BoundedQueue[RawStack] = BoundedQueue(RECORD_DEPTH, Keep.BLOCK)
        self._stacks: BoundedQueue[RawStack] = BoundedQueue(
            PROCESS_DEPTH, Keep.BLOCK if lossless else Keep.DROP_OLDEST
        )
        self._results: BoundedQueue[Reconstructed] = BoundedQueue(RESULT_DEPTH, Keep.BLOCK)
        self._processor = Processor(
            self._stacks,
            self._results,
            self._factory_of,
            self._on_ready,
            self._before,
            lambda channel: self._watches[channel].look(),
            gauges.process.meter,
            gauges.faults,
            lossless=lossless,
            conclusion=lambda: self.doctor.conclusion(CONCLUSION_S),
        )
        faults = gauges.faults
        self._raw_track = Tracks(self._recordings, lambda one: one.open_raw, faults)
        self._result_track = Tracks(self._recordings, lambda one: one.open_results, faults)
        self._attach()
        self._pool = ThreadPoolExecutor(3, thread_name_prefix="livesim")
        self._threads: list[Future[Any]] = [
            self._pool.submit(work) for work in (self._record, self._processor.run, self._publish)
        ]

    @property
    def counts(self) -> AssemblyCounts:
        """What became of the frames."""
        return self._assembler.counts

    @property
    def recorded(self) -> int:
        """Raw stacks on the disk."""
        return self._raw_track.written

    @property
    def folder(self) -> Path | None:
        """Where it is being recorded."""
        recorder = self._recordings.now
        return None if recorder is None else recorder.folder

    @property
    def recording_fault(self) -> str | None:
        """Why raw stacks or results are not recorded any more."""
        return self._raw_track.fault or self._result_track.fault

    def add(self, frame: RawFrame) -> None:
        """Take one frame of this stream; waits as the policies say."""
        self._gauges.receive.meter.tick()
        self._first = self._first or frame
        assembled = self._assembler.add(frame)
        running = self._running.add(frame) if self._running else None
        if assembled is not None:
            stack = replace(
                assembled,
                passage=Passage(frame.received_ns, steady_ns()),
                rolling=running.state(whole=True) if running else None,
            )
            self._recordings.see(stack)
            self.doctor.offer(stack)
            self._raw.put(stack)
            self._stacks.put(stack)
        elif running is not None and not self._stacks.queued:  # never in the way of a whole stack
            self._stacks.put(running.stack(frame))

    @property
    def channels(self) -> tuple[ChannelStatus, ...]:
        """Whose patterns are known, and what tracking says of them; safe in any thread."""
        watches = sorted(self._watches.items())
        return tuple(
            ChannelStatus(channel=channel, tracking=watch.status()) for channel, watch in watches
        )

    @property
    def rolling(self) -> RollingStatus | None:
        """What the last result was made of, where there is one with every angle or frame."""
        last = self._rolling
        if last is None or self._running is None:
            return None
        return RollingStatus(
            mode=self._running.mode,
            updates_per_s=self._updates.per_second,
            resolution_ms=last.resolution_ms,
            changed=last.changed,
            motion=last.motion,
        )

    @property
    def in_use(self) -> InUse:
        """What the stream is worked on with; safe in any thread."""
        resolved = self.steering.in_use
        return InUse(
            stream=stream_status(self.start, resolved.settings, self._first),
            settings=resolved.settings,
            models=dict(resolved.models),
            choices=dict(resolved.choices),
            patterns=patterns_in_use(self._pipelines),
        )

    def record(self, *, on: bool) -> None:
        """Begin a recording with the next raw stack, or end one; safe in any thread.

        Raises
        ------
        OSError
            If there can be no folder for it.
        """
        if on and self._record_with and (self.folder is None or self.recording_fault):
            self._recordings.switch(self._record_with(self.steering.in_use))
        elif not on:
            self._recordings.switch(None)

    @property
    def broken(self) -> bool:
        """Whether a thread has ended that should not have; `finish` raises why."""
        return any(thread.done() for thread in self._threads)

    def hurry(self) -> None:
        """Skip the stacks that are not reconstructed yet; safe in any thread."""
        self._processor.hurry()

    def finish(self, end: StreamEnd | None) -> None:
        """Work off what is queued, close the recordings, tell the viewers.

        Parameters
        ----------
        end
            What the source said; None if it just stopped.
        """
        self.state = EngineState.DRAINING
        self._end = end or self._end
        self._assembler.finish()
        self.doctor.close()
        self.steering.close()
        self._raw.close()
        self._stacks.close()
        self._pool.shutdown()
        self._gauges.faults.add(self._assembler.counts)
        for thread in self._threads:
            thread.result()

    def _attach(self) -> None:
        self._gauges.record.attach(self._raw)
        self._gauges.process.attach(self._stacks)
        self._gauges.publish.attach(self._results)

    def _factory_of(self, channel: int) -> PipelineFactory:
        """Return a channel's own factory.

        Those of the settings' channels are there from the beginning, so that a stream whose
        networks cannot be used is refused.
        """
        if channel not in self._factories:
            settings = self.steering.first.settings.of_channel(channel)
            self._factories[channel] = self._factory_for(settings)
        return self._factories[channel]

    def _on_ready(self, channel: int, pipeline: Pipeline) -> None:
        if self.state is EngineState.CALIBRATING:
            self.state = EngineState.RUNNING
        self._pipelines = {**self._pipelines, channel: pipeline}
        watch = TrackingLog(self._notes.pattern_changed, self._gauges.faults, self.doctor.ask)
        watch.begin(pipeline)
        self._watches = {**self._watches, channel: watch}
        self.steering.begin(channel, pipeline)

    def _before(self, stack: RawStack) -> None:
        if not stack.whole:  # what is in use changes with whole stacks, which are recorded
            return
        channel = stack.index.channel
        self.steering.adopt(stack)
        self._notes.see(stack, self._pipelines[channel], self.steering.of(channel))

    def _record(self) -> None:
        try:
            for stack in self._raw:
                self._raw_track.write(stack)
                self._gauges.record.meter.tick()
        finally:
            self._raw.abandon()
            self._raw_track.close()

    def _publish(self) -> None:
        try:
            self._publisher.publish(self.start)
            for made in self._results:
                self._publish_one(made)
            self._publisher.publish(self._end)
        finally:
            self._results.abandon()
            self._result_track.close()

    def _publish_one(self, made: Reconstructed) -> None:
        rolling = self._rated(made.result.rolling)
        stamped = replace(made.result, published_ns=steady_ns(), rolling=rolling)
        step_one = made.step_one if self._shows_step_one() else None
        self._publisher.publish(replace(stamped, step_one=step_one()) if step_one else stamped)
        self._offer(made)
        self._gauges.publish.meter.tick()
        passage = replace(made.passage, published=steady_ns())
        self._gauges.latencies.add(passage, made.steps_ms)
        if stamped.whole:
            self._result_track.write(stamped)

    def _rated(self, rolling: Rolling | None) -> Rolling | None:
        """Return how often there is an update besides."""
        if rolling is not None:
            self._updates.tick()
            rolling = self._rolling = replace(rolling, updates_per_s=self._updates.per_second)
        return rolling
