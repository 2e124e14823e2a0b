"""Replay a recording that the user chooses, to an engine that is started where none answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qtpy.QtWidgets import QFileDialog

from livesim_gui.actions.engine import EngineActions
from livesim_gui.children.local import LocalProcesses
from livesim_gui.children.replay import ReplayChild
from livesim_gui.panels.control import ControlPanel
from livesim_gui.panels.rows import settings_file
from livesim_gui.state.time.replay import ReplayWish


class ReplayActions:
    """Does what the user asks for with a replay.

    Parameters
    ----------
    engine
        Finds or starts the engine that is replayed to.
    child
        What replays.
    """

    def __init__(
        self,
        engine: EngineActions,
        local: LocalProcesses,
        control: ControlPanel,
        child: ReplayChild,
    ) -> None:
        self._engine, self._local, self._control, self._child = engine, local, control, child
        self._bar = control.replay
        self._bar.file_asked.connect(self.ask_file)
        self._bar.folder_asked.connect(self.ask_folder)
        self._bar.main_pressed.connect(self.pause_or_go_on)
        self._bar.step_asked.connect(lambda: child.tell("step"))
        self._bar.stop_asked.connect(lambda: child.tell("stop"))
        self._bar.rate_chosen.connect(lambda rate: child.tell(f"rate {rate}"))
        child.changed.connect(lambda: self._bar.show_replay(child.state))

    def keys(self) -> dict[str, Callable[[], None]]:
        """Return the actions by the names of their keys."""
        return {
            "pause": self.pause_or_go_on,
            "step": lambda: self._child.tell("step"),
        }

    def ask_file(self) -> None:
        """Let the user choose a file."""
        chosen, _ = QFileDialog.getOpenFileName(
            self._control, "Open a recording", self._last_folder()
        )
        if chosen:
            self.open(Path(chosen))

    def ask_folder(self) -> None:
        """Let the user choose a folder."""
        chosen = QFileDialog.getExistingDirectory(
            self._control, "Open a recording", self._last_folder()
        )
        if chosen:
            self.open(Path(chosen))

    def open(self, chosen: Path) -> None:
        """Replay a recording with the settings that belong to it, or those that are asked for."""
        self._bar.say(f"{chosen.name}: opens…")
        self._local.find_recording(
            chosen,
            lambda raw: self._begin(ReplayWish(raw)),
            lambda words: self._ask_settings(chosen, words),
        )

    def pause_or_go_on(self) -> None:
        """Pause, go on, or, where it has ended, begin again."""
        state = self._child.state
        if state.running:
            self._child.tell("resume" if state.paused else "pause")
        elif self._opened is not None:
            self._begin(self._opened)

    def _ask_settings(self, chosen: Path, words: str) -> None:
        self._bar.say(words)
        config = settings_file(self._control, self._control.config.text() or str(chosen.parent))
        if config is not None:
            self._begin(ReplayWish(chosen, config))

    def _begin(self, wish: ReplayWish) -> None:
        self._opened = wish
        self._engine.with_engine(
            lambda address: self._child.start(wish, address, self._bar.chosen_rate),
            self._bar.say,
        )

    def _last_folder(self) -> str:
        return "" if self._opened is None else str(self._opened.raw.parent)
