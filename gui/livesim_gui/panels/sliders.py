"""Make sliders that go to where they are clicked."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QSlider, QStyle

HANDLE = 14
"""About the width of the handle, pixels; its middle goes to the mouse."""


class JumpSlider(QSlider):
    """A level slider: a click jumps to that place, and from there it can be dragged."""

    def __init__(self, tip: str) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setToolTip(tip)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802
        """Jump; Qt alone would go a page towards the mouse."""
        if event is not None and event.button() == Qt.MouseButton.LeftButton:
            self.setSliderDown(True)
            self._go_to(event)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802
        """Follow the mouse while it is held."""
        if event is not None and self.isSliderDown():
            self._go_to(event)

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802
        """Stay there."""
        self.setSliderDown(False)

    def _go_to(self, event: QMouseEvent) -> None:
        at, room = event.pos().x() - HANDLE // 2, self.width() - HANDLE
        self.setValue(QStyle.sliderValueFromPosition(self.minimum(), self.maximum(), at, room))
