"""Run `livesim replay` as a child process that obeys, and follow what it says."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace

from qtpy.QtCore import QObject, QProcess, Signal

from livesim_gui.children.child import Child
from livesim_gui.state.time.replay import Replay, ReplayWish

COMMAND = (sys.executable, "-m", "livesim", "replay")
END_MS = 15_000
"""How long a replay may take to end its stream."""


class ReplayChild(QObject):
    """Runs one replay at a time."""

    changed = Signal()
    """`state` is another one."""

    def __init__(self, parent: QObject | None = None, command: Sequence[str] = COMMAND) -> None:
        super().__init__(parent)
        self.state = Replay()
        self._next: tuple[ReplayWish, str, str] | None = None
        """What begins once the one that runs has ended."""
        self._process = Child(self, command, "replay")
        self._process.readyReadStandardOutput.connect(self._read)
        self._process.readyReadStandardError.connect(self._read)
        self._process.finished.connect(self._finished)
        self._process.refused.connect(self._refused)

    def start(self, wish: ReplayWish, engine: str, rate: str) -> None:
        """Begin a replay, after the one that runs, which is asked to end."""
        self._next = (wish, engine, rate)
        if self._process.running:
            self._process.closeWriteChannel()
        else:
            self._begin()

    def tell(self, line: str) -> None:
        """Steer it: pause, resume, step, rate …, stop; see docs/use/replay.md."""
        if self.state.running:
            self._process.write(f"{line}\n".encode())

    def close(self) -> None:
        """End it with the window; its stream ends in order."""
        self.blockSignals(True)
        self._next = None
        self._process.end(END_MS)

    def _begin(self) -> None:
        if self._next is None:
            return
        (opened, engine, rate), self._next = self._next, None
        self._become(Replay(opened.raw.name, running=True, rate=rate))
        self._process.begin(opened.flags(engine, rate))

    def _read(self) -> None:
        state = self.state
        for line in self._process.lines(QProcess.ProcessChannel.StandardOutput):
            state = state.heard(line)
        for line in self._process.lines(QProcess.ProcessChannel.StandardError):
            state = state.complained(line)
        self._become(state)

    def _finished(self, status: int) -> None:
        self._read()
        self._become(self.state.ended(status))
        self._begin()

    def _refused(self, words: str) -> None:
        self._become(replace(self.state, running=False, said=words))

    def _become(self, state: Replay) -> None:
        if state != self.state:
            self.state = state
            self.changed.emit()
