"""Hold together what works behind the window: engine access, processes, a background thread."""

from __future__ import annotations

from dataclasses import dataclass

from livesim_gui.background_tasks import BackgroundTasks
from livesim_gui.children.launcher import Launcher
from livesim_gui.children.local import LocalProcesses
from livesim_gui.engine_access import EngineAccess
from livesim_gui.state.stream.feed import Feed


@dataclass(frozen=True, slots=True)
class Backend:
    """The three of one window."""

    access: EngineAccess
    """To the engine that is listened to."""
    local: LocalProcesses
    """What this viewer starts."""
    tasks: BackgroundTasks
    """For what takes longer than a frame."""

    def close(self) -> None:
        """End the connection, then the processes, then the thread that waits for both."""
        self.access.close()
        self.local.close()
        self.tasks.close()


def make_backend(feed: Feed, launcher: Launcher) -> Backend:
    """Return the backend of a new window.

    Parameters
    ----------
    feed
        Where the connection leaves what it learns.
    launcher
        Starts processes.
    """
    tasks = BackgroundTasks()
    return Backend(EngineAccess(feed, tasks), LocalProcesses(tasks, launcher), tasks)
