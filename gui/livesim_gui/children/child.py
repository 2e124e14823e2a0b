"""Run a command of livesim as a child process that ends with the viewer, however that ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from qtpy.QtCore import QObject, QProcess, Signal


class Child(QProcess):
    """A process that is tied to its stdin: it ends in order when that closes.

    Parameters
    ----------
    parent
        It is destroyed with it.
    command
        Program and first arguments.
    what
        What it does, one word for messages.
    """

    refused = Signal(str)
    """It could not be started; why."""

    def __init__(self, parent: QObject, command: Sequence[str], what: str) -> None:
        super().__init__(parent)
        self.command, self._what = tuple(command), what
        self.errorOccurred.connect(self._failed)

    @property
    def running(self) -> bool:
        """Whether it runs, or begins to."""
        return self.state() != QProcess.ProcessState.NotRunning

    def begin(self, flags: Sequence[str]) -> None:
        """Start it with these arguments behind those of the command."""
        program, *arguments = self.command
        self.start(program, [*arguments, *flags])

    def lines(self, channel: QProcess.ProcessChannel) -> Iterator[str]:
        """Yield the whole lines that it has written since."""
        self.setReadChannel(channel)
        while self.canReadLine():
            yield bytes(self.readLine()).decode(errors="replace")

    def end(self, within_ms: int) -> None:
        """End it now: in order if that takes no longer than this, else at once."""
        if not self.running:
            return
        self.closeWriteChannel()
        if not self.waitForFinished(within_ms):
            self.kill()
            self.waitForFinished(within_ms)

    def _failed(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self.refused.emit(f"The {self._what} could not be started: {self.errorString()}")
