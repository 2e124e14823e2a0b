"""What every message begins with, and what is wrong with one that does not."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, ValidationError

from livesim.values.errors import DataError

WIRE_VERSION = 1
MAX_HEADER_BYTES = 1 << 20


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


def sentence(error: ValidationError) -> str:
    """Put the first fault of a header in words."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg']}" if place else first["msg"]
