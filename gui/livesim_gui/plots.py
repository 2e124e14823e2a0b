"""A theme in, plots in its colours and without clutter out."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg

from livesim_gui.theme import Theme


def plain_plot(left: str = "", bottom: str = "", height: int = 130) -> Any:
    """Return a plot that the mouse does not move."""
    plot = pg.PlotWidget()
    plot.setMenuEnabled(False)
    plot.hideButtons()
    plot.setMouseEnabled(False, False)
    plot.setFixedHeight(height)
    plot.setLabel("left", left)
    plot.setLabel("bottom", bottom)
    plot.getAxis("left").setWidth(46)
    return plot


def colour_plot(plot: Any, theme: Theme) -> None:
    """Give a plot the colours of a theme."""
    plot.setBackground(theme.base)
    for side in ("left", "bottom"):
        axis = plot.getAxis(side)
        axis.setPen(theme.faint)
        axis.setTextPen(theme.faint)
