"""Run `livesim export` or `livesim adapt` as a child process, and follow how far it is."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from qtpy.QtCore import QObject, QProcess, Signal

from livesim_gui.state.picture.export import read_progress

COMMAND = (sys.executable, "-m", "livesim", "export")
ADAPT = (sys.executable, "-m", "livesim", "adapt")
END_MS = 5000
"""How long an export may take to remove what it has begun, when the window closes."""


class ExportChild(QObject):
    """Runs one export at a time; the window goes on meanwhile.

    The child is tied to its stdin: it ends when that closes, be it because the user cancels or
    because the viewer is gone.
    """

    progressed = Signal(int, int)
    """So many steps of so many are done."""
    ended = Signal(bool, str)
    """Whether the file is there; what to say."""

    def __init__(
        self, parent: QObject | None = None, command: Sequence[str] = COMMAND, what: str = "export"
    ) -> None:
        super().__init__(parent)
        self._what = what
        self._command = tuple(command)
        self._process = QProcess(self)
        self._process.readyReadStandardOutput.connect(self._read)
        self._process.finished.connect(self._finished)
        self._process.errorOccurred.connect(self._failed)
        self._wrote: tuple[str, ...] = ()
        self._notes: tuple[str, ...] = ()
        self._cancelled = False

    @property
    def running(self) -> bool:
        """Whether an export is under way."""
        return self._process.state() != QProcess.ProcessState.NotRunning

    def start(self, flags: Sequence[str]) -> None:
        """Begin an export."""
        self._wrote, self._notes, self._cancelled = (), (), False
        program, *arguments = self._command
        self._process.start(program, [*arguments, *flags, "--json", "--tied"])

    def cancel(self) -> None:
        """Let it end; it leaves nothing under the file's name."""
        if self.running:
            self._cancelled = True
            self._process.closeWriteChannel()

    def close(self) -> None:
        """End it now, with the window."""
        self.blockSignals(True)
        self.cancel()
        if self.running and not self._process.waitForFinished(END_MS):
            self._process.kill()
            self._process.waitForFinished(END_MS)

    def _read(self) -> None:
        while self._process.canReadLine():
            line = read_progress(bytes(self._process.readLine()).decode(errors="replace"))
            if line is not None and line.total:
                self.progressed.emit(line.done, line.total)
            elif line is not None:
                self._wrote, self._notes = line.wrote, line.notes

    def _finished(self, status: int) -> None:
        self._read()
        if status == 0:
            self.ended.emit(True, "\n".join([f"Wrote {', '.join(self._wrote)}", *self._notes]))
        elif self._cancelled:
            self.ended.emit(False, "Cancelled; nothing was written.")
        else:
            self.ended.emit(False, self._last_words() or f"The {self._what} ended with {status}.")

    def _failed(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self.ended.emit(
                False, f"The {self._what} could not be started: {self._process.errorString()}"
            )

    def _last_words(self) -> str:
        lines = bytes(self._process.readAllStandardError()).decode(errors="replace").splitlines()
        return lines[-1].removeprefix("livesim: ") if lines else ""
