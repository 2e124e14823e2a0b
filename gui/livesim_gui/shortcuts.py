"""Make the keys of the table work, and show the list of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from qtpy.QtCore import QSize
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import (
    QDialog,
    QGridLayout,
    QLabel,
    QScrollArea,
    QShortcut,
    QVBoxLayout,
    QWidget,
)

from livesim_gui.screen import bounded_size
from livesim_gui.state.keys import KEYS, STAGE, Key

REPEATED = ("back", "forward", "step")
"""What a key does again and again while it is held down; all else it does once."""


def bind_keys(
    window: QWidget, actions: Mapping[str, Callable[[], None]], stage: Callable[[int], None]
) -> None:
    """Let every key of the table do what it stands for.

    Parameters
    ----------
    actions
        By the names of the keys, but for the stages'.
    stage
        Shows the stage of a number, from 0.
    """
    for key in KEYS:
        for number, press in enumerate(key.keys):
            shortcut = QShortcut(QKeySequence(press), window)
            if key.name == STAGE:
                shortcut.activated.connect(partial(stage, number))
            else:
                shortcut.activated.connect(actions[key.name])
            shortcut.setAutoRepeat(key.name in REPEATED)


class KeyList(QDialog):
    """Lists all keys; on a screen that is lower than the list it scrolls."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys")
        inside = QWidget()
        grid = QGridLayout(inside)
        grid.setContentsMargins(24, 20, 24, 20)
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(6)
        for row, key in enumerate(KEYS):
            self._add(grid, row, key)
        note = QLabel("Wheel: zoom. Drag: pan.")
        note.setProperty("role", "faint")
        grid.addWidget(note, len(KEYS), 0, 1, 2)
        scroll = QScrollArea()
        scroll.setWidget(inside)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(scroll)
        bar = scroll.verticalScrollBar()
        assert bar is not None
        room = QSize(bar.sizeHint().width(), 2 * scroll.frameWidth())
        self.resize(bounded_size(inside.sizeHint() + room, self))

    def _add(self, grid: QGridLayout, row: int, key: Key) -> None:
        label = QLabel(key.label)
        label.setProperty("role", "faint")
        grid.addWidget(label, row, 0)
        grid.addWidget(QLabel(key.words), row, 1)
