"""Show whether the networks can be trusted, why, and which map lies over the picture."""

from __future__ import annotations

from collections.abc import Collection
from html import escape

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QLabel,
    QProgressBar,
    QPushButton,
    QSlider,
)

from livesim.values.verdict import MAPS
from livesim_gui.panels.panel import Panel
from livesim_gui.panels.plots import faint_label
from livesim_gui.state.picture.tint import KINDS
from livesim_gui.state.trust.trusted import Trusted

_OFF = "Off"
_FULL = 100
_BAR_HEIGHT = 8
_BAR = """QProgressBar {{ border: none; border-radius: 4px; background: {base}; }}
QProgressBar::chunk {{ border-radius: 4px; background: {colour}; }}"""


class TrustPanel(Panel):
    """Says whether the networks can be trusted and why, and offers maps of where."""

    map_chosen = Signal(object)
    """Its name; None hides it."""
    opacity_set = Signal(float)
    review_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.word, self.reasons = QLabel(), QLabel()
        self.facts = faint_label("")
        self.meaning = faint_label("")
        self.map = QComboBox()
        self.map.setToolTip("Map of where the networks can be trusted, over the picture")
        # The panel must not grow for a long name.
        self.map.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.map.addItem(_OFF, None)
        for name in MAPS:
            self.map.addItem(KINDS[name].title, name)
        self.map.activated.connect(lambda at: self.map_chosen.emit(self.map.itemData(at)))
        self.opacity = QSlider(Qt.Orientation.Horizontal)
        self.opacity.setToolTip("Opacity of the map where it has nothing to say, %")
        self.opacity.setRange(0, _FULL)
        self.opacity.valueChanged.connect(lambda at: self.opacity_set.emit(at / _FULL))
        self.check = QPushButton("Check now")
        self.check.setToolTip("Review the newest result now, without waiting for its turn")
        self.check.clicked.connect(lambda: self.review_asked.emit())
        self.carried = QLabel()
        self.bar = QProgressBar()
        self.bar.setRange(0, _FULL)
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(_BAR_HEIGHT)
        self._lay_out()

    def _lay_out(self) -> None:
        for label in (self.word, self.carried, self.reasons):
            label.setWordWrap(True)
        self.word.setTextFormat(Qt.TextFormat.RichText)
        self.reasons.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.column.setSpacing(8)
        self.column.addWidget(self.word)
        self.column.addWidget(self.carried)
        self.column.addWidget(self.bar)
        self.column.addWidget(self.reasons)
        self.column.addWidget(faint_label("Over the picture (T)"))
        self.column.addWidget(self.map)
        self.column.addWidget(self.meaning)
        self.column.addWidget(faint_label("Opacity"))
        self.column.addWidget(self.opacity)
        self.column.addWidget(self.check)
        self.column.addWidget(self.facts)
        self.column.addStretch(1)

    def show_trust(self, trusted: Trusted) -> None:
        """Say whether the networks can be trusted."""
        colour = self._theme.tones[trusted.tone]
        self.word.setText(f'<b style="color:{colour}; font-size:large">{trusted.word}</b>')
        self.word.setVisible(bool(trusted.word))
        self.reasons.setText("\n".join(trusted.reasons))
        self.facts.setText("".join(f"<p>{escape(fact)}.</p>" for fact in trusted.facts))
        self.check.setEnabled(trusted.can_ask)
        carried = 0.0 if trusted.carried is None else trusted.carried
        for widget in (self.carried, self.bar):
            widget.setVisible(trusted.carried is not None)
        self.carried.setText(f"{carried:.0f} % of the structure is carried by photons")
        self.bar.setValue(min(max(round(carried), 0), _FULL))
        self.bar.setStyleSheet(_BAR.format(base=self._theme.raised, colour=colour))

    def show_maps(self, known: Collection[str], shown: str | None, opacity: float) -> None:
        """Show which maps there are, and which one lies over the picture."""
        for at in range(self.map.count()):
            name = self.map.itemData(at)
            there = name is None or name in known
            words = _OFF if name is None else KINDS[name].title
            self.map.setItemText(at, words if there else f"{words} (not made yet)")
        self.map.setCurrentIndex(self.map.findData(shown))
        self.meaning.setText("" if shown is None else KINDS[shown].meaning)
        self.meaning.setVisible(shown is not None)
        if not self.opacity.isSliderDown():
            self.opacity.setValue(round(_FULL * opacity))
