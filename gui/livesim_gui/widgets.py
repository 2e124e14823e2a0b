"""Make and lay out all widgets of the window; the actions connect them."""

from __future__ import annotations

from qtpy.QtWidgets import QHBoxLayout, QLabel, QTabWidget, QVBoxLayout, QWidget

from livesim_gui.panels.contrast import ContrastPanel
from livesim_gui.panels.control import ControlPanel
from livesim_gui.panels.health import HealthPanel
from livesim_gui.panels.measure import MeasurePanel
from livesim_gui.panels.pattern import PatternPanel
from livesim_gui.panels.steer import SteerPanel
from livesim_gui.panels.time_bar import TimeBar
from livesim_gui.panels.top_bar import TopBar
from livesim_gui.panels.trust import TrustPanel
from livesim_gui.picture.picture import Picture
from livesim_gui.theme import Theme

PANEL_CHARACTERS = 52
"""Width of the panels, in characters of the user's own font."""
PANEL_WIDTHS = (340, 460)


class Widgets(QWidget):
    """Lays out the picture, what is above and below it, and the panels to its right."""

    def __init__(self) -> None:
        super().__init__()
        self.top, self.picture, self.time_bar = TopBar(), Picture(), TimeBar()
        self.alarm = QLabel()
        self.alarm.setProperty("role", "alarm")
        self.alarm.setWordWrap(True)
        self.alarm.hide()
        self.value, self.notice = QLabel(), QLabel()
        self.contrast, self.pattern = ContrastPanel(), PatternPanel()
        self.health, self.measure = HealthPanel(), MeasurePanel(self.picture)
        self.control, self.trust, self.steer = ControlPanel(), TrustPanel(), SteerPanel()
        self.tabs = QTabWidget()
        self.side = QWidget()
        self._lay_out()

    def _lay_out(self) -> None:
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        main = QVBoxLayout()
        main.setSpacing(0)
        main.addWidget(self.alarm)
        main.addWidget(self.top)
        main.addWidget(self.picture, 1)
        main.addWidget(self.time_bar)
        whole.addLayout(main, 1)
        whole.addWidget(self.side)
        self._fill_side()

    def _fill_side(self) -> None:
        wide = PANEL_CHARACTERS * self.fontMetrics().averageCharWidth()
        self.side.setFixedWidth(min(max(wide, PANEL_WIDTHS[0]), PANEL_WIDTHS[1]))
        column = QVBoxLayout(self.side)
        column.setContentsMargins(12, 8, 8, 4)
        column.addWidget(self.contrast)
        column.addWidget(self.tabs, 1)
        for widget, name in (
            (self.pattern, "Pattern"),
            (self.trust, "Trust"),
            (self.health, "Health"),
            (self.measure, "Measure"),
            (self.steer, "Steer"),
            (self.control, "Control"),
        ):
            self.tabs.addTab(widget, name)

    def use_theme(self, theme: Theme) -> None:
        """Take the colours of a theme."""
        panels = (self.contrast, self.pattern, self.trust, self.health, self.measure, self.steer)
        for panel in (self.top, *panels):
            panel.use_theme(theme)
