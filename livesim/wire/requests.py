"""What an engine can be asked: values <-> JSON, told apart by their kind."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from livesim.wire.control_text import read_as
from livesim.wire.header import Header
from livesim.wire.steer import RecalibrateRequest, RecordRequest, SteerRequest


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
    step_one: bool = False
    """Whether the asker shows what step one alone gives: results carry it for some seconds."""


class ReviewRequest(Header):
    """Ask for a review of the newest result now: the maps come over the results' socket."""

    kind: Literal["review"] = "review"
    flips: bool = False
    """Also make the result anew from flipped frames, which takes several times as long."""


class StopRequest(Header):
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

_REQUESTS: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="kind")])


def read_request(text: bytes) -> Request:
    """Return the request that a message holds; `WireError` where it holds none."""
    return read_as(_REQUESTS, text)
