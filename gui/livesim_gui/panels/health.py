"""Show how the engine is as a table of words."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGridLayout, QLabel

from livesim.values.figure import Tone
from livesim_gui.panels.panel import Panel
from livesim_gui.state.health.health import Health, Line
from livesim_gui.theme import Theme


class HealthPanel(Panel):
    """Lists rates, latency, queues, drops, recording and faults."""

    def __init__(self) -> None:
        super().__init__()
        self._grid = QGridLayout()
        self._grid.setColumnStretch(1, 1)
        self._grid.setVerticalSpacing(8)
        self.column.addLayout(self._grid)
        self.column.addStretch(1)
        self._rows: list[tuple[QLabel, QLabel]] = []
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
        super().use_theme(theme)
        self._shown = None

    def _fill(self, label: QLabel, value: QLabel, line: Line) -> None:
        label.setText(line.label)
        value.setText(line.value)
        colour = "" if line.tone is Tone.QUIET else f"color: {self._theme.tones[line.tone]}"
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
