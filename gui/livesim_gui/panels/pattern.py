"""Show how good the pattern is: advice, the spectrum with its peaks, curves over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from qtpy.QtCore import QRectF, Qt
from qtpy.QtWidgets import QLabel, QSizePolicy

from livesim.images.colour_tables import colours
from livesim_gui.panels.panel import Panel
from livesim_gui.panels.plots import Graphics, faint_label
from livesim_gui.panels.strip_chart import StripChart
from livesim_gui.plotting import pg
from livesim_gui.state.health.advice import Advice
from livesim_gui.state.health.strips import DRIFT, MODULATION
from livesim_gui.state.health.tracking_history import TrackingHistory
from livesim_gui.state.picture.spectrum import Spectrum
from livesim_gui.state.stream.facts import StreamFacts, Vector
from livesim_gui.theme import Theme, angle_colour

SHOWN = 1.15
"""Frequencies shown, of the farthest that the result can hold."""
REACHED = (
    "Attainable: what this pattern allows. Reached: up to where two results after one another "
    "agree (ring correlation above 1/7), without networks. What moves makes it coarser."
)
ADVICE_LINES = FACTS_LINES = 3
_CIRCLE = np.linspace(0.0, 2.0 * np.pi, 181)


class PatternPanel(Panel):
    """Says whether the pattern is good, and what to do where it is not."""

    def __init__(self) -> None:
        super().__init__()
        self.advice = QLabel()
        self.advice.setWordWrap(True)
        self.advice.setTextFormat(Qt.TextFormat.RichText)
        self.advice.setAlignment(Qt.AlignmentFlag.AlignTop)
        # Most advice fits in here: what is below does not move as it comes and goes.
        self.advice.setMinimumHeight(ADVICE_LINES * self.fontMetrics().lineSpacing())
        self.facts = faint_label("")
        self.facts.setToolTip(REACHED)
        self.facts.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.facts.setMinimumHeight(FACTS_LINES * self.fontMetrics().lineSpacing())
        self._make_spectrum()
        self.charts = (StripChart(MODULATION, height=78), StripChart(DRIFT, height=86))
        self.legend = QLabel()
        self.legend.setWordWrap(True)
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self._lay_out()

    def _make_spectrum(self) -> None:
        self.graphics = Graphics(background="#000000")
        self.graphics.setMinimumHeight(170)
        self.graphics.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
        self.box = pg.ViewBox(lockAspect=True, invertY=True, enableMenu=False, enableMouse=False)
        self.graphics.setCentralItem(self.box)
        self._image = pg.ImageItem(axisOrder="row-major")
        self._image.setLookupTable(colours("fire"))
        self._passband = pg.PlotCurveItem(
            pen=pg.mkPen("#ffffff", width=1, style=Qt.PenStyle.DashLine)
        )
        self._bands = pg.PlotCurveItem(
            pen=pg.mkPen((255, 255, 255, 110), width=1, style=Qt.PenStyle.DotLine), connect="finite"
        )
        self._expected = pg.ScatterPlotItem(symbol="d", size=11, pen="#e3b341", brush=None)
        self._found = pg.ScatterPlotItem(symbol="+", size=11, pen="#5fbf77", brush="#5fbf77")
        for item in (self._image, self._passband, self._bands, self._expected, self._found):
            self.box.addItem(item)

    def _lay_out(self) -> None:
        self.column.setSpacing(3)
        self.column.setContentsMargins(4, 8, 4, 0)
        self.column.addWidget(self.advice)
        self.column.addWidget(self.graphics, 3)
        self.column.addWidget(self.facts)
        for chart in self.charts:
            self.column.addWidget(chart, 2)
        self.column.addWidget(self.legend)

    def show_advice(self, advice: Sequence[Advice]) -> None:
        """Say in plain words how the pattern is."""
        tones = self._theme.tones
        lines = [
            f'<p style="margin:0 0 6px 0"><span style="color:{tones[one.tone]}">●</span> '
            f"{one.words}</p>"
            for one in advice
        ]
        text = "".join(lines)
        if text != self.advice.text():
            self.advice.setText(text)

    def show_spectrum(self, shown: Spectrum) -> None:
        """Show another Fourier transform."""
        rows, columns = shown.picture.shape
        dx, dy = shown.step
        self._image.setImage(shown.picture, levels=(0, 255), autoLevels=False)
        corner = (-(columns // 2 + 0.5) * dx, -(rows // 2 + 0.5) * dy)
        self._image.setRect(QRectF(*corner, columns * dx, rows * dy))

    def show_facts(self, facts: StreamFacts, reached_nm: float | None) -> None:
        """Draw pass band and peaks; say the resolution that is attainable, and that reached."""
        self.facts.setText(_words(facts, reached_nm))
        reach = _reach(facts)
        if facts.cutoff is not None:
            self._passband.setData(*_circle((0.0, 0.0), facts.cutoff))
            self._bands.setData(*_circles(_both(facts.found or facts.expected), facts.cutoff))
        self._expected.setData(*_points(facts.expected))
        self._found.setData(*_points(facts.found))
        if reach:
            self.box.setRange(QRectF(-reach, -reach, 2 * reach, 2 * reach), padding=0.0)

    def show_history(self, history: TrackingHistory) -> None:
        """Draw the curves of every angle."""
        self.legend.setText(_legend(history.angles))
        for chart in self.charts:
            chart.show_history(history)

    def use_theme(self, theme: Theme) -> None:
        """Take the colours of a theme."""
        super().use_theme(theme)
        for chart in self.charts:
            chart.use_theme(theme)


def _legend(angles: int) -> str:
    marks = (f'<span style="color:{angle_colour(n)}">●</span> angle {n + 1}' for n in range(angles))
    return "&nbsp;&nbsp; ".join([*marks, "time in s"] if angles else marks)


def _words(facts: StreamFacts, reached_nm: float | None) -> str:
    lines = []
    if facts.attainable_nm is not None:
        reached = "—" if reached_nm is None else f"{reached_nm:.0f} nm"
        lines.append(f"Resolution: attainable {facts.attainable_nm:.0f} nm · reached {reached}")
    if facts.widefield_nm is not None:
        marks = " + found" if facts.found else ""
        marks += " ◇ expected" if facts.expected else ""
        peaks = f"; peaks:{marks}" if marks else ""
        lines.append(f"Dashed: pass band, {facts.widefield_nm:.0f} nm{peaks}")
    if facts.settings is None:
        lines.append("The microscope's settings are not known: livesim view --config FILE")
    return "\n".join(lines)


def _reach(facts: StreamFacts) -> float:
    if facts.cutoff is None:
        return 0.0
    peaks = [float(np.hypot(*k)) for k in (*facts.found, *facts.expected)]
    return SHOWN * (facts.cutoff + max(peaks, default=facts.cutoff))


def _both(vectors: Sequence[Vector]) -> list[Vector]:
    """Return every wave vector and its opposite."""
    return [*vectors, *[(-x, -y) for x, y in vectors]]


def _points(vectors: Sequence[Vector]) -> tuple[list[float], list[float]]:
    both = _both(vectors)
    return [x for x, _ in both], [y for _, y in both]


def _circle(centre: Vector, radius: float) -> tuple[Any, Any]:
    return centre[0] + radius * np.cos(_CIRCLE), centre[1] + radius * np.sin(_CIRCLE)


def _circles(centres: Sequence[Vector], radius: float) -> tuple[Any, Any]:
    """Return circles as one curve with gaps."""
    x: list[Any] = [[]]
    y: list[Any] = [[]]
    for centre in centres:
        cx, cy = _circle(centre, radius)
        x += [cx, [np.nan]]
        y += [cy, [np.nan]]
    return np.concatenate(x), np.concatenate(y)
