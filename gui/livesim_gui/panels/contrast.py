"""Set levels over a stage's histogram, gamma and colours."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtCore import QLocale, QSize, Qt, Signal
from qtpy.QtGui import QDoubleValidator, QIcon, QImage, QPixmap
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QInputDialog,
    QLabel,
    QLineEdit,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from livesim.images.colour_tables import GAMMAS, NAMES, colours
from livesim.images.levels import Levels
from livesim_gui.panels.plots import colour_plot, plain_plot
from livesim_gui.plotting import pg
from livesim_gui.state.picture.histogram import Histogram, RestingAxis
from livesim_gui.theme import Theme

_STEPS = 100
"""Of the gamma slider, for each factor of ten."""
SWATCH = (54, 12)
"""Width and height of a colour table in the menu, pixels."""
EDIT_CHARACTERS = 11
OTHER = "other…"
"""Last in the menu of colours: any name that cmap knows."""


class ContrastPanel(QWidget):
    """Sets levels by a range over the histogram, gamma and colours."""

    levels_set = Signal(float, float)
    automatic_set = Signal(bool)
    gamma_set = Signal(float)
    lut_set = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.plot = plain_plot("photo-electrons", height=84)
        self.plot.getAxis("left").setStyle(showValues=False)
        self.plot.getAxis("left").setWidth(4)
        self._curve = self.plot.plot(stepMode="center", fillLevel=0)
        self.range = pg.LinearRegionItem(brush=(76, 155, 232, 45), swapMode="push")
        self.range.sigRegionChanged.connect(self._range_moved)
        self.plot.addItem(self.range)
        self._axis = RestingAxis()
        self.plot.setYRange(0.0, 1.0, padding=0.0)
        self.low = self._level_edit("Shown as black, photo-electrons; type a number and Return")
        self.high = self._level_edit("Shown as white, photo-electrons; type a number and Return")
        self.automatic = QCheckBox("Automatic (A)")
        self.automatic.setToolTip(
            "Black and white follow the stream: its 1st and 99.9th percentile, photo-electrons"
        )
        self.automatic.setChecked(True)
        self.automatic.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.automatic.clicked.connect(self.automatic_set)
        self._showing = False
        self._lay_out(self._gamma_slider(), self._lut_box())

    def _level_edit(self, tip: str) -> QLineEdit:
        made = QLineEdit()
        made.setToolTip(tip)
        check = QDoubleValidator(made)
        plain = QLocale(QLocale.c())  # numbers are shown with a point everywhere in the window
        plain.setNumberOptions(QLocale.NumberOption.RejectGroupSeparator)
        check.setLocale(plain)
        made.setValidator(check)
        made.setMaximumWidth(EDIT_CHARACTERS * self.fontMetrics().averageCharWidth())
        made.returnPressed.connect(self._typed)
        return made

    def _gamma_slider(self) -> QSlider:
        self.gamma = QSlider(Qt.Orientation.Horizontal)
        self.gamma.setRange(*(round(_STEPS * float(np.log10(g))) for g in GAMMAS))
        self.gamma.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.gamma.setToolTip("Gamma, no unit: below 1 brightens what is dim; for the eye alone")
        self.gamma.valueChanged.connect(self._gamma_moved)
        self.gamma_words = QLabel("1.00")
        return self.gamma

    def _lut_box(self) -> QComboBox:
        self.lut = QComboBox()
        self.lut.setIconSize(QSize(*SWATCH))
        for name in NAMES:
            self.lut.addItem(_swatch(name), name)
        self.lut.addItem(OTHER)
        self.lut.setToolTip("Colour table, from black to white; for the eye alone")
        self.lut.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.lut.currentTextChanged.connect(self._lut_chosen)
        return self.lut

    def _lay_out(self, gamma: QSlider, lut: QComboBox) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.plot, 1)
        grid = QGridLayout()
        levels = QHBoxLayout()
        levels.addWidget(self.automatic, 1)
        levels.addWidget(self.low)
        levels.addWidget(QLabel("to"))
        levels.addWidget(self.high)
        grid.addLayout(levels, 0, 0, 1, 3)
        grid.addWidget(QLabel("Gamma"), 1, 0)
        grid.addWidget(gamma, 1, 1)
        grid.addWidget(self.gamma_words, 1, 2)
        grid.addWidget(QLabel("Colours"), 2, 0)
        grid.addWidget(lut, 2, 1, 1, 2)
        grid.setColumnStretch(1, 1)
        layout.addLayout(grid)

    def show_levels(self, levels: Levels, *, manual: bool) -> None:
        """Show what holds now."""
        self._showing = True
        self.automatic.setChecked(not manual)
        self.range.setRegion((levels.low, levels.high))
        for edit, value in ((self.low, levels.low), (self.high, levels.high)):
            if not edit.hasFocus():  # not while somebody types
                edit.setText(f"{value:.4g}")
        self._showing = False

    def show_histogram(self, counted: Histogram) -> None:
        """Show how many pixels have which value."""
        # The root shows the few bright pixels beside the many dark ones.
        heights = np.sqrt(counted.counts)
        self._curve.setData(counted.edges, heights / max(float(heights.max()), 1.0))
        black, white = self.range.getRegion()
        low, high = min(float(counted.edges[0]), black), max(float(counted.edges[-1]), white)
        self.plot.setXRange(*self._axis.see(low, high), padding=0.0)

    def show_look(self, lut: str, gamma: float) -> None:
        """Show what holds now."""
        self._showing = True
        if self.lut.findText(lut) < 0:  # one of cmap's, chosen by its name
            self.lut.insertItem(self.lut.count() - 1, _swatch(lut), lut)
        self.lut.setCurrentText(lut)
        self.gamma.setValue(round(_STEPS * float(np.log10(gamma))))
        self.gamma_words.setText(f"{gamma:.2f}")
        self._showing = False

    def use_theme(self, theme: Theme) -> None:
        """Take the colours of a theme."""
        colour_plot(self.plot, theme)
        self._curve.setPen(theme.faint)
        self._curve.setBrush(theme.raised)

    def _typed(self) -> None:
        edits = (self.low, self.high)
        if all(edit.hasAcceptableInput() for edit in edits):
            self.levels_set.emit(*(float(edit.text()) for edit in edits))
        for edit in edits:
            edit.clearFocus()

    def _range_moved(self, region: Any) -> None:
        low, high = region.getRegion()
        if not self._showing and high > low:
            self.levels_set.emit(low, high)

    def _lut_chosen(self, name: str) -> None:
        if self._showing:
            return
        if name == OTHER:
            name, _ = QInputDialog.getText(self, "Colours", "Name of a colour table of cmap:")
        if name:
            self.lut_set.emit(name.strip())

    def _gamma_moved(self, value: int) -> None:
        if not self._showing:
            self.gamma_set.emit(10.0 ** (value / _STEPS))


def _swatch(name: str) -> QIcon:
    """Return a picture of a colour table, black on the left."""
    table = colours(name)
    width, height = SWATCH
    row = table[np.linspace(0, len(table) - 1, width).astype(int)]
    pixels = np.ascontiguousarray(np.broadcast_to(row, (height, width, 3)))
    image = QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
    return QIcon(QPixmap.fromImage(image.copy()))
