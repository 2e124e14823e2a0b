"""Choose position, plane in z and channel by sliders, where a stream has several."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QGridLayout, QLabel, QPushButton, QWidget

from livesim_gui.panels.rows import button
from livesim_gui.panels.sliders import JumpSlider
from livesim_gui.state.picture.cut import Kind
from livesim_gui.state.stream.places import Axis

NAMES = {"position": "Position", "z": "z", "channel": "Channel"}
WIDEST = "0000 of 0000"


class AxesBar(QWidget):
    """Has a row for every axis of the stream that has more than one place."""

    chosen = Signal(str, object)
    """The name of an axis and the place chosen; None = the newest result of any place."""
    cut_chosen = Signal(object)
    """A `Kind` of cut through volumes."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = {name: _Row(name) for name in NAMES}
        grid = QGridLayout(self)
        grid.setContentsMargins(8, 0, 8, 0)
        grid.setColumnStretch(1, 1)
        for at, (name, row) in enumerate(self.rows.items()):
            for column, widget in enumerate(row.widgets):
                grid.addWidget(widget, at, column)
            row.slider.valueChanged.connect(lambda to, name=name: self._moved(name, to))
            row.newest.clicked.connect(lambda _, name=name: self.chosen.emit(name, None))
        self.cut = _CutBox()
        self.cut.activated.connect(lambda at: self.cut_chosen.emit(list(Kind)[at]))
        grid.addWidget(self.cut, list(NAMES).index("z"), grid.columnCount())
        self._shown: tuple[Axis, ...] | None = None
        self.show_axes(())

    def show_axes(self, axes: Sequence[Axis]) -> None:
        """Show which place of every axis is shown."""
        if tuple(axes) == self._shown:
            return
        self._shown = tuple(axes)
        known = {axis.name: axis for axis in axes}
        for name, row in self.rows.items():
            row.show_axis(known.get(name))
        self.cut.setVisible("z" in known)
        self.setVisible(bool(axes))

    def show_cut(self, kind: Kind) -> None:
        """Show how volumes are looked at."""
        self.cut.setCurrentIndex(list(Kind).index(kind))

    def _moved(self, name: str, to: int) -> None:
        row = self.rows[name]
        if not row.showing:
            self.chosen.emit(name, row.places[to])


class _CutBox(QComboBox):
    """Offers every way to look at a volume."""

    def __init__(self) -> None:
        super().__init__()
        self.addItems([kind.value for kind in Kind])
        self.setToolTip("How volumes are looked at: a plane, a cut, or the brightest along z (Z)")


class _Row:
    """The widgets of one axis."""

    def __init__(self, name: str) -> None:
        title = NAMES[name]
        self.places: tuple[int, ...] = ()
        self.showing = False
        self.label, self.words = QLabel(title), QLabel()
        self.slider = JumpSlider(f"{title} that is shown, counted from 1; a click jumps there")
        self.newest: QPushButton = button(
            "Newest", f"Show the newest result, of whatever {title.lower()}", checkable=True
        )
        self.words.setMinimumWidth(self.words.fontMetrics().horizontalAdvance(WIDEST))
        self.words.setAlignment(
            Qt.AlignmentFlag(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        )
        self.widgets: tuple[QWidget, ...] = (self.label, self.slider, self.words, self.newest)

    def show_axis(self, axis: Axis | None) -> None:
        """Show this axis; None hides it, for it has one place."""
        for widget in self.widgets:
            widget.setVisible(axis is not None)
        if axis is None:
            return
        self.showing, self.places = True, axis.places
        self.slider.setRange(0, len(axis.places) - 1)
        if axis.shown in axis.places:
            self.slider.setValue(axis.places.index(axis.shown))
        self.words.setText(axis.words)
        self.newest.setChecked(not axis.chosen)
        # A channel is always one: which one is shown is chosen, or the first.
        self.newest.setVisible(axis.name != "channel")
        self.showing = False
