"""Ask which network is to be taught the sample, show how far it is, and offer to use it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QDialog,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from livesim_gui.children.export import ExportChild
from livesim_gui.panels.rows import beside, button
from livesim_gui.state.picture.export import free_name
from livesim_gui.state.steering import MODEL_SUFFIX, STARTS, AdaptWish

WIDTH = 560
EXPLAINED = (
    "A network learns your sample from raw stacks alone, beside the stream. Its file is written "
    "only if its error fell clearly in places that it has not learned from."
)


class AdaptDialog(QDialog):
    """Adapts a network to the sample; the stream goes on meanwhile.

    Parameters
    ----------
    parent
        The window.
    child
        What does the work: runs `livesim adapt`.
    """

    use_asked = Signal(str)
    """The file of a network that the running stream is to use."""

    def __init__(self, parent: QWidget | None, child: ExportChild) -> None:
        super().__init__(parent)
        self.child = child
        self.recording, self.out, self.network = QLineEdit(), QLineEdit(), QComboBox()
        self.bar, self.words = QProgressBar(), QLabel()
        self.start, self.stop = QPushButton("Adapt"), QPushButton("Stop here")
        self.use = QPushButton("Use it")
        self._made = ""
        self.setWindowTitle("Adapt to this sample")
        self.setMinimumWidth(WIDTH)
        self._explain()
        self._lay_out()
        self.start.clicked.connect(self._begin)
        self.stop.clicked.connect(lambda: self.child.cancel())
        self.use.clicked.connect(lambda: self.use_asked.emit(self._made))
        self.child.progressed.connect(self._progressed)
        self.child.ended.connect(self._ended)

    def _explain(self) -> None:
        for start, words in STARTS.items():
            self.network.addItem(words, start)
        self.recording.setToolTip("Raw stacks of the sample: a folder of the engine, or a file")
        self.out.setToolTip("Model file to write")
        self.network.setToolTip("The network to begin with")
        self.start.setToolTip("Takes minutes, and the cores that the stream leaves")
        self.stop.setToolTip("Take the best network so far, if it has gained")
        self.use.setToolTip("From the next raw stack of the running stream on")
        self.start.setDefault(True)

    def _lay_out(self) -> None:
        explained = QLabel(EXPLAINED)
        for label in (explained, self.words):
            label.setWordWrap(True)
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        form = QFormLayout()
        form.addRow("Recording", beside(self.recording, *self._browsers()))
        form.addRow("Begin with", self.network)
        form.addRow("Save as", self.out)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        for one in (self.use, self.stop, self.start):
            buttons.addWidget(one)
        layout = QVBoxLayout(self)
        layout.addWidget(explained)
        layout.addLayout(form)
        layout.addWidget(self.bar)
        layout.addWidget(self.words)
        layout.addLayout(buttons)
        self.use.setVisible(False)
        self._show_running(False)

    def _browsers(self) -> tuple[QPushButton, QPushButton]:
        return (
            _browse("Folder…", lambda: QFileDialog.getExistingDirectory(self), self._choose),
            _browse("File…", lambda: QFileDialog.getOpenFileName(self)[0], self._choose),
        )

    def offer(self, recording: Path | None) -> None:
        """Begin with the folder of the stream, where it lies on this machine."""
        if recording is not None and not self.child.running:
            self._choose(str(recording))

    def _choose(self, recording: str) -> None:
        self.recording.setText(recording)
        self.out.setText(str(free_name(Path(recording), MODEL_SUFFIX)))

    def _begin(self) -> None:
        start = str(self.network.currentData())
        wish = AdaptWish(self.recording.text(), self.out.text(), start)
        self.words.setText(wish.problem or "")
        if wish.problem is not None or self.child.running:
            return
        self._made = wish.out.strip()
        self.bar.setRange(0, 0)
        self.use.setVisible(False)
        self._show_running(True)
        self.child.start(wish.flags)

    def _progressed(self, done: int, total: int) -> None:
        self.bar.setRange(0, total)
        self.bar.setValue(done)

    def _ended(self, there: bool, words: str) -> None:
        self._show_running(False)
        self.use.setVisible(there)
        self.words.setText(words)

    def _show_running(self, running: bool) -> None:
        self.bar.setVisible(running)
        self.start.setEnabled(not running)
        self.stop.setEnabled(running)


def _browse(words: str, ask: Callable[[], str], take: Callable[[str], None]) -> QPushButton:
    def choose() -> None:
        chosen = ask()
        if chosen:
            take(chosen)

    made = button(words, "Choose a recording")
    made.clicked.connect(choose)
    return made
