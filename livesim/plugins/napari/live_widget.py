"""Show in napari what a running engine makes, the newest image whenever napari draws."""

from __future__ import annotations

from typing import Any

from magicgui.widgets import Container, Label, LineEdit, PushButton
from qtpy.QtCore import QTimer

from livesim.plugins.look import contrast
from livesim.plugins.newest import Newest
from livesim.values.results import Result
from livesim.wire.endpoints import CONTROL_ADDRESS

EVERY_MS = 33


class LiveWidget(Container):
    """Listens to an engine; its images are layers, measured in raw pixels.

    Parameters
    ----------
    napari_viewer
        Where the layers are.
    """

    def __init__(self, napari_viewer: Any) -> None:
        self._viewer = napari_viewer
        self._engine = LineEdit(label="engine", value=CONTROL_ADDRESS)
        self._start = PushButton(text="Listen")
        self._stop = PushButton(text="Stop", enabled=False)
        self._words = Label(label="", value="")
        buttons = Container(widgets=[self._start, self._stop], layout="horizontal", labels=False)
        super().__init__(widgets=[self._engine, buttons, self._words])
        self._newest: Newest | None = None
        self._stream = ""
        self._timer = QTimer(self.native)
        self._timer.timeout.connect(self._look)
        self._start.changed.connect(self.listen)
        self._stop.changed.connect(self.stop)
        self.native.destroyed.connect(self._close)

    def listen(self) -> None:
        """Begin to show what the engine publishes."""
        self._newest = Newest(self._engine.value)
        self._words.value = "Listening …"
        self._start.enabled, self._stop.enabled = False, True
        self._timer.start(EVERY_MS)

    def stop(self) -> None:
        """Stop to listen; the last images stay."""
        self._timer.stop()
        self._close()
        self._words.value = ""
        self._start.enabled, self._stop.enabled = True, False

    def _close(self) -> None:
        if self._newest is not None:
            self._newest.close()
            self._newest = None

    def _look(self) -> None:
        assert self._newest is not None
        fault = self._newest.fault
        for channel, result in sorted(self._newest.take().items()):
            self._show(channel, result)
        if fault:
            self.stop()
            self._words.value = fault

    def _show(self, channel: int, result: Result) -> None:
        begun, self._stream = result.stream != self._stream, result.stream
        images = (("widefield", result.widefield, 1.0), ("live", result.image, 0.5))
        for what, image, scale in images:
            name = f"{what}, channel {channel}" if channel else what
            if name not in self._viewer.layers:
                self._viewer.add_image(image, name=name, scale=(scale, scale), rgb=False)
                begun = True
            layer = self._viewer.layers[name]
            layer.data = image
            if begun:
                layer.contrast_limits = contrast(image)
        plain = ", without the networks" if result.provisional else ""
        self._words.value = f"time {result.index.time}{plain}"
