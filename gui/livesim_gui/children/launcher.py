"""Name what the window may start; the command line hands in what really starts it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from livesim_gui.state.time.archive import OpenedFile


@dataclass(frozen=True, slots=True)
class EngineWish:
    """The choices that an engine is started with."""

    record: Path | None = None
    """Folder for recordings; None = none."""
    config: Path | None = None
    """Settings file; None = what the source says."""
    at_once: bool = True
    """Record from the first stack on; else when it is asked to."""


class Launcher(Protocol):
    """Starts an engine and a simulated microscope as children, and ends them with the viewer."""

    @property
    def engine(self) -> str | None:
        """Control address of the engine that was started here and still runs."""
        ...

    @property
    def simulating(self) -> bool:
        """Whether a simulated microscope that was started here still runs."""
        ...

    def start_engine(self, record: Path | None, config: Path | None, *, at_once: bool) -> str:
        """Start an engine; return its control address once it listens, which takes seconds.

        With `at_once` it records from the first stack on, otherwise when it is asked to.

        Raises
        ------
        DataError
            If it ends before.
        """
        ...

    def stop_engine(self) -> None:
        """End the engine in order; what it records is whole afterwards."""
        ...

    def start_simulator(self, engine: str, config: Path | None) -> None:
        """Stream a simulation to an engine; without a file, gliding filaments."""
        ...

    def stop_simulator(self) -> None:
        """End the simulated microscope in order."""
        ...

    def find_recording(self, chosen: Path) -> Path:
        """Return what can be replayed of a file or folder that the user has chosen.

        Raises
        ------
        SettingsError
            If no settings belong to it.
        """
        ...

    def open_file(self, raw: Path, config: Path | None) -> OpenedFile:
        """Open a recording to look at it, which takes seconds; without a file, its own settings.

        What was opened before is closed.

        Raises
        ------
        DataError
            If it cannot be opened.
        """
        ...

    def close_file(self) -> None:
        """Look at no recording any more."""
        ...

    def close(self) -> None:
        """End everything that was started."""
        ...
