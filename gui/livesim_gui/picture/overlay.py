"""Write over the picture: scale bar, names of the stages, where in time one is."""

from __future__ import annotations

from dataclasses import dataclass

from qtpy.QtCore import QRectF, Qt
from qtpy.QtGui import QColor, QFont, QLinearGradient, QPainter, QPaintEvent
from qtpy.QtWidgets import QWidget

from livesim.images.scale_bar import ScaleBar
from livesim_gui.state.picture.tint import Bar

MARGIN = 14
BAR_HEIGHT = 4
LINE_HEIGHT = 20
COLOURS_WIDTH, COLOURS_HEIGHT = 180, 10


@dataclass(frozen=True, slots=True)
class Captions:
    """The words that are written over the picture."""

    right: str = ""
    """Name of the stage; in a split view, of the one on the right."""
    left: str | None = None
    divider: float = 0.5
    held: str | None = None
    """Where in time one is, unless live."""
    hint: str | None = None
    """In the middle, where there is no picture."""
    bar: Bar | None = None
    """Of the map that is laid over the picture."""


class Overlay(QWidget):
    """Lies over the picture and lets the mouse through."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.captions = Captions()
        self.bar: ScaleBar | None = None
        self.bar_pixels = 0.0

    def show_captions(self, captions: Captions) -> None:
        """Write other words."""
        if captions != self.captions:
            self.captions = captions
            self.update()

    def show_bar(self, bar: ScaleBar | None, pixels: float = 0.0) -> None:
        """Draw another scale bar, so many pixels long."""
        if (bar, pixels) != (self.bar, self.bar_pixels):
            self.bar, self.bar_pixels = bar, pixels
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802
        """Draw everything."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.TextAntialiasing)
        captions = self.captions
        if captions.hint is not None:
            self._hint(painter, captions.hint)
            return
        self._names(painter, captions)
        if captions.held is not None:
            # In a split view the names of the stages stand in the middle of the first line.
            top = MARGIN if captions.left is None else MARGIN + LINE_HEIGHT
            middle = QRectF(0, top, self.width(), LINE_HEIGHT)
            _write(painter, middle, Qt.AlignmentFlag.AlignHCenter, captions.held, QColor("#e3b341"))
        if self.bar is not None:
            self._bar(painter, self.bar)
        if captions.bar is not None:
            self._colours(painter, captions.bar)

    def _names(self, painter: QPainter, captions: Captions) -> None:
        whole = QRectF(MARGIN, MARGIN, self.width() - 2 * MARGIN, LINE_HEIGHT)
        if captions.left is None:
            _write(painter, whole, Qt.AlignmentFlag.AlignLeft, captions.right)
            return
        at = captions.divider * self.width()
        left = QRectF(0, MARGIN, at - MARGIN, LINE_HEIGHT)
        right = QRectF(at + MARGIN, MARGIN, self.width(), LINE_HEIGHT)
        _write(painter, left, Qt.AlignmentFlag.AlignRight, captions.left)
        _write(painter, right, Qt.AlignmentFlag.AlignLeft, captions.right)

    def _bar(self, painter: QPainter, bar: ScaleBar) -> None:
        right, bottom = self.width() - MARGIN, self.height() - MARGIN
        box = QRectF(right - self.bar_pixels, bottom - BAR_HEIGHT, self.bar_pixels, BAR_HEIGHT)
        painter.fillRect(box.adjusted(-1, -1, 1, 1), QColor(0, 0, 0, 160))
        painter.fillRect(box, QColor("white"))
        above = QRectF(box.center().x() - 100, box.top() - LINE_HEIGHT - 2, 200, LINE_HEIGHT)
        above.moveRight(min(above.right(), self.width() - 4))
        _write(painter, above, Qt.AlignmentFlag.AlignHCenter, bar.words)

    def _colours(self, painter: QPainter, bar: Bar) -> None:
        """Draw the colour bar of a map, and what the map is."""
        top = self.height() - MARGIN - LINE_HEIGHT - COLOURS_HEIGHT
        box = QRectF(MARGIN, top, COLOURS_WIDTH, COLOURS_HEIGHT)
        gradient = QLinearGradient(box.topLeft(), box.topRight())
        for number, colour in enumerate(bar.colours):
            gradient.setColorAt(number / (len(bar.colours) - 1), QColor(*colour))
        painter.fillRect(box.adjusted(-1, -1, 1, 1), QColor(0, 0, 0, 160))
        painter.fillRect(box, gradient)
        above = QRectF(box.left(), box.top() - LINE_HEIGHT - 2, 2 * COLOURS_WIDTH, LINE_HEIGHT)
        below = QRectF(box.left(), box.bottom() + 1, COLOURS_WIDTH, LINE_HEIGHT)
        _write(painter, above, Qt.AlignmentFlag.AlignLeft, bar.title)
        _write(painter, below, Qt.AlignmentFlag.AlignLeft, bar.low)
        _write(painter, below, Qt.AlignmentFlag.AlignRight, bar.high)

    def _hint(self, painter: QPainter, words: str) -> None:
        painter.setPen(QColor("#9aa2ac"))
        font = QFont(self.font())
        font.setPointSizeF(font.pointSizeF() * 1.2)
        painter.setFont(font)
        flags = int(Qt.AlignmentFlag.AlignCenter) | int(Qt.TextFlag.TextWordWrap)
        painter.drawText(QRectF(self.rect()).adjusted(40, 0, -40, 0), flags, words)


def _write(
    painter: QPainter,
    box: QRectF,
    align: Qt.AlignmentFlag,
    words: str,
    colour: QColor | None = None,
) -> None:
    """Write with a shadow, so that it can be read on light and dark."""
    flags = int(align | Qt.AlignmentFlag.AlignVCenter) | int(Qt.TextFlag.TextDontClip)
    painter.setPen(QColor(0, 0, 0, 200))
    painter.drawText(box.translated(1, 1), flags, words)
    painter.setPen(colour or QColor("white"))
    painter.drawText(box, flags, words)
