"""Offer what one can begin with, where there is no picture yet."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QWidget

BELOW = 60
"""Pixels from the middle of the picture, where the words stand, to the buttons."""


class StartPage(QWidget):
    """Has the buttons that lie over an empty picture.

    Parameters
    ----------
    parent
        The picture.
    """

    open_asked = Signal()
    simulator_asked = Signal()
    connect_asked = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        row = QHBoxLayout(self)
        self.open = _button("Open…", "Look at a recording on this machine (Ctrl+O); or drop it")
        self.simulator = _button("Start simulator", "An engine here, and a simulated microscope")
        self.connect_to = _button("Connect…", "To an engine that runs, here or elsewhere")
        for button, asked in (
            (self.open, self.open_asked),
            (self.simulator, self.simulator_asked),
            (self.connect_to, self.connect_asked),
        ):
            button.clicked.connect(lambda _, asked=asked: asked.emit())
            row.addWidget(button)
        self.hide()

    def place(self) -> None:
        """Lie in the middle of the picture, below the words."""
        over, size = self.parentWidget(), self.sizeHint()
        assert over is not None
        left, top = (over.width() - size.width()) // 2, over.height() // 2 + BELOW
        self.setGeometry(max(left, 0), max(top, 0), size.width(), size.height())


def _button(words: str, tip: str) -> QPushButton:
    made = QPushButton(words)
    made.setToolTip(tip)
    made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return made
