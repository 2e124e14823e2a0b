"""Choose among stages and channels, and show in the corner how the engine is."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QMargins, QSize, Qt, Signal
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from livesim_gui.panels.folding import Folding
from livesim_gui.panels.rows import button
from livesim_gui.state.health.health import Health
from livesim_gui.state.picture.look import Look
from livesim_gui.state.picture.stages import MEANINGS, title_of
from livesim_gui.state.stream.channels import Merge
from livesim_gui.state.trust.trusted import Trusted
from livesim_gui.theme import DARK, Theme

LONGEST_WORD = "MM do not trust MM"
"""Room for what is said of the networks: mark, bold words, and the button's edges."""


class TopBar(QWidget):
    """Has a button for each stage, the split view, and in the corner how the engine is."""

    stage_chosen = Signal(str)
    split_asked = Signal()
    channel_chosen = Signal(int)
    merge_asked = Signal()
    keys_asked = Signal()
    trust_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.names: tuple[str, ...] = ()
        """Of the stages, in the order of their keys."""
        self.buttons: dict[str, QPushButton] = {}
        self._theme = DARK
        self.split = button(
            "Split (X)",
            "The two stages chosen last beside each other; drag the line",
            checkable=True,
        )
        self.split.clicked.connect(lambda: self.split_asked.emit())
        self.channel = QComboBox()
        self.channel.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.channel.setToolTip("Channel that is shown, counted from 1")
        self.channel.hide()
        self.channel.activated.connect(self._choose_channel)
        self.merge = button(
            "Merge (M)", "All channels in their colours; V hides the chosen one", checkable=True
        )
        self.merge.clicked.connect(lambda: self.merge_asked.emit())
        self.merge.hide()
        self.stream = QLabel()
        self.stream.setProperty("role", "faint")
        # It takes the room that is left: the window must not grow for a name.
        self.stream.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.stream.setAlignment(
            Qt.AlignmentFlag(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        )
        self.word = QLabel()
        self.trust = button("")
        self.trust.clicked.connect(lambda: self.trust_asked.emit())
        policy = self.trust.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # so that nothing moves when it appears
        self.trust.setSizePolicy(policy)
        self.trust.setMinimumWidth(self.fontMetrics().horizontalAdvance(LONGEST_WORD))
        self.trust.hide()
        self.keys = button("?", "All keys")
        self.keys.clicked.connect(lambda: self.keys_asked.emit())
        self._stages = QHBoxLayout()
        self._is_narrow = False
        self._rows = Folding(self, (0, 1), QMargins(8, 6, 8, 6))
        self._lay_out()

    def _lay_out(self) -> None:
        first, second = self._rows.first, self._rows.second
        first.addLayout(self._stages)
        for widget in (self.split, self.channel, self.merge):
            first.addWidget(widget)
        first.addStretch(1)  # in a row of its own
        second.addWidget(self.stream, 1)
        second.addSpacing(12)
        second.addWidget(self.word)
        second.addSpacing(6)
        second.addWidget(self.trust)
        second.addSpacing(6)
        second.addWidget(self.keys)

    def show_stages(self, names: Sequence[str], look: Look) -> None:
        """Show which stages there are, and which one is shown."""
        if tuple(names) != self.names:
            self._make_buttons(tuple(names))
        for name, stage in self.buttons.items():
            stage.setChecked(name == look.stage or (look.split and name == look.other))
        self.split.setChecked(look.split)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return the size in two rows, with short names."""
        return self._rows.least - QSize(0 if self._is_narrow else self._spared, 0)

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802
        """Take short names where the whole ones have no room, and two rows where not even those."""
        super().resizeEvent(event)
        self._fit(may_unfold=True)

    def _fit(self, *, may_unfold: bool = False) -> None:
        whole = self._rows.beside + (self._spared if self._is_narrow else 0)
        is_narrow = self.width() < whole
        if is_narrow != self._is_narrow:
            self._is_narrow = is_narrow
            for number, (name, stage) in enumerate(self.buttons.items()):
                stage.setText(_label(number, name, short=is_narrow))
        self._rows.fit(may_unfold=may_unfold)

    @property
    def _spared(self) -> int:
        """How much narrower short names are than whole ones."""
        width = self.fontMetrics().horizontalAdvance
        return sum(width(title_of(n)) - width(title_of(n, short=True)) for n in self.names)

    def show_channels(self, channels: Sequence[int], shown: int) -> None:
        """Offer the channels of a stream that has several."""
        self.channel.setVisible(len(channels) > 1)
        if [self.channel.itemData(n) for n in range(self.channel.count())] != list(channels):
            self.channel.clear()
            for channel in channels:
                self.channel.addItem(f"Channel {channel + 1}", channel)
        self.channel.setCurrentIndex(self.channel.findData(shown))

    def show_merge(self, merge: Merge, channels: Sequence[int]) -> None:
        """Show whether the channels are merged, and which of them are left out."""
        self.merge.setVisible(len(channels) > 1)
        self.merge.setChecked(merge.on)
        for place in range(self.channel.count()):
            channel = self.channel.itemData(place)
            words = f" ({merge.lut(channel)})" if merge.on else ""
            words = " (hidden)" if merge.on and channel in merge.hidden else words
            self.channel.setItemText(place, f"Channel {channel + 1}{words}")

    def show_health(self, health: Health, source: str) -> None:
        """Say in the corner how the engine is."""
        room, elide = self.stream.width(), Qt.TextElideMode.ElideRight
        self.stream.setText(self.stream.fontMetrics().elidedText(source, elide, room))
        self.stream.setToolTip(source)
        colour = self._theme.tones[health.tone]
        self.word.setText(f'<span style="color:{colour}">●</span>&nbsp; {health.word}')

    def show_trust(self, trusted: Trusted) -> None:
        """Say in the corner whether the networks can be trusted, and why when pointed at."""
        self.trust.setVisible(bool(trusted.word))
        self.trust.setText(trusted.word)
        self.trust.setToolTip(trusted.tip)
        colour = self._theme.tones[trusted.tone]
        self.trust.setStyleSheet(f"color: {colour}; font-weight: bold")
        self._fit()

    def use_theme(self, theme: Theme) -> None:
        """Take the colours of a theme."""
        self._theme = theme

    def _choose_channel(self, at: int) -> None:
        self.channel_chosen.emit(self.channel.itemData(at))

    def _make_buttons(self, names: tuple[str, ...]) -> None:
        for old in self.buttons.values():
            self._stages.removeWidget(old)
            old.hide()
            old.deleteLater()
        self.names = names
        self.buttons = {name: self._stage_button(n, name) for n, name in enumerate(names)}

    def _stage_button(self, number: int, name: str) -> QPushButton:
        label = _label(number, name, short=self._is_narrow)
        meaning = MEANINGS.get(name, title_of(name))
        made = button(label, f"{meaning}. Space swaps back", checkable=True)
        made.clicked.connect(lambda: self.stage_chosen.emit(name))
        self._stages.addWidget(made)
        return made


def _label(number: int, name: str, *, short: bool) -> str:
    """Return what is written on the button of a stage, counted from 0."""
    return f"{title_of(name, short=short)} ({number + 1})"
