"""Draw a line or a region into the picture, and show its profile or its statistics."""

from __future__ import annotations

import math
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from livesim_gui.panels.plots import colour_plot, faint_label, plain_plot
from livesim_gui.panels.rows import button
from livesim_gui.picture.picture import Picture
from livesim_gui.plotting import pg
from livesim_gui.state.picture.profile import Profile, profile
from livesim_gui.state.picture.region import RegionStatistics, region_statistics
from livesim_gui.state.picture.stages import Stage
from livesim_gui.theme import Theme

SHARE = 0.25
"""Of the view: how large a new line or region is."""


class MeasurePanel(QWidget):
    """Measures a line profile with its width, and the statistics of a region.

    Parameters
    ----------
    picture
        Where line and region are drawn.
    """

    def __init__(self, picture: Picture) -> None:
        super().__init__()
        self._picture = picture
        self._stage: Stage | None = None
        self._line: Any = None
        self._region: Any = None
        self.line_button = _switch("Line profile (L)", self.switch_line)
        self.region_button = _switch("Region (R)", self.switch_region)
        self.plot = plain_plot("", height=170)
        self._curve = self.plot.plot()
        self.line_words = QLabel("Draw a line across a structure: its ends can be dragged.")
        self.region_words = QLabel("Draw a region: statistics of the pixels inside.")
        self._lay_out()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        buttons = QHBoxLayout()
        buttons.addWidget(self.line_button)
        buttons.addWidget(self.region_button)
        layout.addLayout(buttons)
        layout.addWidget(faint_label("Photo-electrons along the line"))
        layout.addWidget(self.plot)
        for label in (self.line_words, self.region_words):
            label.setWordWrap(True)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            layout.addWidget(label)
        layout.addStretch(1)

    def switch_line(self) -> None:
        """Draw a line, or take it away."""
        if self._line is not None:
            self._picture.remove(self._line)
            self._line = None
        else:
            view = self._picture.view
            middle, reach = view.center(), SHARE * view.width() / 2
            ends = [(middle.x() - reach, middle.y()), (middle.x() + reach, middle.y())]
            self._line = pg.LineSegmentROI(ends, pen=pg.mkPen("#e3b341", width=2))
            self._begin(self._line)
        self.line_button.setChecked(self._line is not None)

    def switch_region(self) -> None:
        """Draw a region, or take it away."""
        if self._region is not None:
            self._picture.remove(self._region)
            self._region = None
        else:
            view = self._picture.view
            side = SHARE * min(view.width(), view.height())
            corner = (view.center().x() - side / 2, view.center().y() - side / 2)
            self._region = pg.RectROI(corner, (side, side), pen=pg.mkPen("#5fbf77", width=2))
            self._begin(self._region)
        self.region_button.setChecked(self._region is not None)

    def measure(self, stage: Stage) -> None:
        """Measure in another image."""
        self._stage = stage
        self._update()

    def use_theme(self, theme: Theme) -> None:
        """Take the colours of a theme."""
        colour_plot(self.plot, theme)
        self._curve.setPen(pg.mkPen(theme.accent, width=2))

    def _begin(self, item: Any) -> None:
        item.sigRegionChanged.connect(self._update)
        self._picture.add(item)
        self._update()

    def _update(self, *_: Any) -> None:
        if self._stage is None:
            return
        if self._line is not None:
            self._show_line(self._stage)
        if self._region is not None:
            self._show_region(self._stage)

    def _show_line(self, stage: Stage) -> None:
        places = [self._line.mapToParent(handle["item"].pos()) for handle in self._line.handles]
        start, end = [(place.x() / stage.step, place.y() / stage.step) for place in places]
        if start == end:
            return
        found = profile(stage.image, start, end, width=3)
        unit, name = self._unit(stage)
        self._curve.setData(found.distance * unit, found.value, connect="finite")
        self.plot.setLabel("bottom", name)
        self.line_words.setText(_line_words(found, unit, name))

    def _show_region(self, stage: Stage) -> None:
        at, size = self._region.pos(), self._region.size()
        sides = (at.x(), at.y(), at.x() + size.x(), at.y() + size.y())
        found = region_statistics(stage.image, *(side / stage.step for side in sides))
        self.region_words.setText(_region_words(found))

    def _unit(self, stage: Stage) -> tuple[float, str]:
        pixel_um = self._picture.pixel_um
        if pixel_um is None:
            return stage.step, "raw pixels"
        return 1000.0 * pixel_um * stage.step, "nm"


def _switch(words: str, do: Any) -> QPushButton:
    made = button(words, checkable=True)
    made.clicked.connect(lambda: do())
    return made


def _line_words(found: Profile, unit: float, name: str) -> str:
    length = f"Line {found.distance[-1] * unit:.0f} {name}, mean of 3 pixels across."
    width = found.fwhm
    if math.isnan(width):
        return f"{length} No peak with two flanks on it, so no width."
    return f"{length} Width of the highest peak at half maximum: {width * unit:.0f} {name}."


def _region_words(found: RegionStatistics) -> str:
    if not found.pixels:
        return "The region holds no pixel."
    return (
        f"{found.pixels} pixels: mean {found.mean:.4g}, standard deviation "
        f"{found.deviation:.4g}, from {found.least:.4g} to {found.most:.4g} photo-electrons."
    )
