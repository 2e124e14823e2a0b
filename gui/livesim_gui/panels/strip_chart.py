"""Draw one chosen quantity of the pattern over time, a curve for each angle."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QVBoxLayout, QWidget

from livesim_gui.panels.plots import colour_plot, plain_plot
from livesim_gui.plotting import pg
from livesim_gui.state.health.strips import STRIPS, Strip, one_curve
from livesim_gui.state.health.tracking_history import TrackingHistory
from livesim_gui.theme import Theme, angle_colour


class StripChart(QWidget):
    """Charts the quantity that is chosen above it.

    Parameters
    ----------
    first
        Shown until another one is chosen.
    height
        Of the chart, pixels.
    """

    def __init__(self, first: Strip, height: int) -> None:
        super().__init__()
        self._history: TrackingHistory | None = None
        self.plot = plain_plot("", height)
        self.plot.getAxis("left").setTickDensity(0.5)  # it is low: more numbers would overlap
        self.chosen = QComboBox()
        self.chosen.addItems(STRIPS)
        for row, strip in enumerate(STRIPS.values()):
            self.chosen.setItemData(row, strip.hint, Qt.ItemDataRole.ToolTipRole)
        self.chosen.currentTextChanged.connect(self._choose)
        self.curves: list[tuple[Any, Any]] = []
        """Angle -> what it is, what it should be."""
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.chosen)
        layout.addWidget(self.plot, 1)
        self.chosen.setCurrentText(first.title)
        self._choose(first.title)

    @property
    def strip(self) -> Strip:
        """The quantity that is shown."""
        return STRIPS[self.chosen.currentText()]

    def show_history(self, history: TrackingHistory) -> None:
        """Draw the curves of every angle."""
        self._history = history
        while len(self.curves) < history.angles:
            self._add_curve(angle_colour(len(self.curves)))
        seconds = history.seconds()
        for angle, (found, expected) in enumerate(self.curves):
            if angle >= history.angles:
                found.clear()
                expected.clear()
                continue
            found.setData(*one_curve(seconds, self.strip.lines(history, angle)))
            level = self.strip.expected(history, angle)
            expected.setData(*(([], []) if level is None else (seconds[[0, -1]], [level] * 2)))

    def use_theme(self, theme: Theme) -> None:
        """Take the colours of a theme."""
        colour_plot(self.plot, theme)

    def _add_curve(self, colour: str) -> None:
        pen = pg.mkPen(colour, width=2)
        dashed = pg.mkPen(colour, width=1, style=Qt.PenStyle.DashLine)
        self.curves.append((self.plot.plot(pen=pen, connect="finite"), self.plot.plot(pen=dashed)))

    def _choose(self, title: str) -> None:
        strip = STRIPS[title]
        self.chosen.setToolTip(strip.hint)
        self.plot.setLimits(minYRange=strip.least_span)
        if strip.limits is None:
            self.plot.enableAutoRange(y=True)
        else:
            self.plot.setYRange(*strip.limits, padding=0.06)
        if self._history is not None:
            self.show_history(self._history)
