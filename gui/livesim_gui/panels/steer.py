"""Offer everything that may change while a stream runs, and show what the engine uses."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QLabel,
    QPushButton,
    QSlider,
)

from livesim.config.changes import Value
from livesim_gui.panels.panel import Panel
from livesim_gui.state.steering import (
    ALL,
    AUTO,
    FOLLOW,
    NO_FOLDER,
    NOTCH,
    NOTCH_WIDTH,
    ONE,
    SCALES,
    TWO,
    WIENER,
    Controls,
)

FIRST_WIENER = 0.05
"""Where the slider begins when "auto" is switched off."""
ROWS = {
    ONE: "Step one",
    TWO: "Step two",
    ALL: "One for all",
    WIENER: "Wiener",
    NOTCH: "Notch",
    NOTCH_WIDTH: "  width",
}

TIPS = {
    ONE: "Network that denoises the raw frames before the reconstruction",
    TWO: "Network that finishes the reconstructed image",
    ALL: "Network that makes the image of the raw frames, in place of both others",
    WIENER: "Wiener parameter, no unit: higher is smoother, lower is sharper and noisier",
    NOTCH: "Depth of the notch at the bands' centres, no unit: 0 = none, 1 = all of them",
    NOTCH_WIDTH: "Full width at half maximum of the notch, cycles/µm",
}
RECORD = "Raw stacks and results, into the engine's folder (Ctrl+R)"


class SteerPanel(Panel):
    """Steers everything that may change while a stream runs.

    Each control shows what the engine uses. What was asked for and is not in use yet is marked by
    dots; while a slider is held it stays under the hand.
    """

    wished = Signal(str, object)
    """A dotted key and its new value."""
    recalibration_asked = Signal()
    recording_asked = Signal(bool)
    adapt_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._shown = Controls(False)
        self.models = {key: self._combo(key) for key in (ONE, TWO, ALL)}
        self.sliders = {key: self._slider(key) for key in SCALES}
        self.numbers = {key: QLabel() for key in SCALES}
        self.labels = {key: QLabel(words) for key, words in ROWS.items()}
        self.auto = QCheckBox("automatic, from the noise")
        self.auto.setToolTip("Take the Wiener parameter from the noise of the frames")
        self.auto.clicked.connect(self._switch_auto)
        self.follow = QCheckBox("Watch the pattern and follow it")
        self.follow.setToolTip("Measure phases and modulation in every raw stack; correct drift")
        self.follow.clicked.connect(lambda on: self.wished.emit(FOLLOW, bool(on)))
        self.recalibrate = QPushButton("Calibrate again (Ctrl+K)")
        self.recalibrate.setToolTip("Estimate the pattern again from the next raw stacks")
        self.recalibrate.clicked.connect(lambda: self.recalibration_asked.emit())
        self.adapt = QPushButton("Adapt to this sample…")
        self.adapt.setToolTip("Teach a network this sample by raw stacks, and use it")
        self.adapt.clicked.connect(lambda: self.adapt_asked.emit())
        self.record = QPushButton("Record")
        self.record.clicked.connect(lambda: self.switch_recording())
        self.words = QLabel()
        self.words.setWordWrap(True)
        self._lay_out()

    def _combo(self, key: str) -> QComboBox:
        box = QComboBox()
        box.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        box.setToolTip(TIPS[key])
        box.textActivated.connect(lambda name: self.wished.emit(key, name))
        return box

    def _slider(self, key: str) -> QSlider:
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        slider.setToolTip(TIPS[key])
        slider.setRange(0, SCALES[key].steps)
        slider.valueChanged.connect(lambda at: self._slid(key, SCALES[key].value(at)))
        return slider

    def _lay_out(self) -> None:
        self.column.setContentsMargins(4, 10, 4, 4)
        self.column.setSpacing(10)
        self.column.addWidget(self.record)
        grid = QGridLayout()
        grid.setColumnStretch(1, 1)
        grid.setVerticalSpacing(8)
        for row, key in enumerate(ROWS):
            at = row + (row > list(ROWS).index(WIENER))
            grid.addWidget(self.labels[key], at, 0)
            grid.addWidget({**self.models, **self.sliders}[key], at, 1)
            if key in self.numbers:
                grid.addWidget(self.numbers[key], at, 2)
        grid.addWidget(self.auto, list(ROWS).index(WIENER) + 1, 1, 1, 2)
        self.column.addLayout(grid)
        for widget in (self.follow, self.recalibrate, self.adapt, self.words):
            self.column.addWidget(widget)
        self.column.addStretch(1)

    def show_controls(self, shown: Controls) -> None:
        """Show what the engine uses."""
        self._shown = shown
        for key, box in self.models.items():
            self._show_model(box, shown.choices.get(key, ()), shown.values.get(key))
        for key, slider in self.sliders.items():
            self._show_number(key, slider, shown.values.get(key))
        for key, label in self.labels.items():
            label.setText(ROWS[key] + ("…" if key in shown.pending else ""))
        self.auto.setChecked(shown.values.get(WIENER) == AUTO)
        self.follow.setChecked(shown.values.get(FOLLOW) is True)
        self.record.setText("Stop recording" if shown.recording else "Record")
        self.record.setEnabled(shown.can_record)
        self.record.setToolTip(RECORD if shown.can_record else NO_FOLDER)
        self.recalibrate.setEnabled(shown.live and not shown.recalibrating)
        for widget in (*self.models.values(), *self.sliders.values(), self.auto, self.follow):
            widget.setEnabled(shown.live)
        colour = self._theme.tones[shown.tone]
        self.words.setText(f'<span style="color:{colour}">{shown.words}</span>')

    def switch_recording(self) -> None:
        """Ask for the other state than that of the engine."""
        if self._shown.can_record:
            self.recording_asked.emit(not self._shown.recording)

    def _show_model(self, box: QComboBox, names: tuple[str, ...], used: Value | None) -> None:
        if [box.itemText(n) for n in range(box.count())] != list(names):
            box.clear()
            box.addItems(names)
        opened = box.view()
        if opened is None or not opened.isVisible():  # not while somebody chooses
            box.setCurrentIndex(box.findText(str(used)))

    def _show_number(self, key: str, slider: QSlider, used: Value | None) -> None:
        if slider.isSliderDown() or key in self._shown.pending:
            return
        words = AUTO if used == AUTO else f"{used:.3g}" if isinstance(used, float) else ""
        self.numbers[key].setText(words)
        if isinstance(used, float):
            slider.blockSignals(True)
            slider.setValue(SCALES[key].place(used))
            slider.blockSignals(False)

    def _slid(self, key: str, value: float) -> None:
        self.numbers[key].setText(f"{value:.3g}")
        self.wished.emit(key, value)

    def _switch_auto(self, on: bool) -> None:
        self.wished.emit(WIENER, AUTO if on else FIRST_WIENER)
