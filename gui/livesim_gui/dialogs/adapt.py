"""Ask which network is to be taught the sample, show how far it is, and offer to use it."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from livesim_gui.children.export import ExportChild
from livesim_gui.dialogs.child_dialog import ChildDialog
from livesim_gui.panels.rows import beside, chooser
from livesim_gui.state.picture.export import free_name
from livesim_gui.state.steering import MODEL_SUFFIX, STARTS, AdaptWish

EXPLAINED = (
    "A network learns your sample from raw stacks alone, beside the stream. Its file is written "
    "only if its error fell clearly in places that it has not learned from."
)


class AdaptDialog(ChildDialog):
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
        super().__init__(parent, child, "Adapt to this sample", ("Adapt", "Stop here"))
        self.recording, self.out, self.network = QLineEdit(), QLineEdit(), QComboBox()
        self.use = QPushButton("Use it")
        self._made = ""
        self._explain()
        self._lay_out()
        self.start.clicked.connect(self._begin)
        self.use.clicked.connect(lambda: self.use_asked.emit(self._made))

    def _explain(self) -> None:
        for start, words in STARTS.items():
            self.network.addItem(words, start)
        self.recording.setToolTip("Raw stacks of the sample: a folder of the engine, or a file")
        self.out.setToolTip("Model file to write")
        self.network.setToolTip("The network to begin with")
        self.start.setToolTip("Takes minutes, and the cores that the stream leaves")
        self.stop.setToolTip("Take the best network so far, if it has gained")
        self.use.setToolTip("From the next raw stack of the running stream on")

    def _lay_out(self) -> None:
        explained = QLabel(EXPLAINED)
        explained.setWordWrap(True)
        form = QFormLayout()
        form.addRow("Recording", beside(self.recording, *self._browsers()))
        form.addRow("Begin with", self.network)
        form.addRow("Save as", self.out)
        layout = QVBoxLayout(self)
        layout.addWidget(explained)
        layout.addLayout(form)
        layout.addWidget(self.bar)
        layout.addWidget(self.words)
        layout.addLayout(self._buttons([self.use]))
        self.use.setVisible(False)

    def _browsers(self) -> tuple[QPushButton, QPushButton]:
        tip = "Choose a recording"
        return (
            chooser("Folder…", tip, lambda: QFileDialog.getExistingDirectory(self), self._choose),
            chooser("File…", tip, lambda: QFileDialog.getOpenFileName(self)[0], self._choose),
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
        if self._run(wish):
            self._made = wish.out.strip()
            self.use.setVisible(False)

    def _show_end(self, there: bool, words: str) -> None:
        super()._show_end(there, words)
        self.use.setVisible(there)
