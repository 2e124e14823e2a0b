"""Show a second image to the left of a line that can be dragged."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QObject, QRectF, Signal
from qtpy.QtWidgets import QGraphicsItem, QGraphicsRectItem

from livesim_gui.plotting import pg


class SplitView(QObject):
    """The image on the left, and the line where the view is divided.

    Parameters
    ----------
    box
        The view box that it is drawn in.
    """

    divided = Signal(float)
    """The line was dragged to this share of the width."""

    def __init__(self, box: Any) -> None:
        super().__init__()
        self._box = box
        self._divider = 0.5
        self.image = pg.ImageItem(axisOrder="row-major")
        self._clip = QGraphicsRectItem()
        self._clip.setPen(pg.mkPen(None))
        self._clip.setFlag(QGraphicsItem.GraphicsItemFlag.ItemClipsChildrenToShape)
        self.image.setParentItem(self._clip)
        box.addItem(self._clip, ignoreBounds=True)
        pen, hover = pg.mkPen("#ffffff", width=1), pg.mkPen("#4c9be8", width=3)
        self.line = pg.InfiniteLine(angle=90, movable=True, pen=pen, hoverPen=hover)
        self.line.sigDragged.connect(self._dragged)
        self.show(False, self._divider)

    def add_line(self) -> None:
        """Draw the line over what has been added to the box by now."""
        self._box.addItem(self.line, ignoreBounds=True)

    def show(self, on: bool, divider: float) -> None:
        """Divide the view at a share of its width, or show it whole."""
        self._divider = divider
        for item in (self._clip, self.line):
            item.setVisible(on)
        self.follow_view()

    def clear(self) -> None:
        """Show nothing."""
        self.image.clear()
        self.show(False, self._divider)

    def follow_view(self) -> None:
        """Keep the line at its share of the width, whatever part of the picture is seen."""
        if not self._clip.isVisible():
            return
        view = self._box.viewRect()
        at = view.left() + self._divider * view.width()
        self.line.setValue(at)
        tall = view.height() + 2.0
        self._clip.setRect(QRectF(view.left() - 1, view.top() - 1, at - view.left() + 1, tall))

    def _dragged(self, line: Any) -> None:
        view = self._box.viewRect()
        self.divided.emit((line.value() - view.left()) / max(view.width(), 1e-6))
