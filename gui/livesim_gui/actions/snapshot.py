"""Save what is shown, as PNG and as TIFF, while the stream goes on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from livesim_gui.background_tasks import BackgroundTasks
from livesim_gui.panels.control import ControlPanel
from livesim_gui.state.health.notice import Say
from livesim_gui.state.picture.snapshot import save
from livesim_gui.state.viewer import Viewer


class SnapshotAction:
    """Writes one snapshot at a time into the folder that the control panel names."""

    def __init__(
        self, viewer: Viewer, tasks: BackgroundTasks, control: ControlPanel, say: Say
    ) -> None:
        self._viewer, self._tasks, self._control, self._say = viewer, tasks, control, say

    def keys(self) -> dict[str, Callable[[], None]]:
        """Return the action by the name of its key."""
        return {"snapshot": self.save}

    def save(self) -> None:
        """Write a snapshot, or say why there is none."""
        snapshot = self._viewer.snapshot(datetime.now().astimezone())
        if snapshot is None:
            words = "There is no picture to save yet."
            self._say(words, lambda: self._viewer.display.scene is not None)
            return
        folder = Path(self._control.snapshots.text()).expanduser()
        begun = self._tasks.run(
            "snapshot",
            lambda: save(snapshot, folder),
            lambda paths: self._say(f"Saved {paths[0]} and {paths[1].name}"),
            lambda words: self._say(f"The snapshot could not be saved: {words}"),
        )
        if not begun:
            self._say("The last snapshot is still being written.")
