"""Show how the engine is as a table of words."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGridLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from livesim_gui.state.health.health import Health, Line
from livesim_gui.state.health.tone import Tone
from livesim_gui.theme import Theme


class HealthPanel(QScrollArea):
    """Lists rates, latency, queues, drops, recording and faults."""

    def __init__(self) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inside = QWidget()
        outer = QVBoxLayout(inside)
        self._grid = QGridLayout()
        self._grid.setColumnStretch(1, 1)
        self._grid.setVerticalSpacing(8)
        outer.addLayout(self._grid)
        outer.addStretch(1)
        self.setWidget(inside)
        self._rows: list[tuple[QLabel, QLabel]] = []
        self._tones: dict[Tone, str] = {}
        self._shown: tuple[Line, ...] | None = None

    def show_health(self, health: Health) -> None:
        """Show other lines."""
        lines = health.lines or (Line("Engine", health.word, health.tone),)
        if lines == self._shown:
            return
        self._shown = lines
        while len(self._rows) < len(lines):
            self._add_row()
        for number, (label, value) in enumerate(self._rows):
            label.setVisible(number < len(lines))
            value.setVisible(number < len(lines))
            if number < len(lines):
                self._fill(label, value, lines[number])

    def use_theme(self, theme: Theme) -> None:
        """Take the colours of a theme."""
        self._tones = theme.tones
        self._shown = None

    def _fill(self, label: QLabel, value: QLabel, line: Line) -> None:
        label.setText(line.label)
        value.setText(line.value)
        colour = "" if line.tone is Tone.QUIET else f"color: {self._tones.get(line.tone, '')}"
        value.setStyleSheet(colour)

    def _add_row(self) -> None:
        label, value = QLabel(), QLabel()
        label.setProperty("role", "faint")
        value.setWordWrap(True)
        value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        value.setAlignment(
            Qt.AlignmentFlag(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
        )
        row = len(self._rows)
        self._grid.addWidget(label, row, 0, Qt.AlignmentFlag.AlignTop)
        self._grid.addWidget(value, row, 1)
        self._rows.append((label, value))
