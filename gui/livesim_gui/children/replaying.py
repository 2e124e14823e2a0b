"""A recording that the user chooses in, its replay to an engine, started if need be, out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qtpy.QtWidgets import QFileDialog

from livesim_gui.children.replay import ReplayChild
from livesim_gui.engine_access import Session
from livesim_gui.panels.control import ControlPanel
from livesim_gui.panels.rows import settings_file
from livesim_gui.state.time.replay import Opened

FILES = "Recordings (*.tif *.tiff *.dv *.mrc);;All files (*)"


class Replaying:
    """What the user does with a replay.

    Parameters
    ----------
    connected
        Whether an engine answers.
    """

    def __init__(
        self,
        session: Session,
        control: ControlPanel,
        child: ReplayChild,
        connected: Callable[[], bool],
    ) -> None:
        self.child = child
        self._session, self._control, self._connected = session, control, connected
        self._bar = control.replay
        self._opened: Opened | None = None
        self._bar.file_asked.connect(self.ask_file)
        self._bar.folder_asked.connect(self.ask_folder)
        self._bar.main_pressed.connect(self.pause_or_go_on)
        self._bar.step_asked.connect(self.step)
        self._bar.stop_asked.connect(lambda: child.tell("stop"))
        self._bar.rate_chosen.connect(lambda rate: child.tell(f"rate {rate}"))
        child.changed.connect(lambda: self._bar.show_replay(child.state))

    def keys(self) -> dict[str, Callable[[], None]]:
        """Return the actions by the names of their keys."""
        return {
            "open-file": self.ask_file,
            "open-folder": self.ask_folder,
            "pause": self.pause_or_go_on,
            "step": self.step,
        }

    def ask_file(self) -> None:
        """Let the user choose a file."""
        chosen, _ = QFileDialog.getOpenFileName(
            self._control, "Open a recording", self._last(), FILES
        )
        if chosen:
            self.open(Path(chosen))

    def ask_folder(self) -> None:
        """Let the user choose a folder."""
        chosen = QFileDialog.getExistingDirectory(self._control, "Open a recording", self._last())
        if chosen:
            self.open(Path(chosen))

    def open(self, chosen: Path) -> None:
        """Replay a recording with the settings that belong to it, or those that are asked for."""
        self._bar.say(f"{chosen.name}: opens…")
        self._session.find_recording(
            chosen,
            lambda raw: self._begin(Opened(raw)),
            lambda words: self._ask_settings(chosen, words),
        )

    def pause_or_go_on(self) -> None:
        """Pause, go on, or, where it has ended, begin anew."""
        state = self.child.state
        if state.running:
            self.child.tell("resume" if state.paused else "pause")
        elif self._opened is not None:
            self._begin(self._opened)

    def step(self) -> None:
        """Send one raw stack, and pause."""
        self.child.tell("step")

    def _ask_settings(self, chosen: Path, words: str) -> None:
        self._bar.say(words)
        config = settings_file(self._control, self._control.config.text() or str(chosen.parent))
        if config is not None:
            self._begin(Opened(chosen, config))

    def _begin(self, opened: Opened) -> None:
        self._opened = opened
        address = self._session.address
        if address is not None and self._connected():
            self._start(address)
        else:
            self._session.start_engine(
                self._control.wanted_engine, self._engine_started, self._bar.say
            )

    def _engine_started(self, address: str) -> None:
        self._control.show_address(address)
        self._start(address)

    def _start(self, address: str) -> None:
        if self._opened is not None:
            self.child.start(self._opened, address, self._bar.chosen_rate)

    def _last(self) -> str:
        return "" if self._opened is None else str(self._opened.raw.parent)
