"""Streams of raw frames from the wire -> results on the wire and recordings on the disk."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from threading import Event
from types import TracebackType
from typing import Any, Self

from livesim.clock import steady_ns
from livesim.config import Settings, SettingsError
from livesim.engine.assemble import AssemblyCounts
from livesim.engine.heaps import give_back
from livesim.engine.live_doctor import LiveDoctor
from livesim.engine.live_trust import LiveTrust
from livesim.engine.pipeline import DoctorFor, FactoryFor, Resolve, Resolved
from livesim.engine.recording import RecorderFor
from livesim.engine.session import Gauges, Session
from livesim.engine.stream_settings import stream_settings
from livesim.frames import DataError, RawFrame
from livesim.wire.codec import StreamEnd, StreamStart
from livesim.wire.control_server import ControlServer
from livesim.wire.endpoints import CONTROL_ADDRESS, FRAMES_ADDRESS, RESULTS_ADDRESS, check_bindable
from livesim.wire.header import WireError
from livesim.wire.in_use import DeviceStatus
from livesim.wire.replies import ReadyReply, RefusedReply, Reply, ReviewReply, StopReply
from livesim.wire.requests import (
    EndRequest,
    ReadyRequest,
    Request,
    ReviewRequest,
    StatusRequest,
    StopRequest,
)
from livesim.wire.sockets import RESULT_DEPTH, FramePuller, Publisher
from livesim.wire.status import Endpoints, EngineState, EngineStatus
from livesim.wire.steer import (
    BegunReply,
    RecalibrateRequest,
    RecordRequest,
    RecordStatus,
    SteerRequest,
)

POLL_S = 0.1
SHOWN_NS = 10_000_000_000
"""How long step one is published after a viewer has asked: it asks twice a second."""


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How one engine process behaves.

    Raises
    ------
    SettingsError
        If an endpoint is open to other machines.
    """

    frames: str = FRAMES_ADDRESS
    results: str = RESULTS_ADDRESS
    control: str = CONTROL_ADDRESS
    once: bool = False
    """End after the first stream."""
    lossless: bool = False
    """Let the source wait rather than skip a raw stack."""
    record_into: str | None = None
    """What the status tells of where streams can be recorded."""
    record_later: bool = False
    """Record nothing until asked."""
    results_depth: int = RESULT_DEPTH
    """Results under way to each viewer; a viewer that is slower misses some."""
    stop_grace_s: float = 5.0
    """When told to stop: how long to go on reconstructing what is queued."""
    vanished_s: float = 10.0
    """With no source connected: how long the stream stays open for its source to come back."""
    farewell_s: float = 2.0
    """After the only stream: how long to wait for the source to ask whether it has arrived."""

    def __post_init__(self) -> None:
        for address in (self.frames, self.results, self.control):
            check_bindable(address)


@dataclass(frozen=True, slots=True)
class _Known:
    """What the engine can say of the last stream; replaced as a whole, never changed."""

    stream: str | None = None
    ended: bool = False
    received: int = 0
    """Frames, once it has ended."""
    recorded: int = 0
    """Raw stacks, once all is worked off."""
    refused: str | None = None
    told: Event = field(default_factory=Event)
    """The source has heard that its stream has ended or is refused."""


class Engine:
    """The engine: binds its sockets when made, works in `run` until stopped.

    One stream is worked on at a time. A stream that starts while another one is running ends
    that one, since a source that was killed cannot say so; frames of any other stream are counted
    as stray. The next stream is taken once the last one is worked off. Where no source is
    connected any more, the stream is ended after `vanished_s`. One that is connected may be
    silent for as long as it likes: a time-lapse may rest for hours.

    Parameters
    ----------
    factory_for
        The settings of a stream -> what makes its pipeline.
    settings
        Those of this microscope; None takes what each source sends.
    recorder_for
        Where to record each stream; None records nothing.
    doctor_for
        The settings of a stream -> what examines its first raw stacks; None examines nothing.
    resolve
        Replaces "auto" in the settings of a stream by what it stands for.
    device
        Says what is computed on, and how full it is.
    quieten
        Called in the thread that reviews results, before it computes anything.

    Raises
    ------
    WireError
        If an endpoint is not free.
    """

    def __init__(
        self,
        options: EngineOptions,
        factory_for: FactoryFor,
        settings: Settings | None = None,
        recorder_for: RecorderFor | None = None,
        doctor_for: DoctorFor | None = None,
        resolve: Resolve = Resolved,
        device: Callable[[], DeviceStatus] | None = None,
        quieten: Callable[[], None] = lambda: None,
    ) -> None:
        self._options = options
        self._device = device
        self._resolve = resolve
        self._factory_for = factory_for
        self._settings = settings
        self._recorder_for = recorder_for
        self._doctor_for = doctor_for
        self._doctor: LiveDoctor | None = None
        self._recording = recorder_for is not None and not options.record_later
        self._gauges = Gauges()
        self._session: Session | None = None
        self._known = _Known()
        self._cut: str | None = None
        self._alone_since: float | None = None
        self._shown_until_ns = 0
        self._stop_at: float | None = None
        self._done = False
        self._finished = False
        self._open_sockets()
        self._trust = LiveTrust(self._publisher.publish, quieten)
        self._sockets.callback(self._trust.close)

    def _open_sockets(self) -> None:
        with ExitStack() as opened:
            self._puller = FramePuller(self._options.frames)
            opened.callback(self._puller.close)
            self._publisher = Publisher(self._options.results, self._options.results_depth)
            opened.callback(self._publisher.close, 1.0)
            self._control = ControlServer(self._options.control)
            opened.callback(self._control.close)
            self._sockets = opened.pop_all()

    @property
    def endpoints(self) -> Endpoints:
        """Where the engine really listens."""
        return Endpoints(
            frames=self._puller.endpoint,
            results=self._publisher.endpoint,
            control=self._control.endpoint,
        )

    def run(self) -> None:
        """Receive and answer until stopped; what a thread of the engine raises is raised here."""
        with ThreadPoolExecutor(2, thread_name_prefix="livesim") as pool:
            threads: list[Future[Any]] = [pool.submit(self._receive), pool.submit(self._answer)]
            while wait(threads, timeout=POLL_S).not_done:
                self._hurry_if_due()
        for thread in threads:
            thread.result()

    def request_stop(self) -> None:
        """Begin to end; safe in a signal handler and in any thread."""
        self._stop_at = self._stop_at or time.monotonic()

    def _hurry_if_due(self) -> None:
        session, stop_at = self._session, self._stop_at
        if stop_at is None or session is None:
            return
        if time.monotonic() - stop_at > self._options.stop_grace_s:
            session.hurry()

    def close(self) -> None:
        """Close the sockets, after `run` has returned."""
        self._sockets.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def status(self) -> EngineStatus:
        """Return a snapshot; safe in any thread."""
        session = self._session
        folder = session.folder if session else None
        running = session.counts if session else AssemblyCounts()
        return EngineStatus(
            state=self._state(session),
            endpoints=self.endpoints,
            stream=session.start.stream if session else None,
            source=session.start.source if session else None,
            stages=tuple(stage.status() for stage in self._gauges.stages),
            latency=self._gauges.latencies.status(),
            faults=self._gauges.faults.status(running),
            last_fault=self._gauges.faults.last,
            recording=str(folder) if folder else None,
            recording_fault=session.recording_fault if session else None,
            channels=session.channels if session else (),
            rolling=session.rolling if session else None,
            doctor=self._doctor.status if self._doctor else None,
            in_use=session.in_use if session else None,
            device=self._device() if self._device else None,
            steering=session.steering.status if session else None,
            record=RecordStatus(into=self._options.record_into, on=self._recording),
            trust=self._trust.status,
        )

    def _state(self, session: Session | None) -> EngineState:
        if session is not None:
            return session.state
        return EngineState.STOPPED if self._finished else EngineState.IDLE

    # The receiver's thread.

    def _receive(self) -> None:
        try:
            while not self._ending:
                self._take_next()
            self._end_stream()
            self._await_source()
        finally:
            self._finished = True

    @property
    def _ending(self) -> bool:
        broken = self._session is not None and self._session.broken
        return self._done or broken or self._stop_at is not None

    def _take_next(self) -> None:
        if self._cut is not None and self._cut == self._known.stream:
            self._take_end(StreamEnd(stream=self._cut, aborted=True))
        try:
            message = self._puller.receive(POLL_S)
        except WireError as error:
            self._gauges.faults.report("malformed_messages", str(error))
            return
        if isinstance(message, RawFrame):
            self._take_frame(message)
        elif isinstance(message, StreamStart):
            self._start_stream(message)
        elif message is not None:
            self._take_end(message)
        else:
            self._end_if_alone()

    def _take_frame(self, frame: RawFrame) -> None:
        if self._session is None or frame.stream != self._known.stream:
            self._gauges.faults.report("stray_frames")
        else:
            self._session.add(frame)

    def _start_stream(self, start: StreamStart) -> None:
        self._end_stream()
        try:
            self._session = self._new_session(start)
        except (SettingsError, DataError, OSError) as error:
            self._refuse(start, str(error))
        else:
            self._known = _Known(stream=start.stream)
            self._doctor = self._session.doctor

    def _new_session(self, start: StreamStart) -> Session:
        resolved = self._resolve(stream_settings(self._settings, start))
        self._trust.begin()
        return Session(
            start,
            resolved,
            self._factory_for,
            self._resolve,
            partial(self._recorder_for, start) if self._recorder_for else None,
            self._publisher,
            self._gauges,
            lossless=self._options.lossless,
            recording=self._recording,
            examine=self._doctor_for(resolved.settings) if self._doctor_for else None,
            offer=self._trust.offer,
            shows_step_one=lambda: steady_ns() < self._shown_until_ns,
        )

    def _refuse(self, start: StreamStart, why: str) -> None:
        self._gauges.faults.say(f"stream from {start.source or 'an unnamed source'} refused: {why}")
        self._known = _Known(stream=start.stream, refused=why)
        self._done = self._options.once

    def _end_if_alone(self) -> None:
        """End the stream of a source that has gone without a word."""
        if self._session is None or self._puller.sources:
            self._alone_since = None
            return
        self._alone_since = self._alone_since or time.monotonic()
        if time.monotonic() - self._alone_since < self._options.vanished_s:
            return
        start = self._session.start
        self._gauges.faults.report(
            "vanished_sources",
            f"{start.source or 'the source'} has gone without ending its stream: ended",
        )
        self._take_end(StreamEnd(stream=start.stream, aborted=True))

    def _take_end(self, end: StreamEnd) -> None:
        if self._session is None or end.stream != self._known.stream:
            return
        received = self._session.counts.frames
        self._known = _Known(stream=end.stream, ended=True, received=received)
        self._end_stream(end)
        self._done = self._options.once

    def _end_stream(self, end: StreamEnd | None = None) -> None:
        if self._session is not None:
            self._session.finish(end)
            self._known = replace(self._known, recorded=self._session.recorded)
            self._session = None
            give_back()

    def _await_source(self) -> None:
        """Stay until the source has asked what became of its stream, or seems not to."""
        if self._known.ended or self._known.refused:
            self._known.told.wait(self._options.farewell_s)

    # The control thread.

    def _answer(self) -> None:
        while not self._finished:
            self._control.answer(self._reply, POLL_S)

    def _reply(self, request: Request) -> Reply:
        if isinstance(request, ReadyRequest):
            return self._ready(request.stream)
        if isinstance(request, EndRequest):
            self._cut = request.stream
            return self._ready(request.stream)
        if isinstance(request, ReviewRequest):
            return ReviewReply(accepted=self._trust.ask(flips=request.flips))
        if isinstance(request, StopRequest):
            self.request_stop()
            return StopReply()
        if isinstance(request, StatusRequest):
            if request.step_one:
                self._shown_until_ns = steady_ns() + SHOWN_NS
            return self.status()
        try:
            self._steer(request)
        except (SettingsError, DataError, OSError) as error:
            return RefusedReply(reason=str(error))
        return BegunReply()

    def _steer(self, request: SteerRequest | RecalibrateRequest | RecordRequest) -> None:
        session = self._session
        if isinstance(request, RecordRequest):
            self._record(session, on=request.on)
        elif session is None:
            raise SettingsError("expected a running stream, found none")
        elif isinstance(request, SteerRequest):
            session.steering.wish(request.changes)
        else:
            session.steering.recalibrate()

    def _record(self, session: Session | None, *, on: bool) -> None:
        """Record this stream and those that follow, or no longer."""
        if self._recorder_for is None:
            raise SettingsError(
                "expected an engine that knows a folder to record into, found one that was "
                "started without: livesim engine --record FOLDER"
            )
        if session is not None:
            session.record(on=on)
        self._recording = on

    def _ready(self, stream: str) -> ReadyReply:
        session, known = self._session, self._known  # in this order: the one outlives the other
        if known.stream != stream:
            return ReadyReply(started=False, ended=False, received=0, endpoints=self.endpoints)
        if known.ended or known.refused:
            known.told.set()
        return ReadyReply(
            started=known.refused is None,
            ended=known.ended,
            received=session.counts.frames if session and not known.ended else known.received,
            recorded=session.recorded if session else known.recorded,
            refused=known.refused,
            endpoints=self.endpoints,
        )
