"""What an engine answers: values <-> JSON, told apart by their kind."""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

from pydantic import Field, TypeAdapter

from livesim.wire.control_text import read_as
from livesim.wire.header import Header
from livesim.wire.status import Endpoints, EngineStatus
from livesim.wire.steer import BegunReply


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


class RefusedReply(Header):
    """The request could not be understood, or not be done."""

    kind: Literal["refused"] = "refused"
    reason: str


Reply = ReadyReply | EngineStatus | ReviewReply | StopReply | BegunReply | RefusedReply
AnyReply = TypeVar("AnyReply", ReadyReply, EngineStatus, ReviewReply, StopReply, BegunReply)

_REPLIES: TypeAdapter[Reply] = TypeAdapter(Annotated[Reply, Field(discriminator="kind")])


def read_reply(text: bytes) -> Reply:
    """Return the reply that a message holds; `WireError` where it holds none."""
    return read_as(_REPLIES, text)
