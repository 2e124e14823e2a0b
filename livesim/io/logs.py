"""Write and read the logs of a recorded stream: changes of pattern, settings and weights, labels.

A log is a text file: a line that names its format, then one JSON object a line, each with the raw
stack from which on the change holds. It is appended to while the stream runs, so after a crash
every line is whole but perhaps the last.
"""

from __future__ import annotations

import base64
import datetime
import json
import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    TypeAdapter,
    ValidationError,
)
from typing_extensions import TypedDict

from livesim.config.changes import SettingsChange
from livesim.config.errors import sentence
from livesim.io.pattern_file import pattern_from_json, pattern_to_json
from livesim.io.write.chunk_files import write_all
from livesim.values.errors import DataError
from livesim.values.frames import RawStack, StackIndex
from livesim.values.illumination import Illumination, PatternChange, unturned
from livesim.values.numbers import Count
from livesim.values.pattern import Pattern
from livesim.values.weights import BandWeights, WeightGrid, WeightsChange

PATTERN_FORMAT = "livesim-pattern-log/1"
SETTINGS_FORMAT = "livesim-settings-log/1"
WEIGHTS_FORMAT = "livesim-weights-log/1"
LABELS_FORMAT = "livesim-time-labels/1"

_PATTERN_CHANGE: TypeAdapter[PatternChange] = TypeAdapter(PatternChange)
_SETTINGS_CHANGE: TypeAdapter[SettingsChange] = TypeAdapter(SettingsChange)
_LINE: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])
Parsed = TypeVar("Parsed")
Side = Annotated[int, Field(ge=1, le=2**15)]
"""Of a grid of weights."""


class _Header(BaseModel):
    model_config = ConfigDict(extra="forbid")

    format: str


def _grid_to_json(grid: WeightGrid) -> dict[str, Any]:
    """Return a band's numbers deflated (RFC 1950) and in base64."""
    packed = base64.b64encode(zlib.compress(grid.numbers)).decode("ascii")
    return {"shape": list(grid.shape), "deflated": packed}


def _grid_from_json(value: Any) -> WeightGrid:
    if isinstance(value, WeightGrid):
        return value
    written = _GRID.validate_python(value)
    rows, columns = written["shape"]
    try:
        packed = base64.b64decode(written["deflated"], validate=True)
        # One more than expected is enough to see that there are too many.
        numbers = zlib.decompressobj().decompress(packed, rows * columns + 1)
    except (ValueError, zlib.error) as error:
        raise ValueError(f"expected deflated numbers in base64, found: {error}") from error
    return WeightGrid((rows, columns), numbers)


class _GridValues(TypedDict):
    """A band's numbers as they are written."""

    shape: tuple[Side, Side]
    deflated: str


_GRID: TypeAdapter[_GridValues] = TypeAdapter(_GridValues)
_Grid = Annotated[WeightGrid, PlainValidator(_grid_from_json), PlainSerializer(_grid_to_json)]


class _WeightsLine(BaseModel):
    """A line of a weights' log."""

    model_config = ConfigDict(extra="forbid")

    stack: StackIndex
    received_ns: Count
    weights: tuple[_Grid, ...] | None

    @property
    def change(self) -> WeightsChange:
        """What was written."""
        weights = None if self.weights is None else BandWeights(self.weights)
        return WeightsChange(self.stack, self.received_ns, weights)


def append_pattern_changes(path: Path, changes: Sequence[PatternChange]) -> None:
    """Append changes to a pattern's log, which the first ones begin.

    Raises
    ------
    OSError
        If the disk refuses.
    """
    _append(path, PATTERN_FORMAT, [_pattern_line(change) for change in changes])


def read_pattern_log(path: Path, first: Pattern) -> tuple[PatternChange, ...]:
    """Read a pattern's log; `first` is the pattern that the stream began with.

    A last line that is not whole, as a crash may leave it, is passed over.

    Raises
    ------
    DataError
        If the file cannot be read or a line is no change: the file, the line, what was expected.
    """
    return tuple(_pattern_changes(path, first))


def append_settings_change(path: Path, change: SettingsChange) -> None:
    """Append a change to the settings' log, which the first one begins.

    Raises
    ------
    OSError
        If the disk refuses.
    """
    _append(path, SETTINGS_FORMAT, [_SETTINGS_CHANGE.dump_python(change, mode="json")])


def read_settings_log(path: Path) -> tuple[SettingsChange, ...]:
    """Read a settings' log.

    A last line that is not whole, as a crash may leave it, is passed over.

    Raises
    ------
    DataError
        If the file cannot be read or a line is no change: the file, the line, what was expected.
    """
    return _changes(_SETTINGS_CHANGE, path, SETTINGS_FORMAT)


def append_weights_change(path: Path, change: WeightsChange) -> None:
    """Append a change to the log of a channel's weights, which the first one begins.

    Raises
    ------
    OSError
        If the disk refuses.
    """
    grids = None if change.weights is None else change.weights.grids
    line = _WeightsLine(stack=change.stack, received_ns=change.received_ns, weights=grids)
    _append(path, WEIGHTS_FORMAT, [line.model_dump(mode="json")])


def read_weights_log(path: Path) -> tuple[WeightsChange, ...]:
    """Read the log of a channel's weights.

    A last line that is not whole, as a crash may leave it, is passed over.

    Raises
    ------
    DataError
        If the file cannot be read or a line is no change: the file, the line, what was expected.
    """
    lines = _changes(TypeAdapter(_WeightsLine), path, WEIGHTS_FORMAT)
    return tuple(line.change for line in lines)


def append_time_label(path: Path, stack: RawStack) -> None:
    """Append what the source calls the time of a raw stack that the recording numbers otherwise.

    Raises
    ------
    OSError
        If the disk refuses.
    """
    line = {"time": stack.index.time, "label": stack.label, "received_ns": stack.last_received_ns}
    _append(path, LABELS_FORMAT, [line])


def _pattern_line(change: PatternChange) -> dict[str, Any]:
    """Return a change as JSON values; the patterns are left out where they stayed the same."""
    without = {"old": {"pattern"}, "new": {"pattern"}}
    line: dict[str, Any] = _PATTERN_CHANGE.dump_python(change, mode="json", exclude=without)
    if change.old.pattern is not change.new.pattern:
        line["old"]["pattern"] = pattern_to_json(change.old.pattern)
        line["new"]["pattern"] = pattern_to_json(change.new.pattern)
    return line


def _pattern_changes(path: Path, first: Pattern) -> Iterator[PatternChange]:
    light = unturned(first)
    for place, line in _lines(path, PATTERN_FORMAT):
        change = _parsed(_PATTERN_CHANGE, _completed(line, light, place), place)
        light = change.new
        if len(light.turns_rad) != len(light.pattern.angles):
            raise DataError(
                f"{place}: expected {len(light.pattern.angles)} turns_rad, one per angle, "
                f"found {len(light.turns_rad)}"
            )
        yield change


def _completed(line: dict[str, Any], light: Illumination, place: str) -> dict[str, Any]:
    """Return a line with what held before it, and with the pattern where that stayed the same."""
    new = line.get("new")
    if isinstance(new, dict):
        own = new.get("pattern")
        pattern = light.pattern if own is None else pattern_from_json(own, place)
        new = new | {"pattern": pattern}
    return line | {"old": light, "new": new}


def _append(path: Path, named: str, changes: Sequence[dict[str, Any]]) -> None:
    """Append lines to a log, which the first ones begin: all of them, or none."""
    lines = [json.dumps({"when": _when(one), **one}, allow_nan=False) for one in changes]
    size = path.stat().st_size if path.exists() else 0
    if not size:
        lines.insert(0, json.dumps({"format": named}))
    try:
        with path.open("ab", buffering=0) as file:
            write_all(file, "".join(f"{line}\n" for line in lines).encode())
    except OSError:  # the disk is full: half a line would spoil the one that follows
        with suppress(OSError):
            os.truncate(path, size) if size else path.unlink()
        raise


def _when(change: dict[str, Any]) -> str:
    """Return the time of a change for people to read; programs take `received_ns`."""
    moment = datetime.datetime.fromtimestamp(change["received_ns"] / 1e9, datetime.UTC)
    return moment.isoformat(timespec="milliseconds")


def _lines(path: Path, named: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return the lines of a log without their `when`, each with words that say where it stands."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: expected a readable log, found: {error}") from error
    header, *lines = text.split("\n")[:-1] or [""]
    found = _parsed(TypeAdapter(_Header), header, f"{path}, line 1").format
    if found != named:
        raise DataError(f"{path}, line 1: format: expected {named!r}, found {found!r}")
    for number, line in enumerate(lines, start=2):
        place = f"{path}, line {number}"
        values = _parsed(_LINE, line, place)
        values.pop("when", None)
        yield place, values


def _changes(adapter: TypeAdapter[Parsed], path: Path, named: str) -> tuple[Parsed, ...]:
    return tuple(_parsed(adapter, line, place) for place, line in _lines(path, named))


def _parsed(adapter: TypeAdapter[Parsed], line: str | dict[str, Any], place: str) -> Parsed:
    try:
        if isinstance(line, str):
            return adapter.validate_json(line)
        return adapter.validate_python(line, extra="forbid")
    except ValidationError as error:
        raise DataError(f"{place}: {sentence(error)}") from error
