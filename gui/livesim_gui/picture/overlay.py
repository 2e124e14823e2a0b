"""Write over the picture: scale bar, names of the stages and warnings, where in time one is."""

from __future__ import annotations

from dataclasses import dataclass

from qtpy.QtCore import QRectF, Qt
from qtpy.QtGui import QColor, QFont, QLinearGradient, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QWidget

from livesim.images.scale_bar import ScaleBar
from livesim_gui.state.picture.tint import Bar

MARGIN = 14
BAR_HEIGHT = 4
LINE_HEIGHT = 20
COLOURS_WIDTH, COLOURS_HEIGHT = 180, 10
FRAME = 3
"""Width of the frame around what carries a warning."""
NOTED = QColor("#e3b341")


@dataclass(frozen=True, slots=True)
class Captions:
    """The words that are written over the picture."""

    right: str = ""
    """Name of the stage; in a split view, of the one on the right."""
    right_warning: str = ""
    """Stands below the name, in a frame around the picture."""
    left: str | None = None
    left_warning: str = ""
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
            self._held(painter, captions)
        if self.bar is not None:
            self._bar(painter, self.bar)
        if captions.bar is not None:
            self._colours(painter, captions.bar)

    def _names(self, painter: QPainter, captions: Captions) -> None:
        at = 0.0 if captions.left is None else captions.divider * self.width()
        right = QRectF(self.rect()).adjusted(at, 0, 0, 0)
        self._name(painter, right, Qt.AlignmentFlag.AlignLeft, captions.right)
        self._warning(painter, right, Qt.AlignmentFlag.AlignLeft, captions.right_warning)
        if captions.left is not None:
            left = QRectF(0, 0, at, self.height())
            self._name(painter, left, Qt.AlignmentFlag.AlignRight, captions.left)
            self._warning(painter, left, Qt.AlignmentFlag.AlignRight, captions.left_warning)

    def _name(self, painter: QPainter, part: QRectF, side: Qt.AlignmentFlag, words: str) -> None:
        """Write into the first line of a part of the picture."""
        line = QRectF(part.left() + MARGIN, MARGIN, part.width() - 2 * MARGIN, LINE_HEIGHT)
        _write(painter, line, side, self._elided(words, line))

    def _warning(self, painter: QPainter, part: QRectF, side: Qt.AlignmentFlag, words: str) -> None:
        """Write into the second line of a part of the picture, and draw a frame around it."""
        if not words:
            return
        line = QRectF(part.left() + MARGIN, MARGIN, part.width() - 2 * MARGIN, LINE_HEIGHT)
        line.translate(0, LINE_HEIGHT)
        _write(painter, line, side, self._elided(words, line), NOTED)
        painter.setPen(QPen(NOTED, FRAME))
        painter.drawRect(part.adjusted(FRAME / 2, FRAME / 2, -FRAME / 2, -FRAME / 2))

    def _elided(self, words: str, line: QRectF) -> str:
        """Shorten what would reach beyond its part of the picture."""
        metrics = self.fontMetrics()
        return metrics.elidedText(words, Qt.TextElideMode.ElideRight, max(int(line.width()), 0))

    def _held(self, painter: QPainter, captions: Captions) -> None:
        """Write where in time one is into the first line below the names."""
        above = 2 if captions.right_warning or captions.left_warning else 1
        # Without a split the name stands on the left, and the middle of its line is free.
        top = MARGIN + (0 if captions.left is None else above) * LINE_HEIGHT
        middle = QRectF(0, top, self.width(), LINE_HEIGHT)
        _write(painter, middle, Qt.AlignmentFlag.AlignHCenter, captions.held or "", NOTED)

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
