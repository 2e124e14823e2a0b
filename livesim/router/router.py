"""The router: several engines behind the address of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self, TypeVar

from livesim.config.changes import difference
from livesim.config.settings import Settings
from livesim.engine.beside.steering import Steering
from livesim.engine.elsewhere import Answer, StackWork
from livesim.engine.meters import Gauges
from livesim.engine.publishing import Outlet
from livesim.engine.queue import BoundedQueue
from livesim.engine.record.stream_recording import StreamRecording
from livesim.engine.seams import Computing, PipelineFactory, Reconstructed, Resolved
from livesim.router.member import Member
from livesim.router.merging import merged
from livesim.router.stream import RoutedStream
from livesim.values.clock import steady_ns
from livesim.values.frames import RawStack
from livesim.values.pattern import Pattern
from livesim.values.results import Result
from livesim.wire.control import (
    BegunReply,
    HeldRequest,
    NetworksRequest,
    RecalibrateRequest,
    RefusedReply,
    Reply,
    Request,
    ReviewReply,
    ReviewRequest,
    SteerRequest,
)
from livesim.wire.control_client import ControlClient
from livesim.wire.header import WireError
from livesim.wire.messages import Published, StreamEnd, StreamStart, TrustMaps
from livesim.wire.status import EngineStatus

ANSWER_S = 5.0
Asked = TypeVar("Asked", BegunReply, ReviewReply)


class NothingHere(Computing):
    """What the router itself computes: nothing; it only says what "auto" stands for.

    Parameters
    ----------
    resolve
        See `livesim.engine.seams.Computing`.
    """

    def __init__(self, resolve: Callable[[Settings], Resolved]) -> None:
        self._resolve = resolve

    def resolve(self, settings: Settings) -> Resolved:
        """Replace "auto", so that a stream that cannot be worked on is refused here already."""
        return self._resolve(settings)

    def factory_for(self, settings: Settings, known: Pattern | None = None) -> PipelineFactory:
        """Return what never makes a pipeline: the engines do."""
        return lambda stacks, ended: None

    def fetch_stages_while(self, looked_at: Callable[[], bool]) -> None:
        """Do nothing: every engine is told with the questions how it is doing."""

    def use_all_cores(self) -> None:
        """Do nothing."""

    def use_one_core(self) -> None:
        """Do nothing."""


class Router:
    """Spreads streams over engines: implements `livesim.engine.elsewhere.Elsewhere`.

    This process assembles the raw stacks, records them and the results, publishes, and answers;
    the engines, its children, get whole raw stacks and give results. So whatever becomes of an
    engine, the raw stacks are recorded, once.

    Parameters
    ----------
    flags
        Of every engine.
    environments
        What is different in the environment of each.
    lossless
        Whether the source waits rather than that a stack is skipped.
    keys
        Folder of the keys between the engines and this; None = none.
    """

    def __init__(
        self,
        flags: Sequence[str],
        environments: Sequence[Mapping[str, str]],
        *,
        lossless: bool,
        keys: Path | None = None,
    ) -> None:
        self._lossless = lossless
        self._stream: RoutedStream | None = None
        self._members = tuple(
            Member(number, flags, one, self._take, self._left, self._looked_at, keys)
            for number, one in enumerate(environments, start=1)
        )

    def attach(self, outlet: Outlet, gauges: Gauges) -> None:
        """Take what all streams share, and start the engines.

        Raises
        ------
        DataError
            If one does not start.
        """
        self._outlet, self._gauges = outlet, gauges
        for member in self._members:
            member.start()
        try:
            for member in self._members:
                member.await_first()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the engines."""
        self._hurry()
        for member in self._members:
            member.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _hurry(self) -> None:
        for member in self._members:
            member.hurry()

    # The receiver's thread.

    def open(
        self,
        start: StreamStart,
        stacks: BoundedQueue[RawStack],
        results: BoundedQueue[Reconstructed],
        recording: StreamRecording,
        steering: Steering,
    ) -> StackWork:
        """Begin a stream on every engine that is there.

        Raises
        ------
        SettingsError
            If one refuses it.
        """
        self._stream = stream = RoutedStream(
            start,
            stacks,
            results,
            steering,
            recording.recorder_of,
            self._members,
            self._gauges,
            self._hurry,
            lossless=self._lossless,
        )
        return stream

    # The threads of the engines' results.

    def _take(self, number: int, message: Published) -> None:
        stream = self._stream
        running = stream is not None and message.stream == stream.stream
        if isinstance(message, TrustMaps):
            self._outlet.show(message)
        elif isinstance(message, StreamEnd) and stream is not None and running:
            stream.shares[number - 1].end()
        elif isinstance(message, Result) and stream is not None and running:
            if not stream.shares[number - 1].ended:
                stream.take(number, message)
            else:  # the networks' image of a stack that somebody still holds
                self._outlet.show(_stamped(message))

    def _left(self, number: int) -> None:
        if self._stream is not None:
            self._stream.shares[number - 1].lose()

    def _looked_at(self) -> bool:
        return self._outlet.shows_stages

    # The control thread.

    def answer(self, request: Request, own: Answer) -> Reply:
        """Answer for all engines; what only one can do is asked of that one."""
        match request:
            case SteerRequest():
                return self._steered(request, own)
            case RecalibrateRequest() if self._stream is not None:
                return self._any(request)
            case HeldRequest():
                one = request.index.channel % len(self._members)
                return self._ask(self._members[one], request, BegunReply)
            case ReviewRequest():
                return self._reviewed(request)
            case NetworksRequest():
                return self._chosen(request, own)
            case _:
                return own(request)

    def _steered(self, request: SteerRequest, own: Answer) -> Reply:
        reply, stream = own(request), self._stream
        if not isinstance(reply, BegunReply) or stream is None:
            return reply
        before = stream.steering.trust_others()
        refusal = self._steer(stream, request)
        if refusal is None:
            return BegunReply()
        _, back = difference(stream.steering.in_use.settings, before.settings)
        stream.steering.take_back(before)
        self._steer(stream, SteerRequest(changes=back))
        return refusal

    def _steer(self, stream: RoutedStream, request: SteerRequest) -> RefusedReply | None:
        """Ask the engines that have the stream; return the first refusal.

        One that comes back is told by its share, and one that goes meanwhile refuses nothing.
        """
        refusals = []
        for member, share in zip(self._members, stream.shares, strict=True):
            if share.is_linked:
                reply = self._ask(member, request, BegunReply)
                if isinstance(reply, RefusedReply) and share.is_linked:
                    refusals.append(reply)
        return next(iter(refusals), None)

    def _chosen(self, request: NetworksRequest, own: Answer) -> Reply:
        reply = own(request)
        if not isinstance(reply, BegunReply):
            return reply
        for member in self._members:
            member.networks = request.run
        return self._all(request)

    def _reviewed(self, request: ReviewRequest) -> Reply:
        replies = [self._ask(one, request, ReviewReply) for one in self._members]
        accepted = any(isinstance(one, ReviewReply) and one.accepted for one in replies)
        return ReviewReply(accepted=accepted)

    def _all(self, request: Request) -> Reply:
        """Ask all engines that are there; one that is not is told when it is back."""
        there = [one for one in self._members if one.reach is not None]
        replies = [self._ask(one, request, BegunReply) for one in there]
        refused = (one for one in replies if isinstance(one, RefusedReply))
        return next(refused, BegunReply())

    def _any(self, request: Request) -> Reply:
        """Ask all engines; it is refused where all of them do."""
        replies = [self._ask(one, request, BegunReply) for one in self._members]
        return next((one for one in replies if isinstance(one, BegunReply)), replies[0])

    def _ask(self, member: Member, request: Request, expected: type[Asked]) -> Reply:
        reach = member.reach
        if reach is None:
            return RefusedReply(reason=f"engine {member.number} is away")
        try:
            with ControlClient(reach.control) as control:
                return control.ask(request, expected, ANSWER_S)
        except WireError as error:
            return RefusedReply(reason=f"engine {member.number}: {error}")

    # Any thread.

    def amended(self, status: EngineStatus) -> EngineStatus:
        """Return the router's own status with what the engines say."""
        return merged(status, self._members, self._stream)


def _stamped(result: Result) -> Result:
    return replace(result, published_ns=steady_ns())
