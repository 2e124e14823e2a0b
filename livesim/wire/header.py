"""Begin every message with the version of the wire format, and refuse any other version."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from livesim.values.errors import DataError

WIRE_VERSION = 4
"""Of frames, results and control messages alike; both ends must speak the same."""
MAX_HEADER_BYTES = 1 << 20
MAX_REQUEST_BYTES = 1 << 16
"""Of a request to an engine, part of which its status may repeat."""
MAX_REPLY_BYTES = 1 << 24
"""Of an engine's answer: the patterns of many channels are long, and no stranger made it."""


class WireError(DataError):
    """A message cannot be used, or nobody answers; the message says what was expected."""


class Part(BaseModel):
    """A part of a message: frozen, and what is unknown in it is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Header(Part):
    """What every message begins with."""

    version: int = WIRE_VERSION


def check_version(version: int) -> None:
    """Raise `WireError` unless this livesim speaks `version`."""
    if version != WIRE_VERSION:
        raise WireError(
            f"expected version {WIRE_VERSION} of the wire format, found {version}: "
            "both ends must run the same livesim"
        )
