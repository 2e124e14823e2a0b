"""Run `livesim replay` as a child process that obeys, and follow what it says."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace

from qtpy.QtCore import QObject, QProcess, Signal

from livesim_gui.state.time.replay import Replay, ReplayWish

COMMAND = (sys.executable, "-m", "livesim", "replay")
END_MS = 15_000
"""How long a replay may take to end its stream."""


class ReplayChild(QObject):
    """Runs one replay at a time. It ends with the window, however that ends: its stdin closes."""

    changed = Signal()
    """`state` is another one."""

    def __init__(self, parent: QObject | None = None, command: Sequence[str] = COMMAND) -> None:
        super().__init__(parent)
        self.state = Replay()
        self._next: tuple[ReplayWish, str, str] | None = None
        """What begins once the one that runs has ended."""
        self._command = tuple(command)
        self._process = QProcess(self)
        self._process.readyReadStandardOutput.connect(self._read)
        self._process.readyReadStandardError.connect(self._read)
        self._process.finished.connect(self._finished)
        self._process.errorOccurred.connect(self._failed)

    def start(self, wish: ReplayWish, engine: str, rate: str) -> None:
        """Begin a replay, after the one that runs, which is asked to end."""
        self._next = (wish, engine, rate)
        if self._process.state() == QProcess.ProcessState.NotRunning:
            self._begin()
        else:
            self._process.closeWriteChannel()

    def tell(self, line: str) -> None:
        """Steer it: pause, resume, step, rate …, stop; see docs/use/replay.md."""
        if self.state.running:
            self._process.write(f"{line}\n".encode())

    def close(self) -> None:
        """End it with the window; its stream ends in order."""
        self.blockSignals(True)
        self._next = None
        if self._process.state() == QProcess.ProcessState.NotRunning:
            return
        self._process.closeWriteChannel()
        if not self._process.waitForFinished(END_MS):
            self._process.kill()
            self._process.waitForFinished(END_MS)

    def _begin(self) -> None:
        if self._next is None:
            return
        (opened, engine, rate), self._next = self._next, None
        self._become(Replay(opened.raw.name, running=True, rate=rate))
        program, *arguments = self._command
        self._process.start(program, [*arguments, *opened.flags(engine, rate)])

    def _read(self) -> None:
        state = self.state
        self._process.setReadChannel(QProcess.ProcessChannel.StandardOutput)
        while self._process.canReadLine():
            state = state.heard(_text(self._process.readLine()))
        self._process.setReadChannel(QProcess.ProcessChannel.StandardError)
        while self._process.canReadLine():
            state = state.complained(_text(self._process.readLine()))
        self._become(state)

    def _finished(self, status: int) -> None:
        self._read()
        self._become(self.state.ended(status))
        self._begin()

    def _failed(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            said = f"The replay could not be started: {self._process.errorString()}"
            self._become(replace(self.state, running=False, said=said))

    def _become(self, state: Replay) -> None:
        if state != self.state:
            self.state = state
            self.changed.emit()


def _text(line: bytes) -> str:
    return bytes(line).decode(errors="replace")
