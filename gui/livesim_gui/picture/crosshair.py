"""Draw two lines through the place that the mouse points at."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtGui import QColor

from livesim_gui.plotting import pg


class Crosshair:
    """The two lines, in raw pixels; they are seen while the mouse is over the picture.

    Parameters
    ----------
    box
        The view box that they are drawn in.
    """

    def __init__(self, box: Any) -> None:
        pen = pg.mkPen(QColor(255, 255, 255, 140), width=1, style=Qt.PenStyle.DashLine)
        self._level, self._upright = (pg.InfiniteLine(angle=angle, pen=pen) for angle in (0, 90))
        for line in (self._level, self._upright):
            box.addItem(line, ignoreBounds=True)
        self._on = False
        self.leave()

    def switch(self, on: bool) -> None:
        """Draw the lines from the next movement of the mouse on, or never."""
        self._on = on
        self.leave()

    def point_at(self, x: float, y: float) -> None:
        """Move both lines through a place."""
        self._level.setValue(y)
        self._upright.setValue(x)
        self._show(self._on)

    def leave(self) -> None:
        """Hide both lines: the mouse is elsewhere."""
        self._show(False)

    @property
    def place(self) -> tuple[float, float] | None:
        """Where the lines cross, (x, y); None while they are hidden."""
        visible = self._level.isVisible()
        return (self._upright.value(), self._level.value()) if visible else None

    def _show(self, on: bool) -> None:
        for line in (self._level, self._upright):
            line.setVisible(on)
