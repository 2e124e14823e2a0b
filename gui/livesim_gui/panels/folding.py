"""Lay two halves of a bar beside each other or, where there is no room for both, in two rows."""

from __future__ import annotations

from qtpy.QtCore import QMargins, QSize
from qtpy.QtWidgets import QBoxLayout, QHBoxLayout, QWidget

BESIDE, BELOW = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom


class Folding:
    """The layout of a bar that may become two rows high.

    What comes to be written in the bar may fold it, but only a wider bar unfolds: it never goes
    back and forth as words change.

    Parameters
    ----------
    bar
        What is laid out.
    stretches
        How both halves share what room is left.
    margins
        Around both.
    """

    def __init__(self, bar: QWidget, stretches: tuple[int, int], margins: QMargins) -> None:
        self._bar = bar
        self.first, self.second = QHBoxLayout(), QHBoxLayout()
        self._layout = QBoxLayout(BESIDE, bar)
        self._layout.setContentsMargins(margins)
        for half, stretch in zip((self.first, self.second), stretches, strict=True):
            self._layout.addLayout(half, stretch)

    @property
    def least(self) -> QSize:
        """The least size of the bar: as wide as the wider half."""
        return QSize(max(self._widths) + self._margin, self._layout.minimumSize().height())

    @property
    def beside(self) -> int:
        """Width with both halves in one row."""
        return sum(self._widths) + self._layout.spacing() + self._margin

    def fit(self, *, may_unfold: bool) -> None:
        """Take two rows where one has no room."""
        for half in (self.first, self.second):
            half.invalidate()  # Qt remembers what they need until it lays them out again
        if self._bar.width() < self.beside:
            self._layout.setDirection(BELOW)
        elif may_unfold:
            self._layout.setDirection(BESIDE)

    @property
    def _widths(self) -> tuple[int, int]:
        return self.first.minimumSize().width(), self.second.minimumSize().width()

    @property
    def _margin(self) -> int:
        margins = self._layout.contentsMargins()
        return margins.left() + margins.right()
