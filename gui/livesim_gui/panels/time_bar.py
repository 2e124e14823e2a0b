"""Show where in time one is, and let the user go elsewhere."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from functools import partial

from qtpy.QtCore import QMargins, QSize, Qt, Signal
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QComboBox, QLabel, QMenu, QWidget

from livesim.wire.networks import HELD, NEWEST, OFF, Run, networks_words
from livesim.wire.stream_status import NetworksStatus
from livesim_gui.panels.folding import Folding
from livesim_gui.panels.rows import button
from livesim_gui.panels.sliders import JumpSlider
from livesim_gui.state.time.ring import Shot
from livesim_gui.state.time.timeline import SPEEDS, Mode, Placed, Timeline

RUNS: tuple[Run, ...] = (NEWEST, 2, 5, 10, HELD, OFF)
"""Offered in the menu of the networks."""


class TimeBar(QWidget):
    """Goes to the live edge or back in time, plays, steps, and sets the speed of playing."""

    went_to = Signal(int)
    """The user dragged to the result at this place."""
    stepped = Signal(int)
    played = Signal()
    live_asked = Signal()
    speed_set = Signal(float)
    networks_chosen = Signal(object)
    """When the networks work from now on, a `Run`."""
    quick_asked = Signal()
    """The user takes the quick network from now on."""

    def __init__(self) -> None:
        super().__init__()
        self._showing = self._of_file = False
        self.play = button("Play", "Play from here; hold (P)")
        self.play.clicked.connect(lambda: self.played.emit())
        self.back, self.forward = button("‹", "One back (←)"), button("›", "One forward (→)")
        self.back.clicked.connect(lambda: self.stepped.emit(-1))
        self.forward.clicked.connect(lambda: self.stepped.emit(1))
        self.slider = JumpSlider(
            "Result that is shown, counted from the oldest; a click jumps there"
        )
        self.slider.valueChanged.connect(self._moved)
        self.words = QLabel()
        self.words.setAlignment(
            Qt.AlignmentFlag(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        )
        self.live = button("Live", "Back to the live edge (End)", checkable=True)
        self.live.clicked.connect(lambda: self.live_asked.emit())
        self.restore = button("Restore (W)", "Restore this raw stack with the networks: seconds")
        self.restore.hide()
        self.networks = button("", "When the networks work beside the plain images")
        self.networks.setMenu(self._runs())
        self.networks.hide()
        self._lay_out(self._speeds())

    def _speeds(self) -> QComboBox:
        self.speed = QComboBox()
        self.speed.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.speed.setToolTip("Speed of playing, times that of the stream")
        self.speed.addItems([f"{speed:g}×" for speed in SPEEDS])
        self.speed.setCurrentIndex(SPEEDS.index(1.0))
        self.speed.currentIndexChanged.connect(lambda at: self.speed_set.emit(SPEEDS[at]))
        return self.speed

    def _runs(self) -> QMenu:
        menu = QMenu(self)
        for run in RUNS:
            words = networks_words(run)
            action = menu.addAction(f"{words[:1].upper()}{words[1:]}")
            assert action is not None
            action.triggered.connect(partial(self.networks_chosen.emit, run))
        menu.addSeparator()
        self.quick = menu.addAction("With the quick network, in a fourth of the time")
        assert self.quick is not None
        self.quick.triggered.connect(lambda: self.quick_asked.emit())
        return menu

    def show_networks(self, networks: NetworksStatus | None, *, quick: bool = False) -> None:
        """Show when the networks of the stream work; nothing where they hold no picture up.

        `quick`: the quick network fits the stream, and is not the one at work.
        """
        assert self.quick is not None
        self.networks.setVisible(networks is not None)
        self.quick.setVisible(quick)
        if networks is not None:
            short = networks_words(networks.run).removeprefix("on ").removeprefix("only ")
            if self.networks.text() != f"Networks: {short}":
                self.networks.setText(f"Networks: {short}")
                self._rows.fit(may_unfold=False)

    def _lay_out(self, speed: QComboBox) -> None:
        self._rows = Folding(self, (1, 0), QMargins(8, 4, 8, 4))
        first, second = self._rows.first, self._rows.second
        for widget in (self.back, self.play, self.forward, speed):
            first.addWidget(widget)
        first.addWidget(self.slider, 1)
        second.addWidget(self.words, 1)
        for widget in (self.restore, self.networks, self.live):
            second.addWidget(widget)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return the size in two rows."""
        return self._rows.least

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802
        """Take two rows where one has no room."""
        super().resizeEvent(event)
        self._rows.fit(may_unfold=True)

    def show_time(self, timeline: Timeline, shots: Sequence[Placed], shown: Shot | None) -> None:
        """Show where one is."""
        self._showing = True
        self.setEnabled(bool(shots))
        self.slider.setRange(0, max(len(shots) - 1, 0))
        self.live.setChecked(timeline.mode is Mode.LIVE and bool(shots))
        self.play.setText("Play" if timeline.mode is Mode.HELD else "Hold")
        if shown is not None and shots:
            place = _place(shots, shown)
            self.slider.setValue(place)
            self._say(
                f"{place + 1} of {len(shots)} · {place_words(shots, shown, of_file=self._of_file)}"
            )
        else:
            self.words.setText("")
        self._showing = False

    def show_file(self, looked_at: bool, *, can_restore: bool) -> None:
        """Offer what goes with a file that is looked at: there is no live edge."""
        self._of_file = looked_at
        self.restore.setVisible(looked_at)
        self.restore.setEnabled(can_restore)
        self.live.setVisible(not looked_at)

    def _say(self, words: str) -> None:
        """Write where one is; the room for it grows and never shrinks, so that nothing trembles."""
        self.words.setText(words)
        room = self.words.sizeHint().width()
        if room > self.words.minimumWidth():
            self.words.setMinimumWidth(room)
            self._rows.fit(may_unfold=False)

    def _moved(self, place: int) -> None:
        if not self._showing:
            self.went_to.emit(place)


def place_words(shots: Sequence[Placed], shown: Shot, *, of_file: bool = False) -> str:
    """Say which time point is shown, and how long before the newest, or before a file's last."""
    behind = shots[-1].moment_s - shown.moment_s
    before = f", {behind:.1f} s {'before the last' if of_file else 'ago'}" if behind > 0.05 else ""
    return f"time {shown.result.index.time}{before}"


def _place(shots: Sequence[Placed], shown: Shot) -> int:
    at = bisect_left(shots, shown.number, key=lambda shot: shot.number)
    return min(at, len(shots) - 1)
