"""Make and lay out all widgets of the window; the actions connect them."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QHBoxLayout, QLabel, QSplitter, QTabWidget, QVBoxLayout, QWidget

from livesim_gui.panels.axes_bar import AxesBar
from livesim_gui.panels.contrast import ContrastPanel
from livesim_gui.panels.control import ControlPanel
from livesim_gui.panels.health import HealthPanel
from livesim_gui.panels.labels import ElidedLabel
from livesim_gui.panels.measure import MeasurePanel
from livesim_gui.panels.pattern import PatternPanel
from livesim_gui.panels.steer import SteerPanel
from livesim_gui.panels.time_bar import TimeBar
from livesim_gui.panels.top_bar import TopBar
from livesim_gui.panels.trust import TrustPanel
from livesim_gui.picture.picture import Picture
from livesim_gui.theme import Theme

PANEL_SHARE = 0.26
"""Of the window's width: what the panels take, until the user drags their edge."""
PANEL_WIDTHS = (300, 520)
"""Least, and most until the user drags their edge."""
SIDE_MARGIN = 10


class Widgets(QWidget):
    """Lays out the picture, what is above and below it, and the panels to its right."""

    def __init__(self) -> None:
        super().__init__()
        self.top, self.picture, self.time_bar = TopBar(), Picture(), TimeBar()
        self.axes = AxesBar()
        self._left = QWidget()
        self.alarm = QLabel(self._left)
        self.alarm.setProperty("role", "alarm")
        self.alarm.setWordWrap(True)
        self.alarm.hide()
        self.picture.installEventFilter(self)
        self.value, self.notice = ElidedLabel(), ElidedLabel(Qt.AlignmentFlag.AlignRight)
        self.contrast, self.pattern = ContrastPanel(), PatternPanel()
        self.health, self.measure = HealthPanel(), MeasurePanel(self.picture)
        self.control, self.trust, self.steer = ControlPanel(), TrustPanel(), SteerPanel()
        self.tabs = QTabWidget()
        self.side, self.split = QWidget(), QSplitter(Qt.Orientation.Horizontal)
        self.panel_width = 0
        """As the user has dragged it; 0 = a share of the window."""
        self._lay_out()

    def _lay_out(self) -> None:
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self.split)
        main = QVBoxLayout(self._left)
        main.setContentsMargins(0, 0, 0, 0)
        main.setSpacing(0)
        main.addWidget(self.top)
        main.addWidget(self.picture, 1)
        main.addWidget(self.axes)
        main.addWidget(self.time_bar)
        for number, part in enumerate((self._left, self.side)):
            self.split.addWidget(part)
            self.split.setCollapsible(number, False)
        self.split.setStretchFactor(0, 1)
        self.split.splitterMoved.connect(self._dragged)
        self._fill_side()

    def _fill_side(self) -> None:
        column = QVBoxLayout(self.side)
        column.setContentsMargins(SIDE_MARGIN, 8, SIDE_MARGIN, 4)
        column.addWidget(self.contrast, 1)
        column.addWidget(self.tabs, 4)
        for widget, name in (
            (self.pattern, "Pattern"),
            (self.trust, "Trust"),
            (self.health, "Health"),
            (self.measure, "Measure"),
            (self.steer, "Steer"),
            (self.control, "Control"),
        ):
            self.tabs.addTab(widget, name)

    def show_alarm(self, words: str | None) -> None:
        """Say over the picture what must not be overlooked; nothing else moves for it."""
        if words is not None:
            self.alarm.setText(words)
        self.alarm.setVisible(words is not None)
        self._place_alarm()

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802
        """Give the panels their share of another size."""
        super().resizeEvent(event)
        bar = self.tabs.tabBar()
        assert bar is not None
        least = max(PANEL_WIDTHS[0], bar.sizeHint().width() + 2 * SIDE_MARGIN)
        self.side.setMinimumWidth(least)  # of the words on the tabs, none is cut
        share = min(max(round(PANEL_SHARE * self.width()), least), PANEL_WIDTHS[1])
        side = self.panel_width or share
        self.split.setSizes([self.width() - side, side])

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """Let the alarm follow the picture's width."""
        if event is not None and event.type() in (QEvent.Type.Resize, QEvent.Type.Move):
            self._place_alarm()
        return super().eventFilter(watched, event)

    def _place_alarm(self) -> None:
        over = self.picture.geometry()
        height = 0 if self.alarm.isHidden() else self.alarm.heightForWidth(over.width())
        self.alarm.setGeometry(over.x(), over.y(), over.width(), height)
        self.alarm.raise_()
        self.picture.overlay.leave_above(height)

    def _dragged(self, *_: int) -> None:
        self.panel_width = self.split.sizes()[1]

    def use_theme(self, theme: Theme) -> None:
        """Take the colours of a theme."""
        panels = (self.contrast, self.pattern, self.trust, self.health, self.measure, self.steer)
        for panel in (self.top, *panels):
            panel.use_theme(theme)
