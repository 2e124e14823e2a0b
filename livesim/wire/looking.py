"""Ask for the raw stacks of one recording through the pipes of a child process, one by one.

A question is a line of JSON. An answer is a number of parts, each behind its length; the first one
says what it is. So one process restores and another one, without torch, shows.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import BinaryIO

from pydantic import ValidationError

from livesim.config.errors import sentence
from livesim.values.frames import StackIndex
from livesim.values.results import Result
from livesim.wire.codec import Buffer, decode, encode
from livesim.wire.header import Part, WireError
from livesim.wire.stream_status import InUse

_COUNT, _LENGTH = struct.Struct("<I"), struct.Struct("<Q")
_MOST_PARTS = 16
_OPENED, _RESULT, _REFUSED = b"opened", b"result", b"refused"


class Opened(Part):
    """What a recording holds, once it is open and its pattern is known."""

    in_use: InUse
    stacks: tuple[StackIndex, ...]
    """In the order in which they were taken."""
    interval_s: float | None = None
    """Between two time points, as the file states it."""
    has_networks: bool = False
    """Whether raw stacks can be restored with networks as well."""


class Wanted(Part):
    """One raw stack that is to be restored."""

    index: StackIndex
    networks: bool = False
    """Whether with the networks, which takes seconds on a CPU."""


def read_wanted(line: bytes) -> Wanted:
    """Read a question.

    Raises
    ------
    WireError
        If it is none.
    """
    try:
        return Wanted.model_validate_json(line)
    except ValidationError as error:
        raise WireError(f"expected a raw stack to look at: {sentence(error)}") from error


def write_answer(file: BinaryIO, answer: Opened | Result | str) -> None:
    """Write what was opened or restored, or why not."""
    if isinstance(answer, str):
        parts: list[Buffer] = [_REFUSED, answer.encode()]
    elif isinstance(answer, Opened):
        parts = [_OPENED, answer.model_dump_json().encode()]
    else:
        parts = [_RESULT, *encode(answer)]
    file.write(_COUNT.pack(len(parts)))
    for part in parts:
        whole = memoryview(part).cast("B")
        file.write(_LENGTH.pack(len(whole)))
        file.write(whole)
    file.flush()


def read_answer(file: BinaryIO) -> Opened | Result | str:
    """Read an answer; a text says why there is no other.

    Raises
    ------
    WireError
        If the process has ended, or says something else.
    """
    (count,) = _COUNT.unpack(_exactly(file, _COUNT.size))
    if not 1 < count <= _MOST_PARTS:
        raise WireError(f"expected an answer of 2 to {_MOST_PARTS} parts, found {count}")
    kind, *parts = (_part(file) for _ in range(count))
    return _answer(kind, parts)


def _answer(kind: bytes, parts: Sequence[bytes]) -> Opened | Result | str:
    if kind == _REFUSED:
        return parts[0].decode()
    if kind == _OPENED:
        return Opened.model_validate_json(parts[0])
    message = decode(parts) if kind == _RESULT else None
    if not isinstance(message, Result):
        raise WireError(f"expected an answer to a question, found {kind[:20]!r}")
    return message


def _part(file: BinaryIO) -> bytes:
    (length,) = _LENGTH.unpack(_exactly(file, _LENGTH.size))
    return _exactly(file, length)


def _exactly(file: BinaryIO, count: int) -> bytes:
    found = file.read(count)
    if len(found) < count:
        raise WireError("expected an answer, found that the process has ended")
    return found
