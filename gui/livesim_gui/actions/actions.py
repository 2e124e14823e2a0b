"""Connect every key and signal of the window to what the user can do."""

from __future__ import annotations

from collections.abc import Callable

from livesim_gui.actions.engine import EngineActions
from livesim_gui.actions.file import FileActions
from livesim_gui.actions.measure import MeasureActions
from livesim_gui.actions.picture import PictureActions
from livesim_gui.actions.replay import ReplayActions
from livesim_gui.actions.snapshot import SnapshotAction
from livesim_gui.actions.time import Clock, TimeActions
from livesim_gui.actions.trust import TrustActions
from livesim_gui.backend import Backend
from livesim_gui.children.replay import ReplayChild
from livesim_gui.past_reader import PastReader
from livesim_gui.state.health.notice import Say
from livesim_gui.state.steering import QUICK
from livesim_gui.state.viewer import Viewer
from livesim_gui.widgets import Widgets


class Actions:
    """All actions; each group is given the parts that it acts on, and no others.

    Parameters
    ----------
    replay
        The child that replays.
    reader
        Reads and restores what is not in memory.
    say
        Tells something below the picture.
    """

    def __init__(
        self,
        viewer: Viewer,
        backend: Backend,
        replay: ReplayChild,
        widgets: Widgets,
        reader: PastReader,
        say: Say,
        clock: Clock,
    ) -> None:
        self.picture = PictureActions(viewer, widgets, say)
        self.time = TimeActions(viewer.time, widgets.time_bar, clock)
        self.engine = EngineActions(backend, widgets.control, widgets.steer, say)
        networks = backend.access.networks
        widgets.time_bar.networks_chosen.connect(lambda run: networks(run, say))
        widgets.time_bar.quick_asked.connect(lambda: self.engine.use_network(QUICK))
        self.trust = TrustActions(viewer, backend.access, widgets, say)
        self.replay = ReplayActions(self.engine, backend.local, widgets.control, replay)
        self.file = FileActions(viewer, backend, widgets, reader, say, clock)
        self.measure = MeasureActions(widgets, backend.tasks, say)
        self.snapshot = SnapshotAction(viewer, backend.tasks, widgets, say)

    def keys(self) -> dict[str, Callable[[], None]]:
        """Return the actions by the names of their keys."""
        picture = (self.picture, self.measure, self.snapshot)
        groups = (*picture, self.file, self.time, self.engine, self.trust, self.replay)
        return {name: action for group in groups for name, action in group.keys().items()}
