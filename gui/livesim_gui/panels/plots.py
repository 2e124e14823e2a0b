"""Make plots without clutter, and colour them as a theme says."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QSize
from qtpy.QtWidgets import QLabel, QSizePolicy

from livesim_gui.plotting import pg
from livesim_gui.theme import Theme


class Plot(pg.PlotWidget):  # type: ignore[misc]
    """A plot that asks for no more than its least height, and takes what room there is."""

    def sizeHint(self) -> QSize:  # noqa: N802
        """Ask for the least height: pyqtgraph would ask for more than a panel has."""
        return QSize(0, self.minimumHeight())


class Graphics(pg.GraphicsView):  # type: ignore[misc]
    """An image that asks for no more than its least height, and takes what room there is."""

    def sizeHint(self) -> QSize:  # noqa: N802
        """Ask for the least height."""
        return QSize(0, self.minimumHeight())


def plain_plot(bottom: str = "", height: int = 130) -> Any:
    """Return a plot that the mouse does not move; it takes the room there is, from `height` on."""
    plot = Plot()
    plot.setMenuEnabled(False)
    plot.hideButtons()
    plot.setMouseEnabled(False, False)
    plot.setMinimumHeight(height)
    plot.setLabel("bottom", bottom)
    plot.setMinimumWidth(0)
    plot.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
    plot.getPlotItem().setContentsMargins(0, 6, 0, 0)
    plot.getAxis("left").setWidth(48)
    return plot


def faint_label(words: str) -> QLabel:
    """Return a line of small importance."""
    label = QLabel(words)
    label.setProperty("role", "faint")
    label.setWordWrap(True)
    return label


def colour_plot(plot: Any, theme: Theme) -> None:
    """Give a plot the colours of a theme."""
    plot.setBackground(theme.base)
    for side in ("left", "bottom"):
        axis = plot.getAxis(side)
        axis.setPen(theme.faint)
        axis.setTextPen(theme.faint)
