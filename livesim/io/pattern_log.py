"""What changed of a pattern while a stream ran <-> a text file, one JSON object a line."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import FiniteFloat

from livesim.io.json_lines import Count, LogLine, StackLine, append_lines, read_lines, stack_json
from livesim.io.pattern_file import pattern_from_json, pattern_to_json
from livesim.values.errors import DataError
from livesim.values.illumination import ChangeKind, Illumination, PatternChange, unturned
from livesim.values.pattern import Pattern

FORMAT = "livesim-pattern-log/1"


class _Light(LogLine):
    turns_rad: tuple[FiniteFloat, ...]
    pattern: dict[str, Any] | None = None
    """Where the change is one of the cached pattern."""


class _Change(LogLine):
    when: str
    received_ns: Count
    stack: StackLine
    kind: ChangeKind
    angle: Count | None
    reason: str
    old: _Light
    new: _Light


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
        append_lines(self._path, FORMAT, [_to_json(change) for change in changes])


def read_pattern_log(path: Path, first: Pattern) -> tuple[PatternChange, ...]:
    """Read a log; `first` is the pattern that the stream began with.

    A last line that is not whole, as a crash may leave it, is passed over.

    Raises
    ------
    DataError
        If the file cannot be read or a line is no change: the file, the line, what was expected.
    """
    return tuple(_changes(path, first))


def _changes(path: Path, first: Pattern) -> Iterator[PatternChange]:
    light = unturned(first)
    for source, line in read_lines(path, FORMAT, _Change):
        new = _light(line.new, light.pattern, source)
        yield PatternChange(
            stack=line.stack.index,
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


def _to_json(change: PatternChange) -> dict[str, Any]:
    swapped = change.old.pattern is not change.new.pattern
    when = datetime.datetime.fromtimestamp(change.received_ns / 1e9, datetime.UTC)
    return {
        "when": when.isoformat(timespec="milliseconds"),
        "received_ns": change.received_ns,
        "stack": stack_json(change.stack),
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
