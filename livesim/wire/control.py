"""One request to the engine -> one reply: is it ready for a stream, how is it, end, stop.

Requests and replies are JSON over DEALER/ROUTER. Each request carries a number that its reply
repeats, so that a reply which comes too late is never taken for the next one's.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from enum import StrEnum
from types import TracebackType
from typing import Annotated, Literal, Self, TypeVar

import zmq
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from livesim.config import SettingsError
from livesim.frames import StackIndex
from livesim.steering import Changes
from livesim.trust import TrustWord
from livesim.wire.codec import (
    MAX_HEADER_BYTES,
    WIRE_VERSION,
    WireError,
    check_version,
    sentence,
)
from livesim.wire.endpoints import check_bindable, split_keys
from livesim.wire.in_use import DeviceStatus, InUse
from livesim.wire.keys import reach, serve
from livesim.wire.steer import (
    BegunReply,
    RecalibrateRequest,
    RecordRequest,
    RecordStatus,
    SteeringStatus,
    SteerRequest,
)


class EngineState(StrEnum):
    """What the engine is at."""

    IDLE = "idle"
    """Waits for a stream."""
    CALIBRATING = "calibrating"
    """Takes frames, but has not seen enough signal to know the pattern."""
    RUNNING = "running"
    """Reconstructs."""
    DRAINING = "draining"
    """The stream has ended; works off what is queued."""
    STOPPED = "stopped"


class _Value(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int = WIRE_VERSION


class ReadyRequest(_Value):
    """Ask whether the start and the end of this stream have arrived."""

    kind: Literal["ready"] = "ready"
    stream: str


class EndRequest(_Value):
    """End this stream without waiting for frames of it that are still under way."""

    kind: Literal["end"] = "end"
    stream: str


class StatusRequest(_Value):
    """Ask how the engine is doing."""

    kind: Literal["status"] = "status"
    step_one: bool = False
    """Whether the asker shows what step one alone gives: results carry it for some seconds."""


class ReviewRequest(_Value):
    """Ask for a review of the newest result now: the maps come over the results' socket."""

    kind: Literal["review"] = "review"
    flips: bool = False
    """Also make the result anew from flipped frames, which takes several times as long."""


class StopRequest(_Value):
    """Tell the engine to work off what is queued, close the recordings and end."""

    kind: Literal["stop"] = "stop"


Request = (
    ReadyRequest
    | EndRequest
    | StatusRequest
    | ReviewRequest
    | StopRequest
    | SteerRequest
    | RecalibrateRequest
    | RecordRequest
)


class Endpoints(_Value):
    """Where the engine listens."""

    frames: str
    results: str
    control: str


class ReadyReply(_Value):
    """What the engine knows of a stream."""

    kind: Literal["ready"] = "ready"
    started: bool
    ended: bool
    received: int
    """Frames of this stream so far."""
    recorded: int = 0
    """Raw stacks of this stream that are on the disk: the first ones that were complete."""
    refused: str | None = None
    """Why the engine will not take this stream."""
    endpoints: Endpoints


class StageStatus(_Value):
    """One stage of the engine and the queue in front of it."""

    name: str
    done: int
    per_second: float
    queued: int
    queue_limit: int
    keep: str
    """Policy of the queue, see `livesim.wire.sockets.Keep`."""
    dropped: int
    """Given up because the queue was full."""


class PartLatency(_Value):
    """How long one part of the way took."""

    name: str
    p50_ms: float
    p95_ms: float
    p99_ms: float


class LatencyStatus(_Value):
    """From the last raw frame received to the result published, over the last results."""

    results: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    stages: tuple[PartLatency, ...] = ()
    """In their order: assemble, wait (for the processor), reconstruct, publish. Each result's add
    up to its total; percentiles do not."""
    steps: tuple[PartLatency, ...] = ()
    """What the stage reconstruct consists of."""


class FaultStatus(_Value):
    """What did not go as it should, since the engine started."""

    malformed_messages: int = 0
    stray_frames: int = 0
    """Frames of no stream that is running."""
    misplaced_frames: int = 0
    """Frames with an angle or phase that the pattern does not have."""
    repeated_frames: int = 0
    late_frames: int = 0
    """Frames of a stack already given up."""
    incomplete_stacks: int = 0
    mixed_stacks: int = 0
    """Stacks whose frames differ in shape or dtype."""
    failed_stacks: int = 0
    """Stacks the pipeline could not reconstruct."""
    skipped_stacks: int = 0
    """Stacks not reconstructed because the engine was stopped or no pattern was found."""
    unrecorded_stacks: int = 0
    vanished_sources: int = 0
    """Streams whose source went without ending them."""


class AngleStatus(_Value):
    """What the watchdog knows of the illumination of one angle."""

    state: str
    """followed, weak, lost or unwatched, see `livesim.drift.AngleState`."""
    drift_deg: float
    """All its phases since the pattern was first known, unwrapped."""
    error_deg: float
    rate_deg: float
    """Drift from one stack to the next."""
    modulation: float


class ChangeStatus(_Value):
    """One change of the pattern."""

    number: int
    """Counts the changes of the stream from 1."""
    received_ns: int
    time: int
    """Of the raw stack from which on it holds."""
    kind: str
    """See `livesim.drift.ChangeKind`."""
    angle: int | None
    reason: str
    alarm: bool


class WatchdogStatus(_Value):
    """What has become of the pattern of the running stream."""

    angles: tuple[AngleStatus, ...]
    changes: tuple[ChangeStatus, ...]
    """The last ones, oldest first."""
    swaps: int
    """Changes of the parameters so far."""
    alarms: int
    estimates: int
    """Made in the background."""
    failures: int
    """Checks or estimates that failed; the stream went on."""


class ChannelStatus(_Value):
    """One channel of the running stream whose pattern is known."""

    channel: int
    watchdog: WatchdogStatus | None
    """None where the pattern is not watched."""


class RollingStatus(_Value):
    """A new result with every angle or every frame, made of the newest ones."""

    mode: str
    """angle or frame."""
    updates_per_s: float
    resolution_ms: float
    """From when to when the raw frames of the last result were taken: the time resolution."""
    changed: float
    """Share of the field that has changed by more than photon noise."""
    motion: bool
    """Of the last result: expect artefacts."""


class FindingStatus(_Value):
    """One fault that the doctor has found in the raw stacks of the stream."""

    fault: str
    """See `livesim.reconstruction.doctor.finding.Fault`."""
    words: str
    sureness: float
    """Probability that it is so, 0 to 1."""
    mend: str | None
    """TOML that mends it, a section and the lines to set in it."""
    advice: str
    frames: tuple[int, ...]
    """The frames concerned, of those of one channel, plane and position counted from 0."""
    value: float | None
    """The number found."""


class DoctorStatus(_Value):
    """What the doctor says of the raw stacks that it has looked at."""

    stream: str
    time: int
    """Of the first of them."""
    stacks: int
    findings: tuple[FindingStatus, ...]
    """The surest first; none for sound stacks."""
    undecided: tuple[str, ...]
    """What could not be told."""


class TrustStatus(_Value):
    """Whether the newest result that was reviewed can be trusted."""

    stream: str
    index: StackIndex
    """Of the result."""
    word: TrustWord
    reasons: tuple[str, ...]
    unlike: tuple[str, ...] = ()
    """Those of the reasons that the networks' cards give."""
    advice: str
    rms_sigmas: float
    """Of the residual map: 1 for the truth."""
    places: int
    """Squares of the field with light, see `livesim.trust.TrustNumbers`."""
    denied: int
    worst_sigmas: float
    worst_yx: tuple[float, float]
    visible_percent: float
    noise_ratio: float = 1.0
    spread_percent: float | None
    reviewed: int
    """Results reviewed of this stream so far."""
    failures: int = 0
    """Reviews that failed; the stream went on."""
    flipping: float | None = None
    """How much of what was asked for is done, 0 to 1; None = nothing is under way."""


class EngineStatus(_Value):
    """A frozen snapshot of the engine."""

    kind: Literal["status"] = "status"
    state: EngineState
    endpoints: Endpoints
    stream: str | None
    source: str | None
    stages: tuple[StageStatus, ...]
    latency: LatencyStatus | None
    faults: FaultStatus
    last_fault: str | None
    recording: str | None
    """Folder that is being written to."""
    recording_fault: str | None = None
    """Why raw stacks or results of the running stream are not recorded any more."""
    channels: tuple[ChannelStatus, ...] = ()
    """Those of the running stream whose patterns are known, in their order."""
    doctor: DoctorStatus | None = None
    """Of the last stream; None until its first raw stacks have been looked at."""
    in_use: InUse | None = None
    """None where no stream is running."""
    device: DeviceStatus | None = None
    rolling: RollingStatus | None = None
    """None where there is one result for each raw stack, or none yet."""
    trust: TrustStatus | None = None
    """Of the last stream; None where nothing was reviewed yet, or no network is at work."""
    steering: SteeringStatus | None = None
    """None where no stream is running."""
    record: RecordStatus | None = None

    @property
    def watchdog(self) -> WatchdogStatus | None:
        """What is known of the first channel's pattern, if it is watched."""
        return self.channels[0].watchdog if self.channels else None


class ReviewReply(_Value):
    """Whether a review is going to be made."""

    kind: Literal["review"] = "review"
    accepted: bool
    """False where there is no result with networks to review."""


class StopReply(_Value):
    """The engine is going to stop."""

    kind: Literal["stop"] = "stop"


class RefusedReply(_Value):
    """The request could not be understood, or not be done."""

    kind: Literal["refused"] = "refused"
    reason: str


Reply = ReadyReply | EngineStatus | ReviewReply | StopReply | BegunReply | RefusedReply
AnyReply = TypeVar("AnyReply", ReadyReply, EngineStatus, ReviewReply, StopReply, BegunReply)

_REQUESTS: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="kind")])
_REPLIES: TypeAdapter[Reply] = TypeAdapter(Annotated[Reply, Field(discriminator="kind")])


class ControlServer:
    """The engine's end."""

    def __init__(self, endpoint: str) -> None:
        check_bindable(endpoint)
        plain, keys = split_keys(endpoint)
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.MAXMSGSIZE, MAX_HEADER_BYTES)
        self._unguard: Callable[[], None] | None = None
        try:
            if keys is not None:
                self._unguard = serve(self._context, self._socket, keys)
            self._socket.bind(plain)
        except zmq.ZMQError as error:
            self.close()
            raise WireError(f"expected a free address, found '{plain}': {error}") from error
        except SettingsError:
            self.close()
            raise
        self.endpoint = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)
        """Where it really listens."""

    def answer(self, handle: Callable[[Request], Reply], timeout_s: float) -> None:
        """Answer one request, if one comes within `timeout_s`."""
        if not self._socket.poll(round(timeout_s * 1000), zmq.POLLIN):
            return
        parts = self._socket.recv_multipart()
        if len(parts) != 3:
            return  # nobody of ours: without a number there is nothing to answer to
        peer, number, text = parts
        try:
            reply = handle(_read(_REQUESTS, text))
        except WireError as error:
            reply = RefusedReply(reason=str(error))
        self._socket.send_multipart([peer, number, reply.model_dump_json().encode()])

    def close(self) -> None:
        """Close the socket, leaving the last reply a moment to get out."""
        self._socket.close(linger=500)
        if self._unguard is not None:
            self._unguard()
        self._context.term()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class ControlClient:
    """The other end: a source, a viewer, `livesim status`."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint, keys = split_keys(endpoint)
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.MAXMSGSIZE, MAX_HEADER_BYTES)
        try:
            if keys is not None:
                reach(self._socket, keys)
        except SettingsError:
            self.close()
            raise
        self._socket.connect(self.endpoint)
        self._numbers = itertools.count()

    def ready(self, stream: str, timeout_s: float = 2.0) -> ReadyReply:
        """Ask whether the start and the end of `stream` have arrived."""
        return self._ask(ReadyRequest(stream=stream), ReadyReply, timeout_s)

    def end(self, stream: str, timeout_s: float = 2.0) -> ReadyReply:
        """Tell the engine to end `stream` without what is still under way."""
        return self._ask(EndRequest(stream=stream), ReadyReply, timeout_s)

    def status(self, timeout_s: float = 2.0, *, step_one: bool = False) -> EngineStatus:
        """Ask for a snapshot; with `step_one` also for that stage of the next results."""
        return self._ask(StatusRequest(step_one=step_one), EngineStatus, timeout_s)

    def review(self, *, flips: bool = False, timeout_s: float = 2.0) -> ReviewReply:
        """Ask for a review of the newest result now."""
        return self._ask(ReviewRequest(flips=flips), ReviewReply, timeout_s)

    def stop(self, timeout_s: float = 2.0) -> StopReply:
        """Tell the engine to finish and end."""
        return self._ask(StopRequest(), StopReply, timeout_s)

    def steer(self, changes: Changes, timeout_s: float = 5.0) -> BegunReply:
        """Tell the engine to use other settings from the next raw stack on."""
        return self._ask(SteerRequest(changes=dict(changes)), BegunReply, timeout_s)

    def recalibrate(self, timeout_s: float = 5.0) -> BegunReply:
        """Tell the engine to estimate the pattern anew."""
        return self._ask(RecalibrateRequest(), BegunReply, timeout_s)

    def record(self, *, on: bool, timeout_s: float = 5.0) -> BegunReply:
        """Tell the engine to begin a recording, or to end it."""
        return self._ask(RecordRequest(on=on), BegunReply, timeout_s)

    def _ask(self, request: Request, expected: type[AnyReply], timeout_s: float) -> AnyReply:
        number = next(self._numbers).to_bytes(8, "big")
        self._socket.send_multipart([number, request.model_dump_json().encode()])
        reply = _read(_REPLIES, self._reply_to(number, timeout_s))
        if isinstance(reply, RefusedReply):
            raise WireError(reply.reason)
        if not isinstance(reply, expected):
            raise WireError(f"expected the answer to '{request.kind}', found '{reply.kind}'")
        return reply

    def _reply_to(self, number: bytes, timeout_s: float) -> bytes:
        while self._socket.poll(round(timeout_s * 1000), zmq.POLLIN):
            answered, text = self._socket.recv_multipart()
            if answered == number:
                return text
        raise WireError(f"expected an engine at {self.endpoint}, found none within {timeout_s} s")

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
        self._context.term()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _Envelope(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    version: int


_Read = TypeVar("_Read")


def _read(adapter: TypeAdapter[_Read], text: bytes) -> _Read:
    try:
        check_version(_Envelope.model_validate_json(text).version)
        return adapter.validate_json(text)
    except ValidationError as error:
        raise WireError(f"expected a control message, found {sentence(error)}") from error
