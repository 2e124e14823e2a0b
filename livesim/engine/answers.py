"""Answer what sources, viewers and `livesim status` ask the engine, in its control thread."""

from __future__ import annotations

from collections.abc import Callable

from livesim.config.settings import SettingsError
from livesim.engine.intake import Intake
from livesim.engine.opening import Opening
from livesim.engine.publishing import Outlet
from livesim.values.errors import DataError
from livesim.values.quoting import shortened
from livesim.wire.control import (
    BegunReply,
    EndRequest,
    HeldRequest,
    NetworksRequest,
    ReadyReply,
    ReadyRequest,
    RecalibrateRequest,
    RecordRequest,
    RefusedReply,
    Reply,
    Request,
    ReviewReply,
    ReviewRequest,
    StatusRequest,
    SteerRequest,
    StopReply,
    StopRequest,
)
from livesim.wire.status import Endpoints, EngineStatus

Wish = SteerRequest | RecalibrateRequest | RecordRequest | NetworksRequest | HeldRequest
"""What is begun at once, and may be refused."""


class Answers:
    """Makes the reply to each request.

    Parameters
    ----------
    status
        Makes a snapshot of the engine.
    """

    def __init__(
        self,
        intake: Intake,
        opening: Opening,
        outlet: Outlet,
        status: Callable[[], EngineStatus],
        endpoints: Endpoints,
    ) -> None:
        self._intake, self._opening, self._outlet = intake, opening, outlet
        self._status, self._endpoints = status, endpoints

    def reply(self, request: Request) -> Reply:
        """Return the answer; what cannot be done is refused with the reason."""
        match request:
            case ReadyRequest():
                return self._ready(request.stream)
            case EndRequest():
                self._intake.cut(request.stream)
                return self._ready(request.stream)
            case StatusRequest():
                return self._snapshot(request)
            case ReviewRequest():
                return ReviewReply(accepted=self._outlet.trust.ask())
            case StopRequest():
                self._intake.stop()
                return StopReply()
            case _:
                return self._begun(request)

    def _snapshot(self, request: StatusRequest) -> EngineStatus:
        if request.stages:
            self._outlet.show_stages()
        return self._status()

    def _begun(self, request: Wish) -> Reply:
        try:
            self._do(request)
        except (SettingsError, DataError, OSError) as error:
            return RefusedReply(reason=shortened(str(error)))
        return BegunReply()

    def _do(self, request: Wish) -> None:
        session = self._intake.session
        if isinstance(request, NetworksRequest):
            self._opening.choose(request.run)
        elif isinstance(request, HeldRequest):
            self._hold(request)
        elif isinstance(request, RecordRequest):
            self._opening.record(session, on=request.on, beside=request.beside)
        elif session is None:
            raise SettingsError("expected a running stream, found none")
        elif isinstance(request, SteerRequest):
            session.steering.wish(request.changes)
        else:
            session.steering.recalibrate()

    def _hold(self, request: HeldRequest) -> None:
        known = request.stream == self._intake.known.stream
        if not (known and self._outlet.networks.ask(request.index)):
            raise DataError(
                f"expected a raw stack that is still in memory, found time {request.index.time} "
                "gone; livesim restore makes its image from the recording"
            )

    def _ready(self, stream: str) -> ReadyReply:
        # In this order: the one outlives the other.
        session, known = self._intake.session, self._intake.known_of(stream)
        if known is None:
            return ReadyReply(started=False, ended=False, received=0, endpoints=self._endpoints)
        if known.ended or known.refused:
            known.heard.set()
        if known.refused:
            session = None
        return ReadyReply(
            started=known.refused is None,
            ended=known.ended,
            received=session.counts.frames if session and not known.ended else known.received,
            recorded=session.recording.written if session else known.recorded,
            refused=known.refused,
            endpoints=self._endpoints,
        )
