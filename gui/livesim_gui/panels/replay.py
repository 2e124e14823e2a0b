"""Offer to open, pause, step, speed up and end a replay, and show how far it is."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QMenu,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from livesim_gui.panels.rows import button
from livesim_gui.state.time.replay import RATES, Replay, rate_words


class ReplayBar(QWidget):
    """The buttons of a replay, in the control panel. They show what it does, not what was asked."""

    file_asked = Signal()
    folder_asked = Signal()
    main_pressed = Signal()
    """Pause, go on, or once more."""
    step_asked = Signal()
    stop_asked = Signal()
    rate_chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.open = button("Replay recording…", "Stream a recording to the engine, frame by frame")
        self.open.setMenu(self._menu())
        self.main = button("Pause", "Ctrl+P")
        self.main.clicked.connect(lambda: self.main_pressed.emit())
        self.step = button("Step", "One more raw stack, then pause (.)")
        self.step.clicked.connect(lambda: self.step_asked.emit())
        self.stop = button("End", "Ends the stream in order")
        self.stop.clicked.connect(lambda: self.stop_asked.emit())
        self.rate = QComboBox()
        self.rate.setToolTip("Speed of the replay, raw frames a second")
        self.rate.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        for rate, words in RATES.items():
            self.rate.addItem(words, rate)
        # The panel must not grow for a long name.
        self.rate.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.rate.activated.connect(lambda _: self.rate_chosen.emit(self.chosen_rate))
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setMaximumHeight(6)
        self.words = QLabel()
        self.words.setWordWrap(True)
        self._lay_out()
        self.show_replay(Replay())

    def _menu(self) -> QMenu:
        menu = QMenu(self)
        for words, asked in (
            ("A file: TIFF, DeltaVision…", self.file_asked),
            ("A folder: Zarr, NDTiff, of livesim…", self.folder_asked),
        ):
            action = menu.addAction(words)
            assert action is not None
            action.triggered.connect(lambda _, asked=asked: asked.emit())
        return menu

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        row = QHBoxLayout()
        for widget in (self.main, self.step, self.stop):
            row.addWidget(widget)
        row.addWidget(self.rate, 1)
        layout.addWidget(self.open)
        layout.addLayout(row)
        layout.addWidget(self.progress)
        layout.addWidget(self.words)

    @property
    def chosen_rate(self) -> str:
        """The rate that is chosen, as the command takes it."""
        return str(self.rate.currentData())

    def show_replay(self, replay: Replay) -> None:
        """Show how far a replay is."""
        self.main.setText(replay.main_words)
        self.main.setEnabled(bool(replay.name))
        for widget in (self.step, self.stop):
            widget.setEnabled(replay.running)
        self.progress.setVisible(replay.running)
        self.progress.setRange(0, replay.total)
        self.progress.setValue(replay.sent)
        if replay.running:
            self._show_rate(replay.rate)
        self.words.setText(replay.words)
        self.words.setVisible(bool(replay.words))

    def say(self, words: str) -> None:
        """Tell why there is no replay."""
        self.words.setText(words)
        self.words.setVisible(bool(words))

    def _show_rate(self, rate: str) -> None:
        if self.rate.findData(rate) < 0:
            self.rate.addItem(rate_words(rate), rate)
        opened = self.rate.view()
        if opened is None or not opened.isVisible():  # not while somebody chooses
            self.rate.setCurrentIndex(self.rate.findData(rate))
