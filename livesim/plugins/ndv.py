"""livesim in ndv: its recordings and results as ndv's data, and what a running engine makes."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import ndv
import numpy as np
from qtpy.QtCore import QTimer

from livesim.api.recording import LazyRecording
from livesim.plugins.images import OnDisk
from livesim.plugins.layers import layers_of
from livesim.plugins.newest import Newest
from livesim.values.results import Image
from livesim.wire.endpoints import CONTROL_ADDRESS

EVERY_MS = 33
CHANNEL = "c"


class Wrapper(ndv.DataWrapper[Any]):
    """Tells ndv the axes of a recording or a result; ndv finds it once it is imported."""

    PRIORITY = 40  # before ndv's own for whatever can be indexed

    @classmethod
    def supports(cls, obj: Any) -> bool:
        """Whether it is one of livesim's."""
        return isinstance(obj, LazyRecording | OnDisk)

    @property
    def dims(self) -> tuple[Hashable, ...]:
        """Names of the axes."""
        return tuple(self.data.dims)

    @property
    def coords(self) -> Mapping[Hashable, Sequence[Any]]:
        """Places along each axis, of channels their names."""
        found: dict[Hashable, Sequence[Any]] = dict(
            zip(self.dims, map(range, self.data.shape), strict=True)
        )
        if names := getattr(self.data, "channel_names", ()):
            found[CHANNEL] = names
        return found

    def guess_channel_axis(self) -> Hashable | None:
        """Return the axis of the channels, where there are several; angles are no colours."""
        several = CHANNEL in self.dims and len(self.coords[CHANNEL]) > 1
        return self.dims.index(CHANNEL) if several else None


def images_of(path: str | Path) -> dict[str, OnDisk]:
    """Open a recording or a result; return what there is to see of it by its name.

    Raises
    ------
    DataError, SettingsError
        If it cannot be used, or nothing says what microscope it is of.
    """
    return {layer.name: layer.data for layer in layers_of(Path(path))}


class Live:
    """A viewer of what a running engine makes, [c, 2 y, 2 x]; it shows the newest image, on Qt.

    Parameters
    ----------
    engine
        Its control address, as for `livesim.listen`.
    """

    def __init__(self, engine: str = CONTROL_ADDRESS) -> None:
        self.viewer = ndv.ArrayViewer()
        self._newest: Newest | None = Newest(engine)
        self._timer = QTimer()
        self._timer.timeout.connect(self._look)
        self._timer.start(EVERY_MS)

    @property
    def fault(self) -> str:
        """Why nothing comes any more, in a sentence; empty while it listens."""
        return "" if self._newest is None else self._newest.fault

    def show(self) -> None:
        """Show the viewer."""
        self.viewer.show()

    def close(self) -> None:
        """Stop to listen; the last image stays."""
        self._timer.stop()
        if self._newest is not None:
            self._newest.close()
            self._newest = None

    def _look(self) -> None:
        if self._newest is None:
            return
        for channel, result in sorted(self._newest.take().items()):
            self._put(channel, result.image)

    def _put(self, channel: int, image: Image) -> None:
        """Put an image into its channel of those that are shown; a new one makes room for it."""
        wrapper = self.viewer.data_wrapper
        known = np.zeros((0, *image.shape), np.float32) if wrapper is None else wrapper.data
        if known.shape[1:] == image.shape and channel < len(known):
            known[channel] = image
            wrapper.data_changed.emit()
            return
        same = known if known.shape[1:] == image.shape else known[:0]
        images = np.zeros((max(channel + 1, len(same)), *image.shape), np.float32)
        images[: len(same)], images[channel] = same.reshape(-1, *image.shape), image
        self.viewer.data = images
