"""A log as a text file: a line that names its format, then one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from livesim.config.errors import complaint
from livesim.values.errors import DataError
from livesim.values.frames import StackIndex

Count = Annotated[int, Field(ge=0)]


class LogLine(BaseModel):
    """What every kind of line begins from."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class StackLine(LogLine):
    """Which raw stack a line is about."""

    position: Count
    time: Count
    channel: Count
    z: Count

    @property
    def index(self) -> StackIndex:
        """The same as a value."""
        return StackIndex(self.position, self.time, self.channel, self.z)


class _Header(LogLine):
    format: str


Line = TypeVar("Line", bound=LogLine)


def stack_json(index: StackIndex) -> dict[str, int]:
    """Return a stack's index as a `StackLine`."""
    return {"position": index.position, "time": index.time, "channel": index.channel, "z": index.z}


def append_lines(path: Path, named: str, values: Sequence[dict[str, Any]]) -> None:
    """Append values to a log, which the first ones begin; a line is whole or the last one.

    Parameters
    ----------
    named
        The format.

    Raises
    ------
    OSError
        If the disk refuses.
    """
    lines = [json.dumps(value, allow_nan=False) for value in values]
    if not path.exists():
        lines.insert(0, json.dumps({"format": named}))
    with path.open("a", encoding="utf-8") as file:
        file.write("".join(f"{line}\n" for line in lines))


def read_lines(path: Path, named: str, kind: type[Line]) -> Iterator[tuple[str, Line]]:
    """Return the lines of a log, each with words that say where it stands.

    A last line that is not whole, as a crash may leave it, is passed over.

    Raises
    ------
    DataError
        If the file cannot be read or a line is not of its kind: the file, the line, what was
        expected.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: expected a readable log, found: {error}") from error
    header, *lines = text.split("\n")[:-1] or [""]
    found = _parsed(_Header, header, f"{path}, line 1").format
    if found != named:
        raise DataError(f"{path}, line 1: format: expected {named!r}, found {found!r}")
    for number, line in enumerate(lines, start=2):
        place = f"{path}, line {number}"
        yield place, _parsed(kind, line, place)


def _parsed(kind: type[Line], text: str, source: str) -> Line:
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        raise DataError(complaint(source, error)) from error
