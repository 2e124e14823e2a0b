"""Keep the lines and regions that are drawn into the picture, and show what lies in them."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QPushButton,
)

from livesim_gui.panels.panel import Panel
from livesim_gui.panels.plots import colour_plot, faint_label, plain_plot
from livesim_gui.panels.rows import button
from livesim_gui.picture.drawn import DrawnItem
from livesim_gui.picture.picture import Picture
from livesim_gui.plotting import pg
from livesim_gui.state.picture.drawing import Drawing, Kind, Measurement, measurement
from livesim_gui.state.picture.profile import Point
from livesim_gui.state.picture.stages import Stage
from livesim_gui.theme import Theme

HOW = "Press L for a line or R for a region, then drag in the picture. What is drawn can be moved."
WANTED = {
    Kind.LINE: "Drag along the line in the picture.",
    Kind.REGION: "Drag from one corner of the region to the other, in the picture.",
}
LIST_LINES = 3


class MeasurePanel(Panel):
    """Lists lines and regions, with the profile and width or the statistics of the chosen one.

    Parameters
    ----------
    picture
        Where they are drawn.
    """

    copy_asked = Signal(str)
    """Text for the clipboard."""
    save_asked = Signal(str, str)
    """A name for the file, and what it is to hold."""

    def __init__(self, picture: Picture) -> None:
        super().__init__()
        self._picture = picture
        self._stage: Stage | None = None
        self._found: Measurement | None = None
        self.items: list[DrawnItem] = []
        """In the order of the list."""
        self._made = dict.fromkeys(Kind, 0)
        self.buttons = {
            Kind.LINE: self._tool(Kind.LINE, "Line (L)", "Draw a line: its profile and width, nm"),
            Kind.REGION: self._tool(
                Kind.REGION, "Region (R)", "Draw a region: statistics, photo-electrons"
            ),
        }
        self.list = QListWidget()
        self.plot = plain_plot("", height=110)
        self._curve = self.plot.plot()
        self.words = QLabel(HOW)
        self._make_buttons()
        self._lay_out()
        picture.tool.drawn.connect(self.add)
        picture.tool.changed.connect(self._show_tool)
        self.list.currentRowChanged.connect(lambda _: self._choose())
        self._choose()

    def _make_buttons(self) -> None:
        self.list.setToolTip("All that is drawn; the numbers below are of the chosen one")
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.shown = QCheckBox("Show all over the picture")
        self.shown.setToolTip("Hidden drawings are kept, and still measured")
        self.shown.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.shown.setChecked(True)
        self.shown.toggled.connect(self._show_items)
        self.remove = button("Remove", "Take the chosen line or region away (Del)")
        self.copy = button("Copy", "The numbers of the chosen one, for a spreadsheet")
        self.save = button("Save CSV…", "The numbers of the chosen one, in nm or µm")
        self.remove.clicked.connect(lambda: self.remove_chosen())
        self.copy.clicked.connect(lambda: self._ask_copy())
        self.save.clicked.connect(lambda: self._ask_save())

    def _tool(self, kind: Kind, words: str, tip: str) -> QPushButton:
        made = button(words, tip, checkable=True)
        made.clicked.connect(lambda: self.switch_tool(kind))
        return made

    def _lay_out(self) -> None:
        grid = QGridLayout()
        for column, tool in enumerate(self.buttons.values()):
            grid.addWidget(tool, 0, column)
        grid.addWidget(self.list, 1, 0, 1, 2)
        grid.addWidget(self.shown, 2, 0, 1, 2)
        self.column.addLayout(grid)
        row = QHBoxLayout()
        for widget in (self.remove, self.copy, self.save):
            row.addWidget(widget)
        self.column.addLayout(row)
        self.list.setFixedHeight(round((LIST_LINES + 0.6) * 1.3 * self.fontMetrics().height()))
        self.column.addWidget(faint_label("Photo-electrons along the line"))
        self.column.addWidget(self.plot, 1)
        self.words.setWordWrap(True)
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.words.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.words.setMinimumHeight(4 * self.fontMetrics().lineSpacing())
        self.column.addWidget(self.words)

    def switch_tool(self, kind: Kind) -> None:
        """Let the next drag in the picture draw this; the second time, let it pan again."""
        tool = self._picture.tool
        tool.want(None if tool.kind is kind else kind)

    def add(self, kind: Kind, start: Point, end: Point) -> None:
        """Keep what was drawn between two points in raw pixels, and choose it."""
        self._made[kind] += 1
        drawing = Drawing(kind, f"{kind.value.capitalize()} {self._made[kind]}", start, end)
        item = DrawnItem(self._picture.box, drawing)
        item.moved.connect(self._update)
        item.pointed.connect(lambda: self.list.setCurrentRow(self.items.index(item)))
        self.items.append(item)
        self.list.addItem(drawing.name)
        self.list.setCurrentRow(len(self.items) - 1)
        self.shown.setChecked(True)

    def remove_chosen(self) -> None:
        """Take the chosen drawing away for good."""
        at = self.list.currentRow()
        if at >= 0:
            self.items.pop(at).remove()
            self.list.takeItem(at)
            self._choose()

    def measure(self, stage: Stage) -> None:
        """Measure in another image."""
        self._stage = stage
        self._update()

    def use_theme(self, theme: Theme) -> None:
        """Take the colours of a theme."""
        colour_plot(self.plot, theme)
        self._curve.setPen(pg.mkPen(theme.accent, width=2))

    @property
    def _chosen(self) -> DrawnItem | None:
        at = self.list.currentRow()
        return self.items[at] if 0 <= at < len(self.items) else None

    def _choose(self) -> None:
        chosen = self._chosen
        for item in self.items:
            item.choose(item is chosen)
        for widget in (self.remove, self.copy, self.save):
            widget.setEnabled(chosen is not None)
        self._update()

    def _update(self) -> None:
        chosen, found = self._chosen, None
        if chosen is not None and self._stage is not None:
            found = measurement(chosen.drawing, self._stage, self._picture.pixel_um)
        self._found = found
        self._show_words()
        if found is None or found.profile is None:
            self._curve.setData([], [])
            return
        self._curve.setData(found.profile.distance, found.profile.value, connect="finite")
        self.plot.setLabel("bottom", found.unit)

    def _show_words(self) -> None:
        tool = self._picture.tool.kind
        measured = HOW if self._found is None else self._found.words
        self.words.setText(measured if tool is None else WANTED[tool])

    def _show_tool(self) -> None:
        for kind, tool in self.buttons.items():
            tool.setChecked(self._picture.tool.kind is kind)
        self._show_words()

    def _show_items(self, on: bool) -> None:
        for item in self.items:
            item.show(on)

    def _ask_copy(self) -> None:
        if self._found is not None:
            self.copy_asked.emit(self._found.table.tabbed)

    def _ask_save(self) -> None:
        chosen: Any = self._chosen
        if self._found is not None:
            name = chosen.drawing.name.lower().replace(" ", "-")
            self.save_asked.emit(f"{name}.csv", self._found.table.csv)
