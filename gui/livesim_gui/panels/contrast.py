"""Set levels over a stage's histogram, gamma and colours."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QInputDialog,
    QLabel,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from livesim.images.colour_tables import GAMMAS, NAMES
from livesim.images.levels import Levels
from livesim_gui.panels.plots import colour_plot, plain_plot
from livesim_gui.plotting import pg
from livesim_gui.state.picture.histogram import Histogram
from livesim_gui.theme import Theme

_STEPS = 100
"""Of the gamma slider, for each factor of ten."""
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
        self.plot = plain_plot("photo-electrons", height=120)
        self.plot.getAxis("left").setStyle(showValues=False)
        self.plot.getAxis("left").setWidth(4)
        self._curve = self.plot.plot(stepMode="center", fillLevel=0)
        self.range = pg.LinearRegionItem(brush=(76, 155, 232, 45), swapMode="push")
        self.range.sigRegionChanged.connect(self._range_moved)
        self.plot.addItem(self.range)
        self.words = QLabel()
        self.words.setProperty("role", "faint")
        self.automatic = QCheckBox("Automatic (A)")
        self.automatic.setChecked(True)
        self.automatic.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.automatic.clicked.connect(self.automatic_set)
        self._showing = False
        self._lay_out(self._gamma_slider(), self._lut_box())

    def _gamma_slider(self) -> QSlider:
        self.gamma = QSlider(Qt.Orientation.Horizontal)
        self.gamma.setRange(*(round(_STEPS * float(np.log10(g))) for g in GAMMAS))
        self.gamma.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.gamma.valueChanged.connect(self._gamma_moved)
        self.gamma_words = QLabel("1.00")
        return self.gamma

    def _lut_box(self) -> QComboBox:
        self.lut = QComboBox()
        self.lut.addItems((*NAMES, OTHER))
        self.lut.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.lut.currentTextChanged.connect(self._lut_chosen)
        return self.lut

    def _lay_out(self, gamma: QSlider, lut: QComboBox) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.plot)
        grid = QGridLayout()
        grid.addWidget(self.automatic, 0, 0)
        grid.addWidget(self.words, 0, 1, 1, 2, Qt.AlignmentFlag.AlignRight)
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
        self.words.setText(f"{levels.low:.4g} to {levels.high:.4g}")
        self._showing = False

    def show_histogram(self, counted: Histogram) -> None:
        """Show how many pixels have which value."""
        # The root shows the few bright pixels beside the many dark ones.
        self._curve.setData(counted.edges, np.sqrt(counted.counts))

    def show_look(self, lut: str, gamma: float) -> None:
        """Show what holds now."""
        self._showing = True
        if self.lut.findText(lut) < 0:  # one of cmap's, chosen by its name
            self.lut.insertItem(self.lut.count() - 1, lut)
        self.lut.setCurrentText(lut)
        self.gamma.setValue(round(_STEPS * float(np.log10(gamma))))
        self.gamma_words.setText(f"{gamma:.2f}")
        self._showing = False

    def use_theme(self, theme: Theme) -> None:
        """Take the colours of a theme."""
        colour_plot(self.plot, theme)
        self._curve.setPen(theme.faint)
        self._curve.setBrush(theme.raised)

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
