"""Build the rows of a form, with paths that are typed or chosen."""

from __future__ import annotations

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


def folder_button(edit: QLineEdit) -> QPushButton:
    """Return what chooses a folder for a field."""

    def choose() -> None:
        chosen = QFileDialog.getExistingDirectory(edit, "Choose a folder", edit.text())
        if chosen:
            edit.setText(chosen)

    made = button("…", "Choose a folder")
    made.clicked.connect(choose)
    return made


def file_button(edit: QLineEdit) -> QPushButton:
    """Return what chooses a settings file for a field."""

    def choose() -> None:
        chosen = settings_file(edit, edit.text())
        if chosen is not None:
            edit.setText(str(chosen))

    made = button("…", "Choose a settings file (TOML)")
    made.clicked.connect(choose)
    return made


def settings_file(parent: QWidget, beginning: str) -> Path | None:
    """Let the user choose a settings file; None = nothing was chosen."""
    chosen, _ = QFileDialog.getOpenFileName(
        parent, "Choose a settings file", beginning, "Settings (*.toml)"
    )
    return Path(chosen) if chosen else None
