"""Connect to an engine; start one, a simulated microscope, a replay or an export."""

from __future__ import annotations

from dataclasses import replace

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
)

from livesim_gui.children.launcher import EngineWish
from livesim_gui.children.local import Running
from livesim_gui.panels.panel import Panel
from livesim_gui.panels.replay import ReplayBar
from livesim_gui.panels.rows import beside, button, file_button, folder_button, path_of
from livesim_gui.remembered import Remembered
from livesim_gui.state.stream.connection import as_typed


class ControlPanel(Panel):
    """Asks for an engine to connect to or to start, a simulated microscope, or a replay."""

    connect_asked = Signal(str, str)
    """An address, and a folder of keys for other machines."""
    engine_asked = Signal(bool)
    simulator_asked = Signal(bool)
    export_asked = Signal()
    dose_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.address, self.keys = QLineEdit(), QLineEdit()
        self.address.setToolTip("Control address of an engine: a host, or host:port")
        self.keys.setToolTip("Folder of the keys that an engine on another machine asks for")
        self.keys.setPlaceholderText("other machines; empty = ~/.livesim/keys")
        self.connect_button = button("Connect", "Show what the engine at this address publishes")
        self.connect_button.clicked.connect(self._connect)
        self.address.returnPressed.connect(self._connect)
        self.engine_button = button("Start engine", "On this machine; it ends with the window")
        self.simulator_button = button(
            "Start simulator",
            "A simulated microscope that streams to the engine, or to a new one",
        )
        self.export_button = button("Export… (Ctrl+E)", "Movie, file for Fiji, or all values")
        self.export_button.clicked.connect(lambda: self.export_asked.emit())
        self.dose_button = button(
            "How little light is enough?…", "Measure one light level after the other"
        )
        self.dose_button.clicked.connect(lambda: self.dose_asked.emit())
        self.record, self.config = QLineEdit(), QLineEdit()
        self.snapshots = QLineEdit()
        self.at_once = QCheckBox("at once, else from Ctrl+R on")
        self.at_once.setToolTip("Record from the first raw stack on, or when it is asked to")
        self.at_once.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.replay = ReplayBar()
        self.record.setToolTip("Folder into which an engine started here records")
        self.config.setToolTip("Settings of the microscope (TOML) for an engine started here")
        self.snapshots.setToolTip("Folder for snapshots (S, Shift+S)")
        self.record.setPlaceholderText("empty = do not record")
        self.config.setPlaceholderText("empty = what the source says")
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.words.setAlignment(Qt.AlignmentFlag.AlignTop)
        # The buttons below must not move while one aims at them.
        self.words.setMinimumHeight(2 * self.fontMetrics().lineSpacing())
        self._running: Running | None = None
        self.engine_button.clicked.connect(self._switch_engine)
        self.simulator_button.clicked.connect(self._switch_simulator)
        self._lay_out()

    def _lay_out(self) -> None:
        self.column.setContentsMargins(4, 10, 4, 4)
        form = QFormLayout()
        form.setVerticalSpacing(8)
        form.addRow("Engine", beside(self.address, self.connect_button))
        form.addRow("Keys", beside(self.keys, folder_button(self.keys)))
        form.addRow("Record into", beside(self.record, folder_button(self.record)))
        form.addRow("", self.at_once)
        form.addRow("Settings file", beside(self.config, file_button(self.config)))
        form.addRow("Snapshots", beside(self.snapshots, folder_button(self.snapshots)))
        self.column.addLayout(form)
        buttons = QHBoxLayout()
        buttons.addWidget(self.engine_button)
        buttons.addWidget(self.simulator_button)
        self.column.addLayout(buttons)
        self.column.addWidget(self.words)
        self.column.addWidget(self.replay)
        self.column.addWidget(self.export_button)
        self.column.addWidget(self.dose_button)
        note = QLabel(
            "An engine started here records into the folder above; others where livesim engine "
            "--record says."
        )
        note.setWordWrap(True)
        note.setProperty("role", "faint")
        self.column.addWidget(note)
        self.column.addStretch(1)

    def recall(self, known: Remembered) -> None:
        """Take what was entered the last time."""
        self.keys.setText(known.keys)
        self.show_address(known.address)
        self.at_once.setChecked(known.at_once)
        self.record.setText(known.record)
        self.config.setText(known.config)
        self.snapshots.setText(known.snapshots)

    def show_address(self, address: str) -> None:
        """Show where the engine is, as short as it can be typed; keys have a field of their own."""
        plain, keys = as_typed(address)
        self.address.setText(plain)
        if keys is not None:
            self.keys.setText(keys)
        self.address.setCursorPosition(0)

    def choices(self, known: Remembered) -> Remembered:
        """Return what is to be remembered."""
        return replace(
            known,
            address=self.address.text(),
            keys=self.keys.text(),
            at_once=self.at_once.isChecked(),
            record=self.record.text(),
            config=self.config.text(),
            snapshots=self.snapshots.text(),
        )

    @property
    def wanted_engine(self) -> EngineWish:
        """What an engine is started with here."""
        at_once = self.at_once.isChecked()
        return EngineWish(path_of(self.record), path_of(self.config), at_once)

    def show_running(self, running: Running) -> None:
        """Show what runs."""
        if running == self._running:
            return
        self._running = running
        own, free = running.engine is not None, not running.busy
        self.engine_button.setText("Stop engine" if own else "Start engine")
        self.engine_button.setEnabled(free)
        self.simulator_button.setText("Stop simulator" if running.simulating else "Start simulator")
        self.simulator_button.setEnabled(free)
        self.replay.open.setEnabled(free)
        self.words.setText(running.words or "")

    def say(self, words: str) -> None:
        """Tell what happened."""
        self.words.setText(words)

    def _connect(self) -> None:
        self.connect_asked.emit(self.address.text().strip(), self.keys.text())

    def _switch_engine(self) -> None:
        self.engine_asked.emit(self._running is None or self._running.engine is None)

    def _switch_simulator(self) -> None:
        self.simulator_asked.emit(self._running is None or not self._running.simulating)
