"""The engine: what binds its sockets, and runs and ends its threads."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from threading import Event
from typing import Any, Self

from livesim.config.settings import Settings
from livesim.engine.answers import Answers
from livesim.engine.assemble import AssemblyCounts
from livesim.engine.elsewhere import Elsewhere
from livesim.engine.figures import figures_of
from livesim.engine.intake import POLL_S, Intake
from livesim.engine.meters import Gauges
from livesim.engine.opening import Opening
from livesim.engine.options import EngineOptions
from livesim.engine.publishing import Outlet
from livesim.engine.record.recorder import RecorderFor
from livesim.engine.seams import Computing
from livesim.engine.session import Session, Shared
from livesim.engine.threads import return_free_memory
from livesim.wire.control import Reply, Request
from livesim.wire.control_server import ControlServer
from livesim.wire.sockets import FramePuller, Keep, Publisher
from livesim.wire.status import Endpoints, EngineState, EngineStatus, FaultStatus
from livesim.wire.stream_status import NetworksStatus, RecordStatus


class Engine:
    """The engine: binds its sockets when made, works in `run` until stopped.

    One stream is worked on at a time, see `livesim.engine.intake.Intake`. Another thread answers
    what it is asked, see `livesim.engine.answers.Answers`.

    Parameters
    ----------
    options
        How it behaves.
    computing
        What it reconstructs with.
    settings
        Those of this microscope; None takes what each source sends.
    recorder_for
        Where to record each stream; None records nothing.
    elsewhere
        Other engines that work on its raw stacks; None = it does so itself.

    Raises
    ------
    WireError
        If an endpoint is not free.
    """

    def __init__(
        self,
        options: EngineOptions,
        computing: Computing,
        settings: Settings | None = None,
        recorder_for: RecorderFor | None = None,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self._elsewhere = elsewhere
        self._options, self._computing = options, computing
        self.failed = Event()
        """Set once a thread has died that must not; `run` raises why."""
        self._fault: BaseException | None = None
        self._gauges = Gauges()
        self._open_sockets(options)
        self._outlet = outlet = Outlet(self._publisher, computing, options.networks)
        self._sockets.callback(outlet.close)
        if elsewhere is not None:
            elsewhere.attach(outlet, self._gauges)
        self._opening = Opening(
            Shared(computing, outlet, self._gauges, options.lossless, elsewhere=elsewhere),
            settings,
            recorder_for,
            recording=not options.record_later,
        )
        self._intake = Intake(self._puller, self._opening, self._gauges, options)
        self._answers = Answers(self._intake, self._opening, outlet, self.status, self.endpoints)

    def _open_sockets(self, options: EngineOptions) -> None:
        with ExitStack() as opened:
            self._puller = FramePuller(options.frames)
            opened.callback(self._puller.close)
            keep = Keep.BLOCK if options.part else Keep.DROP_OLDEST
            self._publisher = Publisher(options.results, options.results_depth, keep)
            opened.callback(self._publisher.close, 1.0)
            self._control = ControlServer(options.control)
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
        """Receive and answer until stopped; what any thread of the engine raises is raised here."""
        with ThreadPoolExecutor(2, thread_name_prefix="livesim") as pool:
            threads: list[Future[Any]] = [pool.submit(self._intake.run), pool.submit(self._answer)]
            while (now := wait(threads, timeout=POLL_S)).not_done:
                session = self._intake.session
                self.fail(self._intake.fault)
                for ended in (*now.done, *(session.ended_threads if session else ())):
                    self.fail(ended.exception())
                self._intake.hurry_if_due()
                self._tend()
        for thread in threads:  # those that died in the last moment, too
            self.fail(thread.exception())
        if self._fault is not None:
            raise self._fault

    def fail(self, fault: BaseException | None) -> None:
        """End, since a thread has died of a `fault`; None = it has ended as it should.

        Rather no engine than one that works on without a part: whatever supervises it starts
        another one. Safe in any thread.
        """
        if fault is None or self.failed.is_set():
            return
        self._fault = fault
        self.failed.set()
        self._gauges.faults.say(f"the engine ends, for a thread of it has died: {fault!r}")
        self._intake.stop(at_once=True)

    def _tend(self) -> None:
        """Keep strangers from using up memory and file descriptors."""
        for socket in (self._puller, self._publisher, self._control):
            for words in socket.tend():
                self._gauges.faults.report("strangers", words)
                return_free_memory()

    def request_stop(self) -> None:
        """Begin to end; safe in a signal handler and in any thread."""
        self._intake.stop()

    def _answer(self) -> None:
        while not self._intake.finished:
            self._control.answer(self._reply, POLL_S)

    def _reply(self, request: Request) -> Reply:
        if self._elsewhere is None:
            return self._answers.reply(request)
        return self._elsewhere.answer(request, self._answers.reply)

    def close(self) -> None:
        """Close the sockets, after `run` has returned."""
        self._sockets.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def status(self) -> EngineStatus:
        """Return a snapshot; safe in any thread."""
        session, doctor = self._intake.session, self._intake.doctor
        folder = session.recording.folder if session else None
        running = session.counts if session else AssemblyCounts()
        status = EngineStatus(
            state=self._state(session),
            endpoints=self.endpoints,
            stream=session.start.stream if session else None,
            source=session.start.source if session else None,
            stages=tuple(stage.status() for stage in self._gauges.stages),
            latency=self._gauges.latencies.status(),
            faults=self._gauges.faults.status(running),
            last_fault=self._gauges.faults.last,
            recording=str(folder) if folder else None,
            recording_fault=session.recording.fault if session else None,
            channels=session.channels if session else (),
            rolling=session.rolling if session else None,
            doctor=doctor.status if doctor else None,
            in_use=session.in_use if session else None,
            device=self._computing.device(),
            steering=session.steering.status if session else None,
            record=RecordStatus(into=self._options.record_into, on=self._opening.recording),
            networks=self._networks_status(),
            network_latency=self._gauges.network_latencies.status(),
            trust=self._outlet.trust.status,
        )
        if self._elsewhere is not None:
            status = self._elsewhere.amended(status)
        return status.model_copy(update={"figures": figures_of(status)})

    @property
    def faults(self) -> FaultStatus:
        """All that did not go as it should, of all streams that have ended."""
        return self._gauges.faults.total

    def _networks_status(self) -> NetworksStatus | None:
        if self._options.lossless:
            return None
        networks, second = self._outlet.networks, self._gauges.networks.meter
        return NetworksStatus(
            run=networks.run,
            per_second=second.per_second,
            of_per_second=self._gauges.publish.meter.per_second,
            done=second.done,
            waiting=networks.waiting,
        )

    def _state(self, session: Session | None) -> EngineState:
        if session is not None:
            return session.state
        return EngineState.STOPPED if self._intake.finished else EngineState.IDLE
