"""Make labels that never ask for more room than they are given."""

from __future__ import annotations

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QPainter, QPaintEvent
from qtpy.QtWidgets import QLabel, QSizePolicy


class ElidedLabel(QLabel):
    """Shows one line, shortened where it has no room; the tooltip then has the whole of it.

    A label of Qt makes its window wider for a longer text, and so everything in it moves.
    """

    def __init__(self, align: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft) -> None:
        super().__init__()
        self.setAlignment(Qt.AlignmentFlag(align | Qt.AlignmentFlag.AlignVCenter))
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setTextFormat(Qt.TextFormat.PlainText)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Ask for no width at all."""
        return QSize(0, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802
        """Draw as much of the text as there is room for."""
        box = self.contentsRect()
        words = self.text().replace("\n", " ")
        shown = self.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, box.width())
        self.setToolTip(self.text() if shown != words else "")
        painter = QPainter(self)
        painter.setPen(self.palette().windowText().color())
        painter.drawText(box, int(self.alignment()), shown)
