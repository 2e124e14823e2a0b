"""Start and stop an engine and a simulated microscope here, without holding the window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from livesim.wire.status import EngineStatus
from livesim_gui.background_tasks import BackgroundTasks
from livesim_gui.children.launcher import EngineWish, Launcher
from livesim_gui.state.stream.feed import News
from livesim_gui.state.time.archive import OpenedFile

_ENGINE, _SIMULATOR, _FIND, _FILE = "engine", "simulator", "find", "file"


@dataclass(frozen=True, slots=True)
class Running:
    """The state of the processes, which the buttons show; not what the user wishes."""

    engine: str | None
    """Address of the engine that was started here."""
    simulating: bool
    busy: bool = False
    """Whether something is under way."""
    words: str | None = None
    """What is under way, or stands in the way of the connection."""


class LocalProcesses:
    """The processes that this viewer has started; each start and stop takes seconds.

    Parameters
    ----------
    launcher
        Starts processes.
    """

    def __init__(self, tasks: BackgroundTasks, launcher: Launcher) -> None:
        self._tasks, self._launcher = tasks, launcher
        self._under_way: str | None = None
        self._starting: list[tuple[Callable[[str], None], Callable[[str], None]]] = []
        """Who waits for the engine that starts."""

    @property
    def engine(self) -> str | None:
        """Address of the engine that was started here and still runs."""
        return self._launcher.engine

    def start_engine(
        self, wish: EngineWish, started: Callable[[str], None], failed: Callable[[str], None]
    ) -> None:
        """Start an engine; `started` is called with its address, or `failed` with the reason.

        While one starts it is waited for, and no other is started.
        """
        if self._starting:
            self._starting.append((started, failed))
            return
        # Before it is begun: what is done at once is told at once.
        self._starting, before = [(started, failed)], self._under_way
        self._under_way = "The engine starts…"
        begun = self._tasks.run(
            _ENGINE,
            lambda: self._launcher.start_engine(wish.record, wish.config, at_once=wish.at_once),
            lambda address: self._tell_starting(0, address),
            lambda words: self._tell_starting(1, words),
        )
        if not begun:  # one is ending
            self._starting, self._under_way = [], before

    def _tell_starting(self, which: Literal[0, 1], words: str) -> None:
        """Tell all who wait for the engine that it has started (0), or why it has not (1)."""
        waiting, self._starting = self._starting, []
        for tell in waiting:
            self._end(tell[which], words)

    def stop_engine(self) -> None:
        """End the engine that was started here."""
        self._under_way = "The engine finishes and closes its recordings…"
        self._tasks.run(_ENGINE, self._launcher.stop_engine, self._ended)

    def start_simulator(
        self, engine: str, config: Path | None, failed: Callable[[str], None]
    ) -> None:
        """Stream a simulation to an engine."""
        self._tasks.run(
            _SIMULATOR,
            lambda: self._launcher.start_simulator(engine, config),
            self._ended,
            lambda words: self._end(failed, words),
        )

    def stop_simulator(self) -> None:
        """End the simulated microscope."""
        self._under_way = "The simulator ends its stream…"
        self._tasks.run(_SIMULATOR, self._launcher.stop_simulator, self._ended)

    def find_recording(
        self, chosen: Path, found: Callable[[Path], None], failed: Callable[[str], None]
    ) -> None:
        """Look what can be replayed of a file or folder; `failed` gets the reason if none."""
        self._tasks.run(_FIND, lambda: self._launcher.find_recording(chosen), found, failed)

    def open_file(
        self,
        raw: Path,
        config: Path | None,
        opened: Callable[[OpenedFile], None],
        failed: Callable[[str], None],
    ) -> None:
        """Open a recording to look at it; `opened` gets it, or `failed` the reason."""
        self._under_way = f"{raw.name} is opened, and its pattern looked for…"
        self._tasks.run(
            _FILE,
            lambda: self._launcher.open_file(raw, config),
            lambda file: self._end_with(opened, file),
            lambda words: self._end(failed, words),
        )

    def close_file(self) -> None:
        """Look at no recording any more."""
        self._launcher.close_file()

    def running(self, news: News) -> Running:
        """Return what runs."""
        return Running(
            engine=self._launcher.engine,
            simulating=self._launcher.simulating,
            busy=self._under_way is not None,
            words=self._under_way or (None if news.status is not None else news.words),
        )

    def under_way(self, status: EngineStatus | None) -> str | None:
        """Say what was begun here and has not come to a stream yet."""
        if self._launcher.simulating and status is not None and status.stream is None:
            return "The simulator makes its first frames…"
        return self._under_way

    def close(self) -> None:
        """End everything that was started."""
        self._launcher.close()

    def _ended(self, _: object) -> None:
        self._under_way = None

    def _end_with(self, call: Callable[[OpenedFile], None], file: OpenedFile) -> None:
        self._under_way = None
        call(file)

    def _end(self, call: Callable[[str], None], words: str) -> None:
        self._under_way = None
        call(words)
