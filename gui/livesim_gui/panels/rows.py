"""Build the rows of a form, with paths that are typed or chosen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QPushButton, QWidget


def path_of(edit: QLineEdit) -> Path | None:
    """Return the path that is typed; None = nothing is."""
    text = edit.text().strip()
    return Path(text).expanduser() if text else None


def beside(first: QWidget, *others: QWidget) -> QWidget:
    """Return a row of widgets; the first takes the room."""
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(first, 1)
    for other in others:
        layout.addWidget(other)
    return row


def button(words: str, tip: str = "", *, checkable: bool = False) -> QPushButton:
    """Return a button that leaves the keys to the window."""
    made = QPushButton(words)
    made.setToolTip(tip)
    made.setCheckable(checkable)
    made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return made


def chooser(
    words: str, tip: str, ask: Callable[[], str], take: Callable[[str], None]
) -> QPushButton:
    """Return a button that asks for a path, and hands it on where one was chosen."""

    def choose() -> None:
        if chosen := ask():
            take(chosen)

    made = button(words, tip)
    made.setAutoDefault(False)  # the return key is another button's
    made.clicked.connect(choose)
    return made


def folder_button(edit: QLineEdit) -> QPushButton:
    """Return what chooses a folder for a field."""

    def ask() -> str:
        return QFileDialog.getExistingDirectory(edit, "Choose a folder", edit.text())

    return chooser("…", "Choose a folder", ask, edit.setText)


def file_button(edit: QLineEdit) -> QPushButton:
    """Return what chooses a settings file for a field."""
    tip = "Choose a settings file (TOML)"
    return chooser("…", tip, lambda: str(settings_file(edit, edit.text()) or ""), edit.setText)


def settings_file(parent: QWidget, beginning: str) -> Path | None:
    """Let the user choose a settings file; None = nothing was chosen."""
    chosen, _ = QFileDialog.getOpenFileName(
        parent, "Choose a settings file", beginning, "Settings (*.toml)"
    )
    return Path(chosen) if chosen else None
