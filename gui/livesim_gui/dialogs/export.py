"""Ask what to export into which file, and show how far it is."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from livesim_gui.children.export import ExportChild
from livesim_gui.dialogs.child_dialog import ChildDialog
from livesim_gui.panels.rows import beside, chooser
from livesim_gui.state.picture.export import (
    FORMATS,
    GAPS,
    MOVIE,
    WHATS,
    ExportWish,
    Shown,
    free_name,
    with_suffix,
)


class ExportForm(QWidget):
    """The fields that say what to export, how, and into which file."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: Shown | None = None
        self._confirmed = ""
        """A file that the user has agreed to replace."""
        self.recording, self.out = QLineEdit(), QLineEdit()
        self.what, self.format = _choice(WHATS), _choice(FORMATS)
        self.gaps = _choice(GAPS)
        self.gaps.setToolTip("Raw stacks that were skipped live, or shown without their networks")
        self.time, self.channel, self.z = QLineEdit(), QLineEdit(), QLineEdit()
        self.projected = QCheckBox("Brightest along z")
        self.fps = QDoubleSpinBox()
        self.beside = QCheckBox("Widefield on the left")
        self.as_shown, self.shown_words = QCheckBox("As shown now"), QLabel()
        self._set_up()
        self._lay_out()
        self.format.currentIndexChanged.connect(self._choose)
        self.what.currentIndexChanged.connect(self._choose)
        self._choose()

    def _set_up(self) -> None:
        self._explain()
        for edit, hint in (
            (self.time, "all; 10:50 = from 10 to 49"),
            (self.channel, "all, merged in a movie"),
            (self.z, "all"),
        ):
            edit.setPlaceholderText(hint)
        self.fps.setRange(0.5, 120.0)
        self.fps.setValue(10.0)
        self.fps.setDecimals(1)
        self.fps.setSuffix(" images/s")
        self.shown_words.setProperty("role", "faint")

    def _explain(self) -> None:
        for widget, tip in (
            (self.recording, "Folder of the recording, or a file of it"),
            (self.out, "File to write; its ending follows the format"),
            (self.what, "Which images of every time point are written"),
            (self.format, "Movie to be shown, file for Fiji, or all values with their metadata"),
            (self.time, "Time points, counted from 0: 3, or 10:50 for 10 to 49; empty = all"),
            (self.channel, "Channels, counted from 0, with commas; empty = all"),
            (self.z, "Planes in z, counted from 0: 3, or 2:6 for 2 to 5; empty = all"),
            (self.projected, "The brightest value of all planes instead of each plane"),
            (self.fps, "Speed of a movie: images a second, whatever the time between them was"),
            (self.beside, "The widefield image beside it, in a movie"),
            (self.as_shown, "Levels, colours and gamma of the window; else those of the recording"),
        ):
            widget.setToolTip(tip)

    def _lay_out(self) -> None:
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setVerticalSpacing(8)
        choose = chooser("…", "Choose", self._ask_recording, self._take_recording)
        form.addRow("Recording", beside(self.recording, choose))
        form.addRow("Images", self.what)
        form.addRow("Gaps", self.gaps)
        form.addRow("Time points", self.time)
        form.addRow("Channels", self.channel)
        form.addRow("Planes in z", beside(self.z, self.projected))
        form.addRow("Contrast", beside(self.as_shown, self.shown_words))
        form.addRow("Format", self.format)
        form.addRow("Movie", beside(self.fps, self.beside))
        choose_out = chooser("…", "Choose", self._ask_out, self._take_out)
        form.addRow("Save as", beside(self.out, choose_out))

    def offer(self, recording: Path | None, shown: Shown | None) -> None:
        """Fill in the recording and the look of what is on the screen, as `ExportDialog.offer`."""
        self._shown = shown
        if recording is not None:
            self._take_recording(str(recording))
        if shown is not None:
            self.what.setCurrentIndex(self.what.findData(shown.what))
            self.shown_words.setText(shown.words)
            self.channel.setText(",".join(str(channel) for channel in shown.channels))
        self.as_shown.setChecked(shown is not None)
        self._choose()

    @property
    def wish(self) -> ExportWish:
        """What the fields say now."""
        takes_look = self.as_shown.isChecked() and self.as_shown.isEnabled()
        out = self.out.text()
        return ExportWish(
            recording=self.recording.text(),
            out=out,
            what=self.what.currentData(),
            time=self.time.text(),
            channel=self.channel.text(),
            z=self.z.text(),
            projected=self.projected.isChecked(),
            fps=self.fps.value(),
            beside=self.beside.isChecked() and self.beside.isEnabled(),
            shown=self._shown if takes_look else None,
            gaps=self.gaps.currentData(),
            overwrite=bool(out) and out == self._confirmed,
        )

    def forget_confirmation(self) -> None:
        """Ask again before a file is replaced: what was agreed to has happened."""
        self._confirmed = ""

    @property
    def _suffix(self) -> str:
        return str(self.format.currentData())

    def _choose(self) -> None:
        """Offer what goes with the format and the images chosen."""
        movie, what = self._suffix == MOVIE, self.what.currentData()
        self.fps.setEnabled(movie)
        self.beside.setEnabled(movie and what not in ("raw", "widefield"))
        self.gaps.setEnabled(what not in ("raw", "widefield"))
        matches = self._shown is not None and self._shown.what == what
        self.as_shown.setEnabled(matches)
        self.shown_words.setVisible(matches)
        if self.out.text():
            self.out.setText(with_suffix(self.out.text(), self._suffix))

    def _ask_recording(self) -> str:
        words = "Choose a recording"
        return QFileDialog.getExistingDirectory(self, words, self.recording.text())

    def _take_recording(self, chosen: str) -> None:
        self.recording.setText(chosen)
        self.out.setText(str(free_name(Path(chosen), self._suffix)))

    def _ask_out(self) -> str:
        kind = f"{FORMATS[self._suffix]} (*{self._suffix})"
        return QFileDialog.getSaveFileName(self, "Save as", self.out.text(), kind)[0]

    def _take_out(self, chosen: str) -> None:
        named = with_suffix(chosen, self._suffix)
        self.out.setText(named)
        # The file dialog has asked about this very name, and no other.
        self._confirmed = named if named == chosen else ""


class ExportDialog(ChildDialog):
    """Exports what the form says, and shows how far it is; the stream goes on.

    Parameters
    ----------
    parent
        The window.
    child
        What does the work.
    """

    def __init__(self, parent: QWidget | None, child: ExportChild) -> None:
        super().__init__(parent, child, "Export", ("Export", "Cancel"))
        self.form = ExportForm()
        self.start.setToolTip("Write the file; the stream goes on meanwhile")
        self.stop.setToolTip("End the export; nothing is left under the file's name")
        self.start.clicked.connect(self._begin)
        layout = QVBoxLayout(self)
        layout.addWidget(self.form)
        layout.addWidget(self.bar)
        layout.addWidget(self.words)
        layout.addLayout(self._buttons())

    def offer(self, recording: Path | None, shown: Shown | None) -> None:
        """Begin with the recording and the look of what is on the screen.

        Parameters
        ----------
        recording
            The folder of the stream, where it lies on this machine.
        shown
            How the stage is shown; None where nothing is.
        """
        if not self.child.running:
            self.form.offer(recording, shown)
            self.words.setText("")

    def _begin(self) -> None:
        self._run(self.form.wish)

    def _show_end(self, there: bool, words: str) -> None:
        super()._show_end(there, words)
        self.form.forget_confirmation()


def _choice(offered: dict[str, str]) -> QComboBox:
    box = QComboBox()
    for key, words in offered.items():
        box.addItem(words, key)
    return box
