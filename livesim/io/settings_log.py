"""What was changed of the settings while a stream ran <-> a log, one JSON object a line."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

from livesim.config.changes import SettingsChange, Value
from livesim.io.json_lines import Count, LogLine, StackLine, append_lines, read_lines, stack_json

FORMAT = "livesim-settings-log/1"


class _Change(LogLine):
    when: str
    received_ns: Count
    stack: StackLine
    old: dict[str, Value]
    new: dict[str, Value]


def append_settings_change(path: Path, change: SettingsChange) -> None:
    """Append a change to the log, which the first one begins.

    Raises
    ------
    OSError
        If the disk refuses.
    """
    append_lines(path, FORMAT, [_to_json(change)])


def read_settings_log(path: Path) -> tuple[SettingsChange, ...]:
    """Read a log.

    A last line that is not whole, as a crash may leave it, is passed over.

    Raises
    ------
    DataError
        If the file cannot be read or a line is no change: the file, the line, what was expected.
    """
    return tuple(
        SettingsChange(line.stack.index, line.received_ns, line.old, line.new)
        for _, line in read_lines(path, FORMAT, _Change)
    )


def _to_json(change: SettingsChange) -> dict[str, Any]:
    when = datetime.datetime.fromtimestamp(change.received_ns / 1e9, datetime.UTC)
    return {
        "when": when.isoformat(timespec="milliseconds"),
        "received_ns": change.received_ns,
        "stack": stack_json(change.stack),
        "old": dict(change.old),
        "new": dict(change.new),
    }
