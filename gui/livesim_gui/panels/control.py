"""Where the engine is and what runs in; the user's wish to connect, start and stop out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtWidgets import (
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from livesim_gui.remembered import Remembered


@dataclass(frozen=True, slots=True)
class Running:
    """What the buttons show: the state of things, not the user's wish."""

    connection: str
    can_start: bool
    """Whether this viewer can start processes at all."""
    engine: str | None
    """Address of the engine that was started here."""
    simulating: bool
    busy: str | None = None
    """What is under way."""


class ControlPanel(QWidget):
    """Connect to an engine; start one, and a simulated microscope."""

    connect_asked = pyqtSignal(str)
    engine_asked = pyqtSignal(bool)
    simulator_asked = pyqtSignal(bool)
    export_asked = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.address = QLineEdit()
        self.connect_button = _button("Connect")
        self.connect_button.clicked.connect(self._connect)
        self.address.returnPressed.connect(self._connect)
        self.engine_button = _button("Start engine")
        self.simulator_button = _button("Start simulator")
        self.export_button = _button("Export… (Ctrl+E)")
        self.export_button.clicked.connect(lambda: self.export_asked.emit())
        self.record, self.config = QLineEdit(), QLineEdit()
        self.snapshots = QLineEdit()
        self.record.setPlaceholderText("empty = do not record")
        self.config.setPlaceholderText("empty = what the source says")
        self.words = QLabel()
        self.words.setWordWrap(True)
        self._running: Running | None = None
        self.engine_button.clicked.connect(self._switch_engine)
        self.simulator_button.clicked.connect(self._switch_simulator)
        self._lay_out()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        form = QFormLayout()
        form.setVerticalSpacing(8)
        form.addRow("Engine", _beside(self.address, self.connect_button))
        form.addRow("Record into", _beside(self.record, _folder_button(self.record)))
        form.addRow("Settings file", _beside(self.config, _file_button(self.config)))
        form.addRow("Snapshots", _beside(self.snapshots, _folder_button(self.snapshots)))
        layout.addLayout(form)
        buttons = QHBoxLayout()
        buttons.addWidget(self.engine_button)
        buttons.addWidget(self.simulator_button)
        layout.addLayout(buttons)
        layout.addWidget(self.export_button)
        layout.addWidget(self.words)
        note = QLabel(
            "An engine started here records into the folder above, at once; others where livesim "
            "engine --record says. Steer begins and ends recordings."
        )
        note.setWordWrap(True)
        note.setProperty("role", "faint")
        layout.addWidget(note)
        layout.addStretch(1)

    def recall(self, known: Remembered) -> None:
        """Take what was entered the last time."""
        self.show_address(known.address)
        self.record.setText(known.record)
        self.config.setText(known.config)
        self.snapshots.setText(known.snapshots)

    def show_address(self, address: str) -> None:
        """Show where the engine is, as short as it can be typed."""
        self.address.setText(address.removeprefix("tcp://"))
        self.address.setCursorPosition(0)

    def choices(self, known: Remembered) -> Remembered:
        """Return what is to be remembered."""
        return replace(
            known,
            address=self.address.text(),
            record=self.record.text(),
            config=self.config.text(),
            snapshots=self.snapshots.text(),
        )

    @property
    def record_path(self) -> Path | None:
        """Where an engine that is started here records; None = nowhere."""
        return _path(self.record)

    @property
    def config_path(self) -> Path | None:
        """The settings file of what is started here; None = none."""
        return _path(self.config)

    def show_running(self, running: Running) -> None:
        """Show what runs."""
        if running == self._running:
            return
        self._running = running
        own, free = running.engine is not None, running.busy is None
        self.engine_button.setText("Stop engine" if own else "Start engine")
        self.engine_button.setEnabled(running.can_start and free)
        self.simulator_button.setText("Stop simulator" if running.simulating else "Start simulator")
        connected = running.connection == "connected"
        self.simulator_button.setEnabled(running.can_start and free and connected)
        self.words.setText(running.busy or "")

    def say(self, words: str) -> None:
        """Tell what happened."""
        self.words.setText(words)

    def _connect(self) -> None:
        self.connect_asked.emit(self.address.text().strip())

    def _switch_engine(self) -> None:
        self.engine_asked.emit(self._running is None or self._running.engine is None)

    def _switch_simulator(self) -> None:
        self.simulator_asked.emit(self._running is None or not self._running.simulating)


def _path(edit: QLineEdit) -> Path | None:
    text = edit.text().strip()
    return Path(text).expanduser() if text else None


def _beside(edit: QLineEdit, button: QPushButton) -> QWidget:
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(edit, 1)
    layout.addWidget(button)
    return row


def _button(words: str) -> QPushButton:
    button = QPushButton(words)
    button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return button


def _folder_button(edit: QLineEdit) -> QPushButton:
    def choose() -> None:
        chosen = QFileDialog.getExistingDirectory(edit, "Choose a folder", edit.text())
        if chosen:
            edit.setText(chosen)

    button = _button("…")
    button.clicked.connect(choose)
    return button


def _file_button(edit: QLineEdit) -> QPushButton:
    def choose() -> None:
        chosen, _ = QFileDialog.getOpenFileName(
            edit, "Choose a settings file", edit.text(), "Settings (*.toml)"
        )
        if chosen:
            edit.setText(chosen)

    button = _button("…")
    button.clicked.connect(choose)
    return button
