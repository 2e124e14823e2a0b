"""What changed of a pattern while a stream ran <-> a text file, one JSON object a line."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from livesim.drift import ChangeKind, Illumination, PatternChange, still
from livesim.frames import DataError, Pattern, StackIndex
from livesim.io.complaint import complaint
from livesim.io.pattern_file import pattern_from_json, pattern_to_json

FORMAT = "livesim-pattern-log/1"
Count = Annotated[int, Field(ge=0)]


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Header(_Line):
    format: Literal["livesim-pattern-log/1"]


class _Stack(_Line):
    position: Count
    time: Count
    channel: Count
    z: Count


class _Light(_Line):
    turns_rad: tuple[FiniteFloat, ...]
    pattern: dict[str, Any] | None = None
    """Where the change is one of the cached pattern."""


class _Change(_Line):
    when: str
    received_ns: Count
    stack: _Stack
    kind: ChangeKind
    angle: Count | None
    reason: str
    old: _Light
    new: _Light


Line = TypeVar("Line", bound=_Line)


class PatternLog:
    """A log that is being written: a line is whole or the last one, whatever happens.

    Parameters
    ----------
    path
        The file; made by the first change, continued by later ones.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, changes: Sequence[PatternChange]) -> None:
        """Append changes.

        Raises
        ------
        OSError
            If the disk refuses.
        """
        lines = [json.dumps(_to_json(change), allow_nan=False) for change in changes]
        if not self._path.exists():
            lines.insert(0, json.dumps({"format": FORMAT}))
        with self._path.open("a", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in lines))


def read_pattern_log(path: Path, first: Pattern) -> tuple[PatternChange, ...]:
    """Read a log; `first` is the pattern that the stream began with.

    A last line that is not whole, as a crash may leave it, is passed over.

    Raises
    ------
    DataError
        If the file cannot be read or a line is no change: the file, the line, what was expected.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: expected a readable pattern log, found: {error}") from error
    header, *lines = text.split("\n")[:-1] or [""]
    _parsed(_Header, header, f"{path}, line 1")
    return tuple(_changes(path, lines, first))


def _changes(path: Path, lines: list[str], first: Pattern) -> Iterator[PatternChange]:
    light = still(first)
    for number, text in enumerate(lines, start=2):
        source = f"{path}, line {number}"
        line = _parsed(_Change, text, source)
        new = _light(line.new, light.pattern, source)
        yield PatternChange(
            stack=StackIndex(**line.stack.model_dump()),
            received_ns=line.received_ns,
            kind=line.kind,
            angle=line.angle,
            reason=line.reason,
            old=light,
            new=new,
        )
        light = new


def _light(line: _Light, pattern: Pattern, source: str) -> Illumination:
    if line.pattern is not None:
        pattern = pattern_from_json(line.pattern, source)
    if len(line.turns_rad) != len(pattern.angles):
        raise DataError(
            f"{source}: expected {len(pattern.angles)} turns_rad, one per angle, "
            f"found {len(line.turns_rad)}"
        )
    return Illumination(pattern, line.turns_rad)


def _parsed(kind: type[Line], text: str, source: str) -> Line:
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        raise DataError(complaint(source, error)) from error


def _to_json(change: PatternChange) -> dict[str, Any]:
    swapped = change.old.pattern is not change.new.pattern
    at = change.stack
    when = datetime.datetime.fromtimestamp(change.received_ns / 1e9, datetime.UTC)
    return {
        "when": when.isoformat(timespec="milliseconds"),
        "received_ns": change.received_ns,
        "stack": {"position": at.position, "time": at.time, "channel": at.channel, "z": at.z},
        "kind": change.kind.value,
        "angle": change.angle,
        "reason": change.reason,
        "old": _light_to_json(change.old, whole=swapped),
        "new": _light_to_json(change.new, whole=swapped),
    }


def _light_to_json(light: Illumination, *, whole: bool) -> dict[str, Any]:
    document: dict[str, Any] = {"turns_rad": list(light.turns_rad)}
    if whole:
        document["pattern"] = pattern_to_json(light.pattern)
    return document
