"""Requests to an engine on its control socket, and its replies: JSON, distinguished by `kind`.

`livesim.wire.control_client` asks, `livesim.wire.control_server` answers.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from livesim.config.changes import Value
from livesim.config.errors import sentence
from livesim.config.settings import Settings
from livesim.values.frames import StackIndex
from livesim.wire.header import MAX_REQUEST_BYTES, Header, Part, WireError, check_version
from livesim.wire.networks import Run
from livesim.wire.status import Endpoints, EngineStatus


class ReadyRequest(Header):
    """Ask whether the start and the end of this stream have arrived."""

    kind: Literal["ready"] = "ready"
    stream: str


class EndRequest(Header):
    """End this stream without waiting for frames of it that are still under way."""

    kind: Literal["end"] = "end"
    stream: str


class StatusRequest(Header):
    """Ask how the engine is doing."""

    kind: Literal["status"] = "status"
    stages: bool = False
    """Whether the asker shows the stages on the way to the restored image: results carry what step
    one and what the networks alone give for some seconds."""


class ReviewRequest(Header):
    """Ask for a review of the newest result now: the maps come over the results' socket."""

    kind: Literal["review"] = "review"


class NetworksRequest(Header):
    """Say when the networks work from now on, in this stream and the next ones."""

    kind: Literal["networks"] = "networks"
    run: Run


class HeldRequest(Header):
    """Run the networks on this stack next, for somebody holds its picture."""

    kind: Literal["held"] = "held"
    stream: str
    index: StackIndex


class StopRequest(Header):
    """Tell the engine to work off what is queued, close the recordings and end."""

    kind: Literal["stop"] = "stop"


class SteerRequest(Header):
    """Use other settings from the next raw stack on."""

    kind: Literal["steer"] = "steer"
    changes: dict[str, Value]
    """Dotted keys, see `livesim.config.changes.STEERED`."""


class RecalibrateRequest(Header):
    """Estimate the pattern again from the next raw stacks, and use that."""

    kind: Literal["recalibrate"] = "recalibrate"


class Beside(Part):
    """The recording of raw stacks for which one of several engines writes what lies beside them."""

    folder: str
    """On the engine's machine."""
    settings: Settings
    """That the raw stacks are recorded with; where others are in use, the engine logs them."""


class RecordRequest(Header):
    """Begin to record with the next raw stack, or end with the last one."""

    kind: Literal["record"] = "record"
    on: bool
    beside: Annotated[Beside | None, Field(exclude_if=lambda one: one is None)] = None
    """Asked of one of several engines alone."""


class ReadyReply(Header):
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


class ReviewReply(Header):
    """Whether a review is going to be made."""

    kind: Literal["review"] = "review"
    accepted: bool
    """False where there is no result with networks to review."""


class StopReply(Header):
    """The engine is going to stop."""

    kind: Literal["stop"] = "stop"


class BegunReply(Header):
    """What was asked for has begun; the status tells what becomes of it."""

    kind: Literal["begun"] = "begun"


class RefusedReply(Header):
    """The request could not be understood, or not be done."""

    kind: Literal["refused"] = "refused"
    reason: str


Request = (
    ReadyRequest
    | EndRequest
    | StatusRequest
    | ReviewRequest
    | NetworksRequest
    | HeldRequest
    | StopRequest
    | SteerRequest
    | RecalibrateRequest
    | RecordRequest
)
Reply = ReadyReply | EngineStatus | ReviewReply | StopReply | BegunReply | RefusedReply
AnyReply = TypeVar("AnyReply", ReadyReply, EngineStatus, ReviewReply, StopReply, BegunReply)

_REQUESTS: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="kind")])
_REPLIES: TypeAdapter[Reply] = TypeAdapter(Annotated[Reply, Field(discriminator="kind")])


def read_request(text: bytes) -> Request:
    """Return the request that a message holds.

    Raises
    ------
    WireError
        If it has another version of the format, is no request, or is far too long.
    """
    if len(text) > MAX_REQUEST_BYTES:
        raise WireError(f"expected a request of up to {MAX_REQUEST_BYTES} B, found {len(text)} B")
    return _read(_REQUESTS, text)


def read_reply(text: bytes) -> Reply:
    """Return the reply that a message holds.

    Raises
    ------
    WireError
        If it has another version of the format, or is no reply.
    """
    return _read(_REPLIES, text)


class _Envelope(BaseModel):
    """What a message of any version has."""

    model_config = ConfigDict(extra="ignore", strict=True)

    version: int


Read = TypeVar("Read")


def _read(adapter: TypeAdapter[Read], text: bytes) -> Read:
    try:
        check_version(_Envelope.model_validate_json(text).version)
        return adapter.validate_json(text)
    except ValidationError as error:
        raise WireError(f"expected a control message ({sentence(error)})") from error
