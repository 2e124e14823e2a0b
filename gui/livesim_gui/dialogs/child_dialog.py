"""Show how far a child process is that a dialog has started, and let it be stopped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDialog, QHBoxLayout, QLabel, QProgressBar, QPushButton, QWidget

from livesim_gui.children.export import ExportChild

WIDTH = 560


class Wish(Protocol):
    """What the child is to do."""

    @property
    def problem(self) -> str | None:
        """What is missing, in a sentence."""
        ...

    @property
    def flags(self) -> list[str]:
        """As its command takes it."""
        ...


class ChildDialog(QDialog):
    """A dialog with a child process behind it; the stream goes on meanwhile.

    Parameters
    ----------
    parent
        The window.
    child
        What does the work.
    title
        Of the dialog.
    buttons
        What is written on those that start and stop it.
    """

    def __init__(
        self, parent: QWidget | None, child: ExportChild, title: str, buttons: tuple[str, str]
    ) -> None:
        super().__init__(parent)
        self.child = child
        self.bar, self.words = QProgressBar(), QLabel()
        self.start, self.stop = map(QPushButton, buttons)
        self.setWindowTitle(title)
        self.setMinimumWidth(WIDTH)
        self.words.setWordWrap(True)
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.start.setDefault(True)
        self.stop.clicked.connect(lambda: self.child.cancel())
        self.child.progressed.connect(self._progressed)
        self.child.ended.connect(self._show_end)
        self._show_running(False)

    def _buttons(self, others: Sequence[QPushButton] = ()) -> QHBoxLayout:
        row = QHBoxLayout()
        row.addStretch(1)
        for one in (*others, self.stop, self.start):
            row.addWidget(one)
        return row

    def _run(self, wish: Wish) -> bool:
        """Start the child, or say what is missing; return whether it was started."""
        self.words.setText(wish.problem or "")
        if wish.problem is not None or self.child.running:
            return False
        self.bar.setRange(0, 0)
        self._show_running(True)
        self.child.start(wish.flags)
        return True

    def _progressed(self, done: int, total: int) -> None:
        self.bar.setRange(0, total)
        self.bar.setValue(done)

    def _show_end(self, there: bool, words: str) -> None:
        self._show_running(False)
        self.words.setText(words)

    def _show_running(self, running: bool) -> None:
        self.bar.setVisible(running)
        self.start.setEnabled(not running)
        self.stop.setEnabled(running)
