"""Ask for one light level after the other, and show what each is good for."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from livesim_gui.engine_access import EngineAccess
from livesim_gui.panels.plots import faint_label
from livesim_gui.state.dose.ladder import COLUMNS, Dose, Ladder
from livesim_gui.state.stream.stream import Stream

SIZE = (820, 420)


class DoseDialog(QDialog):
    """Finds out how little light is enough; the stream goes on beside it.

    Parameters
    ----------
    parent
        The window.
    stream, access
        What the engine says, and the way to ask it.
    """

    def __init__(self, parent: QWidget | None, stream: Stream, access: EngineAccess) -> None:
        super().__init__(parent)
        self._stream, self._access = stream, access
        self.ladder = Ladder()
        self._shown: tuple[Dose, ...] | None = None
        self.setWindowTitle("How little light is enough?")
        self.resize(*SIZE)
        self.words, self.progress = QLabel(), faint_label("")
        self.words.setWordWrap(True)
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.name = QLineEdit()
        self.name.setPlaceholderText("what is set now, e.g. 50 ms or 10 %")
        self.name.setToolTip("What the light is called in the table: ms, %, mW")
        self.name.returnPressed.connect(self._measure)
        self.next = _button(
            "Measure this dose", self._measure, "Calibrate, then measure eight raw stacks"
        )
        self.stop = _button("Give up", self._give_up, "End this dose without a result")
        self.table = QTableWidget(0, len(COLUMNS))
        self.copy = _button(
            "Copy table", lambda: _to_clipboard(self.ladder.table), "All doses, as text"
        )
        self.copy_csv = _button(
            "Copy as CSV", lambda: _to_clipboard(self.ladder.csv), "All doses, for a spreadsheet"
        )
        self.again = _button("Begin again", self._clear, "Forget all doses")
        self._lay_out()
        self.renew()

    def _lay_out(self) -> None:
        self.table.setHorizontalHeaderLabels(COLUMNS)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setWordWrap(True)
        rows, columns = self.table.verticalHeader(), self.table.horizontalHeader()
        assert rows is not None
        assert columns is not None
        rows.hide()
        columns.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        columns.setSectionResizeMode(len(COLUMNS) - 1, QHeaderView.ResizeMode.Stretch)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 14, 16, 12)
        layout.setSpacing(10)
        layout.addWidget(self.words)
        layout.addLayout(_row(self.name, self.next, self.stop))
        layout.addWidget(self.progress)
        layout.addWidget(self.table, 1)
        layout.addLayout(_row(self.again, self.copy, self.copy_csv))

    def renew(self) -> None:
        """Take what the engine says now."""
        if self.ladder.see(self._stream.news):
            self._access.review(self.progress.setText)
        if self.ladder.measuring is not None:
            self.progress.setText(self.ladder.progress)
        free = self.ladder.measuring is None
        self.next.setEnabled(free and self._stream.news.status is not None)
        self.stop.setEnabled(not free)
        if self.ladder.doses != self._shown:
            self._show_doses()

    def _show_doses(self) -> None:
        self._shown = self.ladder.doses
        self.words.setText(self.ladder.words)
        self.table.setRowCount(len(self._shown))
        for row, dose in enumerate(self._shown):
            for column, cell in enumerate(dose.cells):
                self._show_cell(row, column, cell, lowest=dose is self.ladder.lowest)
        self.table.resizeRowsToContents()
        for button in (self.copy, self.copy_csv, self.again):
            button.setEnabled(bool(self._shown))
        if self.ladder.measuring is None:
            self.progress.setText("")

    def _show_cell(self, row: int, column: int, words: str, *, lowest: bool) -> None:
        item = QTableWidgetItem(words)
        font = item.font()
        font.setBold(lowest)
        item.setFont(font)
        self.table.setItem(row, column, item)

    def _measure(self) -> None:
        name = self.name.text().strip()
        if not name:
            self.progress.setText("Name the light first, as it is set now: 50 ms, 10 %, …")
        elif self.ladder.measuring is None:
            self.ladder.ask(name, self._stream.news.status)
            self.renew()
            feed = self._stream.feed
            self._access.recalibrate(self._refused, lambda: self.ladder.begun(feed.statuses))

    def _refused(self, words: str) -> None:
        self._give_up()
        self.progress.setText(words)

    def _give_up(self) -> None:
        self.ladder.give_up()
        self.progress.setText("")
        self.renew()

    def _clear(self) -> None:
        self.ladder.clear()
        self.renew()


def _row(*widgets: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    for number, widget in enumerate(widgets):
        row.addWidget(widget, 1 if number == 0 and isinstance(widget, QLineEdit) else 0)
    return row


def _button(words: str, do: Callable[[], None], tip: str) -> QPushButton:
    button = QPushButton(words)
    button.setToolTip(tip)
    button.setAutoDefault(False)
    button.clicked.connect(lambda: do())
    return button


def _to_clipboard(text: str) -> None:
    clipboard = QApplication.clipboard()
    assert clipboard is not None
    clipboard.setText(text)
