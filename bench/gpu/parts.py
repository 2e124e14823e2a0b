"""Run the parts of a step one by one; each leaves a JSON line at once, also when it fails."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Found = Mapping[str, Any]


class Parts:
    """The parts of one step: none keeps the next one from running.

    Parameters
    ----------
    out
        Gets the lines; what another process has written there stays.
    most_s
        After so many seconds no further part is begun; the others are named as left out.
    """

    def __init__(self, out: Path, most_s: float) -> None:
        self._out, self._most_s = out, most_s
        self._begin = time.monotonic()
        self.failed = 0

    def __call__(self, name: str, work: Callable[[], Found]) -> None:
        """Do one part and write what it has found; `ok` False counts as a failure."""
        begin = time.monotonic()
        if begin - self._begin > self._most_s:
            self._write({"part": name, "left_out": "no time was left"})
            return
        try:
            found: dict[str, Any] = dict(work())
        except Exception as error:  # noqa: BLE001 - whatever it is, the other parts are to run
            found = {"ok": False, "error": f"{type(error).__name__}: {error}"}
            found["where"] = traceback.format_exc().splitlines()[-9:-1]
        self.failed += found.get("ok") is False
        self._write({"part": name, "seconds": round(time.monotonic() - begin, 3), **found})

    def _write(self, line: Found) -> None:
        words = json.dumps(line, default=str)
        with self._out.open("a", encoding="utf-8") as file:
            file.write(words + "\n")
        print(words[:300], flush=True)
