"""The JSON of a request or a reply -> its value, or a sentence that says what is wrong with it."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from livesim.config.errors import sentence
from livesim.wire.header import WireError, check_version


class _Envelope(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    version: int


Read = TypeVar("Read")


def read_as(adapter: TypeAdapter[Read], text: bytes) -> Read:
    """Return what a message of the control socket holds.

    Raises
    ------
    WireError
        If it has another version, or is none of what `adapter` knows.
    """
    try:
        check_version(_Envelope.model_validate_json(text).version)
        return adapter.validate_json(text)
    except ValidationError as error:
        raise WireError(f"expected a control message ({sentence(error)})") from error
