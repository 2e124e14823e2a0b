"""Read what `livesim replay` writes: how far it is, and what can be asked of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

RATES = {
    "real": "as recorded",
    "max": "as fast as it goes",
    **{f"{rate}": f"{rate} frames/s" for rate in (1, 5, 10, 20, 50, 100, 200, 500)},
}
"""What can be chosen, as the command takes it and as it is shown."""


@dataclass(frozen=True, slots=True)
class ReplayWish:
    """One replay, as the user asks for it."""

    raw: Path
    config: Path | None = None
    """Its settings; None = those that lie beside it."""

    def flags(self, engine: str, rate: str) -> list[str]:
        """Return the arguments of `livesim replay`."""
        own = [] if self.config is None else ["--config", str(self.config)]
        asked = ["--control", "stdin", "--json", "--engine", engine, "--rate", rate]
        return [str(self.raw), *own, *asked]


@dataclass(frozen=True, slots=True)
class Replay:
    """The state of one replay, as it reports it."""

    name: str = ""
    """Of the recording; empty = none was opened yet."""
    running: bool = False
    sent: int = 0
    """Raw frames."""
    total: int = 0
    paused: bool = False
    rate: str = "real"
    said: str = ""
    """The last sentence that it wrote for people."""

    def heard(self, line: str) -> Replay:
        """Take a line of its standard output."""
        try:
            said = json.loads(line)
            return replace(
                self,
                sent=int(said["sent"]),
                total=int(said["total"]),
                paused=bool(said["paused"]),
                rate=str(said["rate"]),
            )
        except (ValueError, KeyError, TypeError):  # what a library has to say
            return self

    def complained(self, line: str) -> Replay:
        """Take a line of its standard error."""
        words = line.strip().removeprefix("livesim replay: ").removeprefix("livesim: ")
        return replace(self, said=words) if words else self

    def ended(self, status: int) -> Replay:
        """Take its exit status; what it has said last stays."""
        said = self.said
        if status and not said:
            said = f"The replay ended with {status}."
        return replace(self, running=False, paused=False, said=said)

    @property
    def words(self) -> str:
        """What stands in the window."""
        if not self.running:
            return self.said
        how = "paused" if self.paused else rate_words(self.rate)
        counted = f"{self.sent} of {self.total} frames, {how}" if self.total else "opens…"
        return "\n".join(filter(None, (f"{self.name}: {counted}", self.said)))

    def is_of(self, source: str | None) -> bool:
        """Whether a stream of this source is the replay; its last results come after its end."""
        return self.running or (bool(self.name) and self.name == source)

    @property
    def main_words(self) -> str:
        """What the one button does that pauses, goes on, or begins again."""
        if self.running:
            return "Go on" if self.paused else "Pause"
        return "Again" if self.name else "Pause"


def rate_words(rate: str) -> str:
    """Return a rate as it is shown."""
    return RATES.get(rate, f"{rate} frames/s")
