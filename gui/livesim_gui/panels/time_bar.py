"""Show where in time one is, and let the user go elsewhere."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QWidget

from livesim_gui.panels.rows import button
from livesim_gui.panels.sliders import JumpSlider
from livesim_gui.state.time.ring import Shot
from livesim_gui.state.time.timeline import SPEEDS, Mode, Placed, Timeline


class TimeBar(QWidget):
    """Goes to the live edge or back in time, plays, steps, and sets the speed of playing."""

    went_to = Signal(int)
    """The user dragged to the result at this place."""
    stepped = Signal(int)
    played = Signal()
    live_asked = Signal()
    speed_set = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self._showing = False
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
        self._lay_out(self._speeds())

    def _speeds(self) -> QComboBox:
        self.speed = QComboBox()
        self.speed.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.speed.setToolTip("Speed of playing, times that of the stream")
        self.speed.addItems([f"{speed:g}×" for speed in SPEEDS])
        self.speed.setCurrentIndex(SPEEDS.index(1.0))
        self.speed.currentIndexChanged.connect(lambda at: self.speed_set.emit(SPEEDS[at]))
        return self.speed

    def _lay_out(self, speed: QComboBox) -> None:
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 4, 8, 4)
        for widget in (self.back, self.play, self.forward, speed):
            layout.addWidget(widget)
        layout.addWidget(self.slider, 1)
        layout.addWidget(self.words)
        layout.addWidget(self.restore)
        layout.addWidget(self.live)

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
            self._say(f"{place + 1} of {len(shots)} · {place_words(shots, shown)}")
        else:
            self.words.setText("")
        self._showing = False

    def show_file(self, looked_at: bool, *, can_restore: bool) -> None:
        """Offer what goes with a file that is looked at: there is no live edge."""
        self.restore.setVisible(looked_at)
        self.restore.setEnabled(can_restore)
        self.live.setVisible(not looked_at)

    def _say(self, words: str) -> None:
        """Write where one is; the room for it grows and never shrinks, so that nothing trembles."""
        self.words.setText(words)
        room = max(self.words.minimumWidth(), self.words.sizeHint().width())
        self.words.setMinimumWidth(room)

    def _moved(self, place: int) -> None:
        if not self._showing:
            self.went_to.emit(place)


def place_words(shots: Sequence[Placed], shown: Shot) -> str:
    """Say which time point is shown, and how long before the newest."""
    behind = shots[-1].moment_s - shown.moment_s
    before = f", {behind:.1f} s ago" if behind > 0.05 else ""
    return f"time {shown.result.index.time}{before}"


def _place(shots: Sequence[Placed], shown: Shot) -> int:
    at = bisect_left(shots, shown.number, key=lambda shot: shot.number)
    return min(at, len(shots) - 1)
