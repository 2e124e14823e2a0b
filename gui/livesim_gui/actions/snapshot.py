"""Save what is shown while the stream goes on: the picture as it is, or the values behind it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from qtpy.QtGui import QImage

from livesim_gui.background_tasks import BackgroundTasks
from livesim_gui.state.health.notice import Say
from livesim_gui.state.picture.snapshot import Snapshot, placed, save_data
from livesim_gui.state.viewer import Viewer
from livesim_gui.widgets import Widgets


class SnapshotAction:
    """Writes snapshots into the folder that the control panel names, every one that is asked for.

    They are written one after the other: the next one waits for the last.
    """

    def __init__(self, viewer: Viewer, tasks: BackgroundTasks, widgets: Widgets, say: Say) -> None:
        self._viewer, self._tasks, self._widgets, self._say = viewer, tasks, widgets, say

    def keys(self) -> dict[str, Callable[[], None]]:
        """Return the actions by the names of their keys."""
        return {"snapshot": self.save_shown, "data": self.save_values}

    def save_shown(self) -> None:
        """Write a PNG of the picture as it is on the screen: split, zoom, colours, scale bar."""
        snapshot = self._snapshot()
        if snapshot is not None:
            image = self._widgets.picture.grab().toImage()
            name = f"{snapshot.name}.png"
            self._write(
                name, lambda folder: placed(folder / name, lambda to: _write_png(image, to))
            )

    def save_values(self) -> None:
        """Write a TIFF of the stage that is shown, photo-electrons as 32-bit floats."""
        snapshot = self._snapshot()
        if snapshot is not None:
            self._write(f"{snapshot.name}.tif", lambda folder: save_data(snapshot, folder))

    def _snapshot(self) -> Snapshot | None:
        """Return what is shown, or say that nothing is."""
        found = self._viewer.snapshot(datetime.now().astimezone())
        if found is None:
            words = "There is no picture to save yet."
            self._say(words, lambda: self._viewer.display.scene is not None)
        return found

    def _write(self, name: str, write: Callable[[Path], Path]) -> None:
        folder = Path(self._widgets.control.snapshots.text()).expanduser()
        self._tasks.run(
            f"snapshot {name}",  # a task of the same name would be refused
            lambda: write(folder),
            lambda path: self._say(f"Saved {path}"),
            lambda words: self._say(f"The snapshot could not be saved: {words}"),
        )


def _write_png(image: QImage, path: Path) -> None:
    if not image.save(str(path), "PNG"):
        raise OSError(f"{path}: expected to write a picture, found that it cannot be")
