"""Make plots without clutter, and colour them as a theme says."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QLabel, QSizePolicy

from livesim_gui.plotting import pg
from livesim_gui.theme import Theme


def plain_plot(bottom: str = "", height: int = 130) -> Any:
    """Return a plot that the mouse does not move, as narrow as it has to be."""
    plot = pg.PlotWidget()
    plot.setMenuEnabled(False)
    plot.hideButtons()
    plot.setMouseEnabled(False, False)
    plot.setFixedHeight(height)
    plot.setLabel("bottom", bottom)
    plot.setMinimumWidth(0)
    plot.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
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
