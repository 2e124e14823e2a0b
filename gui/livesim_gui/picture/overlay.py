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
NOTED, GROUND = QColor("#e3b341"), QColor(0, 0, 0, 150)


@dataclass(frozen=True, slots=True)
class Name:
    """The words on one part of the picture."""

    title: str = ""
    """Of the stage."""
    note: str = ""
    """What else has to be known of it, below the title."""
    framed: bool = False
    """Whether the note is a warning: a frame is drawn around the part."""


@dataclass(frozen=True, slots=True)
class Captions:
    """The words that are written over the picture."""

    right: Name = Name()
    """In a split view, of the stage on the right."""
    left: Name | None = None
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
        self._above = 0
        """Pixels at the top that something else covers."""

    def show_captions(self, captions: Captions) -> None:
        """Write other words."""
        if captions != self.captions:
            self.captions = captions
            self.update()

    def leave_above(self, pixels: int) -> None:
        """Begin so far below the upper edge: something else lies there."""
        if pixels != self._above:
            self._above = pixels
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
        whole = QRectF(self.rect()).adjusted(0, self._above, 0, 0)
        parts = [(captions.right, whole.adjusted(at, 0, 0, 0), Qt.AlignmentFlag.AlignLeft)]
        if captions.left is not None:
            left = QRectF(0, self._above, at, whole.height())
            parts.append((captions.left, left, Qt.AlignmentFlag.AlignRight))
        for name, part, side in parts:
            if name.framed:
                painter.setPen(QPen(NOTED, FRAME))
                painter.drawRect(part.adjusted(FRAME / 2, FRAME / 2, -FRAME / 2, -FRAME / 2))
            top = part.top() + MARGIN
            line = QRectF(part.left() + MARGIN, top, part.width() - 2 * MARGIN, LINE_HEIGHT)
            _write(painter, line, side, self._elided(name.title, line))
            below = line.translated(0, LINE_HEIGHT)
            _write(painter, below, side, self._elided(name.note, below), NOTED)

    def _elided(self, words: str, line: QRectF) -> str:
        """Shorten what would reach beyond its part of the picture."""
        metrics = self.fontMetrics()
        return metrics.elidedText(words, Qt.TextElideMode.ElideRight, max(int(line.width()), 0))

    def _held(self, painter: QPainter, captions: Captions) -> None:
        """Write where in time one is into the first line below the names."""
        # Without a split the name stands on the left, and the middle of its line is free.
        names = () if captions.left is None else (captions.left, captions.right)
        lines = len(names[:1]) + any(name.note for name in names)
        top = self._above + MARGIN + lines * LINE_HEIGHT
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
    """Write with a shadow, so that it can be read on light and dark; in colour, on dark ground."""
    flags = int(align | Qt.AlignmentFlag.AlignVCenter) | int(Qt.TextFlag.TextDontClip)
    if colour is not None and words:
        painter.fillRect(painter.boundingRect(box, flags, words).adjusted(-4, 0, 4, 0), GROUND)
    painter.setPen(QColor(0, 0, 0, 200))
    painter.drawText(box.translated(1, 1), flags, words)
    painter.setPen(colour or QColor("white"))
    painter.drawText(box, flags, words)
