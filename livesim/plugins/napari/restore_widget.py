"""Restore a layer in napari, in a thread, with its progress, until it is done or stopped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from magicgui.widgets import (
    CheckBox,
    ComboBox,
    Container,
    FileEdit,
    Label,
    ProgressBar,
    PushButton,
    create_widget,
)
from napari.layers import Image
from napari.qt.threading import create_worker

from livesim.plugins.look import contrast
from livesim.plugins.napari.reader import KNOWN
from livesim.plugins.raw import raw_of
from livesim.plugins.restoring import Made, Restoring

STEPS = (
    ("as the settings say", None),
    ("none", "reconstruct"),
    ("before the reconstruction", "one,reconstruct"),
    ("behind it", "reconstruct,two"),
    ("before and behind it", "one,reconstruct,two"),
)


class RestoreWidget(Container):
    """Chooses a layer and what is done with it; the work is that of `Restoring`.

    Parameters
    ----------
    napari_viewer
        Where the layers are.
    """

    def __init__(self, napari_viewer: Any) -> None:
        self._viewer = napari_viewer
        self._layer = create_widget(annotation=Image, label="layer")
        self._settings = FileEdit(label="settings", filter="*.toml", nullable=True)
        self._settings.tooltip = "Needed where livesim has not opened the layer"
        self._pattern = FileEdit(label="pattern", filter="*.json", nullable=True)
        self._pattern.tooltip = "Of livesim calibrate; without it the pattern is estimated"
        self._steps = ComboBox(name="networks", choices=STEPS)
        self._here = CheckBox(name="here", text="only the raw stack that is shown")
        self._error = CheckBox(name="standard_deviation", text="standard deviation as well")
        self._start = PushButton(name="restore", text="Restore")
        self._stop = PushButton(name="stop", text="Stop", enabled=False)
        self._bar = ProgressBar(name="progress", value=0, max=1)
        self._words = Label(name="words", label="", value="")
        super().__init__(
            widgets=[
                self._layer,
                self._settings,
                self._pattern,
                self._steps,
                self._here,
                self._error,
                self._start,
                self._stop,
                self._bar,
                self._words,
            ]
        )
        self._worker: Any = None
        self._shown: dict[str, Any] = {}
        self._start.changed.connect(self.restore)
        self._stop.changed.connect(self.stop)

    def restore(self, _: object = None) -> None:
        """Begin with the chosen layer; a fault of the settings or the layer is said below."""
        layer = self._layer.value
        try:
            restoring = self._asked(layer)
        except ValueError as error:  # one sentence of what was expected and found
            self._words.value = str(error)
            return
        self._shown = {}
        self._bar.max, self._bar.value = len(restoring), 0
        self._words.value = "Looking for the pattern …"
        self._worker = create_worker(_made, restoring)
        self._worker.yielded.connect(lambda made: self._show(layer, restoring, made))
        self._worker.errored.connect(lambda error: self._end(str(error)))
        self._worker.returned.connect(lambda _: self._end("Done"))
        self._worker.aborted.connect(lambda: self._end("Stopped"))
        self._start.enabled, self._stop.enabled = False, True
        self._worker.start()

    def stop(self, _: object = None) -> None:
        """End after the raw stack that is being restored."""
        self._words.value = "Stopping after this raw stack …"
        self._worker.quit()

    def _asked(self, layer: Any) -> Restoring:
        if layer is None:
            raise ValueError("expected an image layer, found none")
        own = layer.metadata.get(KNOWN)
        raw = raw_of(layer.data, own, self._settings.value, self._pattern.value)
        restoring = Restoring(raw, self._steps.value, error=self._error.value)
        if self._here.value:
            point = np.asarray(self._viewer.dims.point)[-layer.ndim :]
            restoring.choose(layer.world_to_data(point))
        return restoring

    def _show(self, layer: Any, restoring: Restoring, made: Made) -> None:
        self._put(layer, restoring, "restored", made.place, made.image)
        if made.error is not None:
            self._put(layer, restoring, "error", made.place, made.error)
        self._bar.value = made.done
        self._words.value = f"{made.done} of {made.total} raw stacks"

    def _put(
        self, layer: Any, restoring: Restoring, what: str, at: tuple[int, ...], image: Any
    ) -> None:
        """Put an image into its layer, which is made with the first one."""
        if what not in self._shown:
            self._shown[what] = self._begun(layer, restoring, what, contrast(image))
        shown = self._shown[what]
        shown.data.reshape(*restoring.leading, *image.shape)[at] = image
        shown.refresh()

    def _begun(
        self, layer: Any, restoring: Restoring, what: str, limits: tuple[float, float]
    ) -> Any:
        place = restoring.place(layer.scale, layer.translate)
        return self._viewer.add_image(
            np.full(place.shape, np.nan, np.float32),
            name=f"{layer.name.removesuffix(' raw')} {what}",
            scale=place.scale,
            translate=place.translate,
            contrast_limits=limits,
            rgb=False,
        )

    def _end(self, words: str) -> None:
        self._words.value = words
        self._start.enabled, self._stop.enabled = True, False


def _made(restoring: Restoring) -> Iterator[Made]:
    """Yield what is made, so that napari's thread can be stopped between two images."""
    yield from restoring
