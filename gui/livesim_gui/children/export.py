"""Run `livesim export` or `livesim adapt` as a child process, and follow how far it is."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from qtpy.QtCore import QObject, QProcess, Signal

from livesim_gui.children.child import Child
from livesim_gui.state.picture.export import read_progress

COMMAND = (sys.executable, "-m", "livesim", "export")
ADAPT = (sys.executable, "-m", "livesim", "adapt")
END_MS = 5000
"""How long an export may take to remove what it has begun, when the window closes."""


class ExportChild(QObject):
    """Runs one export at a time; the window goes on meanwhile."""

    progressed = Signal(int, int)
    """So many steps of so many are done."""
    ended = Signal(bool, str)
    """Whether the file is there; what to say."""

    def __init__(
        self, parent: QObject | None = None, command: Sequence[str] = COMMAND, what: str = "export"
    ) -> None:
        super().__init__(parent)
        self._what = what
        self._process = Child(self, command, what)
        self._process.readyReadStandardOutput.connect(self._read)
        self._process.finished.connect(self._finished)
        self._process.refused.connect(lambda words: self.ended.emit(False, words))
        self._wrote: tuple[str, ...] = ()
        self._notes: tuple[str, ...] = ()
        self._cancelled = False

    @property
    def running(self) -> bool:
        """Whether an export is under way."""
        return self._process.running

    def start(self, flags: Sequence[str]) -> None:
        """Begin an export."""
        self._wrote, self._notes, self._cancelled = (), (), False
        self._process.begin([*flags, "--json", "--tied"])

    def cancel(self) -> None:
        """Let it end; it leaves nothing under the file's name."""
        if self.running:
            self._cancelled = True
            self._process.closeWriteChannel()

    def close(self) -> None:
        """End it now, with the window."""
        self.blockSignals(True)
        self._process.end(END_MS)

    def _read(self) -> None:
        for text in self._process.lines(QProcess.ProcessChannel.StandardOutput):
            line = read_progress(text)
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

    def _last_words(self) -> str:
        lines = bytes(self._process.readAllStandardError()).decode(errors="replace").splitlines()
        return lines[-1].removeprefix("livesim: ") if lines else ""
