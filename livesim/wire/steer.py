"""Requests that change what an engine does with its stream, and what became of them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from livesim.config.changes import Value
from livesim.wire.header import Header, Part


class SteerRequest(Header):
    """Use other settings from the next raw stack on."""

    kind: Literal["steer"] = "steer"
    changes: dict[str, Value]
    """Dotted keys, see `livesim.config.changes.STEERED`."""


class RecalibrateRequest(Header):
    """Estimate the pattern anew from the next raw stacks, and use that."""

    kind: Literal["recalibrate"] = "recalibrate"


class RecordRequest(Header):
    """Begin to record with the next raw stack, or end with the last one."""

    kind: Literal["record"] = "record"
    on: bool


class BegunReply(Header):
    """What was asked for has begun; the status tells what becomes of it."""

    kind: Literal["begun"] = "begun"


class SteeringStatus(Part):
    """What has become of the wishes for the running stream."""

    pending: dict[str, Value] = Field(default_factory=dict)
    """Asked for, and being prepared."""
    refused: str | None = None
    """Why the last ones could not be used; everything stayed as it was."""
    changes: int = 0
    """Of the settings, so far."""
    since: int | None = None
    """Time of the raw stack from which on the last one holds."""
    recalibrating: bool = False
    """The pattern is being estimated anew."""


class RecordStatus(Part):
    """Whether streams are recorded here."""

    into: str | None
    """Folder on the engine's machine; None = it was started without one."""
    on: bool
    """Whether the next raw stack is to be recorded."""
