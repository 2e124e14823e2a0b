"""Keep what was measured, a line of JSON a row, so that a bench can be made in pieces."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.report import Row


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one file: read at the start, and written one by one."""

    path: Path

    def read(self) -> list[Row]:
        """Return all rows; a last line that was cut off counts as none."""
        return list(self._read())

    def _read(self) -> Iterator[Row]:
        if not self.path.exists():
            return
        for line in self.path.read_text("utf-8").splitlines():
            try:
                yield json.loads(line)
            except json.JSONDecodeError:
                continue

    def has(self, **key: object) -> bool:
        """Return whether there is a row with these values."""
        return any(key.items() <= row.items() for row in self._read())

    def add(self, row: Row) -> None:
        """Write a row at once; a line that was cut off stays a line of its own."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+b") as file:
            if file.tell() and not self.path.read_bytes().endswith(b"\n"):
                file.write(b"\n")
            file.write(json.dumps(row, allow_nan=False).encode() + b"\n")
