"""Look at a recording that the user chooses, without an engine: its raw stacks one by one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qtpy.QtWidgets import QFileDialog

from livesim_gui.actions.time import Clock
from livesim_gui.backend import Backend
from livesim_gui.panels.rows import settings_file
from livesim_gui.past_reader import PastReader
from livesim_gui.state.health.notice import Say
from livesim_gui.state.time.archive import OpenedFile
from livesim_gui.state.viewer import Viewer
from livesim_gui.widgets import Widgets


class FileActions:
    """Does what the user asks for with a file that is looked at.

    Parameters
    ----------
    reader
        Restores with the networks what is shown.
    say
        Tells something below the picture.
    """

    def __init__(
        self,
        viewer: Viewer,
        backend: Backend,
        widgets: Widgets,
        reader: PastReader,
        say: Say,
        clock: Clock,
    ) -> None:
        self._viewer, self._backend, self._widgets = viewer, backend, widgets
        self._reader, self._say, self._clock = reader, say, clock
        self._opened: OpenedFile | None = None
        widgets.picture.start.open_asked.connect(self.ask_file)
        widgets.time_bar.restore.clicked.connect(lambda: self.restore())

    def keys(self) -> dict[str, Callable[[], None]]:
        """Return the actions by the names of their keys."""
        return {
            "open-file": self.ask_file,
            "open-folder": self.ask_folder,
            "restore": self.restore,
        }

    def ask_file(self) -> None:
        """Let the user choose a file."""
        chosen, _ = QFileDialog.getOpenFileName(self._widgets, "Open a recording", self._last())
        if chosen:
            self.open(Path(chosen))

    def ask_folder(self) -> None:
        """Let the user choose a folder."""
        chosen = QFileDialog.getExistingDirectory(self._widgets, "Open a recording", self._last())
        if chosen:
            self.open(Path(chosen))

    def open(self, chosen: Path, config: Path | None = None) -> None:
        """Look at a recording with these settings, those that belong to it, or those asked for."""
        if config is not None:
            self._open(chosen, config)
            return
        self._backend.local.find_recording(
            chosen,
            lambda raw: self._open(raw, None),
            lambda words: self._ask_settings(chosen, words),
        )

    def restore(self) -> None:
        """Restore with the networks the raw stack that is shown of a file."""
        shown, file = self._viewer.time.shown, self._opened
        if file is None or self._viewer.file is not file or shown is None:
            self._say("Only of a file that is looked at raw stacks are restored one by one.")
        elif not file.has_networks:
            self._say("No network fits this recording.")
        elif not self._reader.restore(file, shown, self._say, self._say):
            self._say("Another raw stack is still being restored.")
        else:
            self._say(f"Restoring time {shown.result.index.time} with the networks…")

    def renew(self) -> None:
        """Offer what goes with the file that is shown; close one that is shown no more."""
        file, shown = self._opened, self._viewer.time.shown
        looked_at = file is not None and self._viewer.file is file
        self._widgets.time_bar.show_file(
            looked_at,
            can_restore=file is not None
            and file.has_networks
            and shown is not None
            and shown.result.network is None,
        )
        if file is not None and not looked_at:
            self._opened = None
            self._backend.local.close_file()

    def _ask_settings(self, chosen: Path, words: str) -> None:
        self._say(words)
        config = settings_file(self._widgets, str(chosen.parent))
        if config is not None:
            self._open(chosen, config)

    def _open(self, raw: Path, config: Path | None) -> None:
        self._say(f"{raw.name} is opened, and its pattern looked for…")
        self._backend.local.open_file(raw, config, self._look_at, self._say)

    def _look_at(self, file: OpenedFile) -> None:
        self._backend.access.leave()
        self._opened = file
        self._viewer.look_at(file, self._clock())
        self._say("")

    def _last(self) -> str:
        return "" if self._opened is None else str(Path(self._opened.folder).parent)
