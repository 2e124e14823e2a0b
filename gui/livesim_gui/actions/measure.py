"""Draw lines and regions, and take what they measure elsewhere: the clipboard, a CSV file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qtpy.QtWidgets import QApplication, QFileDialog

from livesim_gui.background_tasks import BackgroundTasks
from livesim_gui.state.health.notice import Say
from livesim_gui.state.picture.drawing import Kind
from livesim_gui.widgets import Widgets


class MeasureActions:
    """Does what the user asks for with lines and regions.

    Parameters
    ----------
    tasks
        Write the file.
    say
        Tells something below the picture.
    """

    def __init__(self, widgets: Widgets, tasks: BackgroundTasks, say: Say) -> None:
        self._widgets, self._tasks, self._say = widgets, tasks, say
        self._panel = widgets.measure
        self._panel.copy_asked.connect(self.copy)
        self._panel.save_asked.connect(self.ask_file)

    def keys(self) -> dict[str, Callable[[], None]]:
        """Return the actions by the names of their keys."""
        return {
            "line": lambda: self.draw(Kind.LINE),
            "region": lambda: self.draw(Kind.REGION),
            "remove": self._panel.remove_chosen,
        }

    def draw(self, kind: Kind) -> None:
        """Let the next drag in the picture draw a line or region."""
        self._widgets.tabs.setCurrentWidget(self._panel)
        self._panel.switch_tool(kind)

    def copy(self, text: str) -> None:
        """Put numbers into the clipboard."""
        clipboard = QApplication.clipboard()
        assert clipboard is not None
        clipboard.setText(text)
        self._say("Copied; paste it into a spreadsheet")

    def ask_file(self, name: str, text: str) -> None:
        """Let the user choose a file, and write it."""
        folder = Path(self._widgets.control.snapshots.text()).expanduser()
        beginning = folder / name if folder.is_dir() else Path(name)
        chosen, _ = QFileDialog.getSaveFileName(
            self._panel, "Save as CSV", str(beginning), "CSV (*.csv)"
        )
        if chosen:
            self.save(Path(chosen), text)

    def save(self, path: Path, text: str) -> None:
        """Write numbers into a file."""
        self._tasks.run(
            "csv",
            lambda: path.write_text(text, encoding="utf-8"),
            lambda _: self._say(f"Saved {path}"),
            lambda words: self._say(f"The numbers could not be saved: {words}"),
        )
