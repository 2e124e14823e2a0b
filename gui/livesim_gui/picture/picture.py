"""Show painted stages on the screen, with zoom, pan, split view and crosshair."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from qtpy.QtCore import QEvent, QObject, QRectF, Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from livesim.images.colour_tables import colours
from livesim.images.scale_bar import scale_bar
from livesim_gui.picture.crosshair import Crosshair
from livesim_gui.picture.drawn import DrawingBox, DrawingTool
from livesim_gui.picture.overlay import Captions, Name, Overlay
from livesim_gui.picture.split import SplitView
from livesim_gui.picture.start_page import StartPage
from livesim_gui.plotting import pg
from livesim_gui.state.picture.scene import Painted, Scene
from livesim_gui.state.picture.stages import RESTORED, Stage
from livesim_gui.state.picture.tint import Tint
from livesim_gui.state.stream.rolling import rolling_words

FURTHEST = 40.0
"""Pixels of the screen for each raw pixel, zoomed in."""
_BACKGROUND = "#0c0d0f"
"""Also in a light window: around an image, white blinds."""


class Picture(QWidget):
    """Shows the picture. All coordinates are in raw pixels, whatever the stage's sampling.

    Parameters
    ----------
    parent
        The widget it is in.
    """

    pointed = Signal(float, float)
    """The mouse is over this place."""
    left = Signal()
    """The mouse is not over the picture any more."""
    divided = Signal(float)
    """The divider was dragged to this share of the width."""
    zoomed = Signal(float)
    """So many pixels of the screen now show one raw pixel."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.graphics = pg.GraphicsView(self, background=_BACKGROUND)
        self.box = DrawingBox(lockAspect=True, invertY=True, enableMenu=False, defaultPadding=0.0)
        self.graphics.setCentralItem(self.box)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.graphics)
        self.overlay = Overlay(self)
        self.start = StartPage(self)
        self.pixel_um: float | None = None
        self._extent: tuple[int, int] | None = None
        self._tint: Tint | None = None
        self._make_items()
        self.split.divided.connect(self.divided)
        self.box.sigRangeChanged.connect(self._range_changed)
        self.box.sigResized.connect(self._range_changed)
        self.graphics.scene().sigMouseMoved.connect(self.point_at)
        self.graphics.installEventFilter(self)

    def _make_items(self) -> None:
        self._main = pg.ImageItem(axisOrder="row-major")
        self._map = pg.ImageItem(axisOrder="row-major")
        self._map.hide()
        self.box.addItem(self._main, ignoreBounds=True)
        self.split = SplitView(self.box)
        self.box.addItem(self._map, ignoreBounds=True)
        self.split.add_line()
        self.crosshair = Crosshair(self.box)
        self.tool = DrawingTool(self.box, self.graphics)

    def draw(self, scene: Scene) -> None:
        """Show a scene."""
        self.start.hide()
        extent = scene.shot.result.widefield.shape
        self._put(self._main, scene.main, scene)
        if scene.left is not None:
            self._put(self.split.image, scene.left, scene)
        self._lay_over(scene.tint)
        self.split.show(scene.left is not None, scene.look.divider)
        if extent != self._extent:
            self._extent = (extent[0], extent[1])
            self.fit()

    def _lay_over(self, tint: Tint | None) -> None:
        """Lay a map over the picture; its pixels are raw ones."""
        self._map.setVisible(tint is not None)
        if tint is not None and tint is not self._tint:
            self._map.setImage(tint.rgba, levels=None, autoLevels=False)
            rows, columns = tint.rgba.shape[:2]
            self._map.setRect(QRectF(-0.5, -0.5, columns, rows))
        self._tint = tint

    def caption(self, scene: Scene, held: str | None, plain: str = "", edge: str = "") -> None:
        """Name the stages, and where in time they are.

        Parameters
        ----------
        plain
            Why the restored image of this result is the plain one; empty where it is not.
        edge
            How old the result is and how the networks keep up, where that needs to be said.
        """
        main, left = scene.main.stage, None if scene.left is None else scene.left.stage
        said = (rolling_words(scene.shot.result.rolling), edge)
        words = ", ".join(one for one in said if one)
        captions = Captions(
            right=replace(
                _name(main, plain), title=f"{main.title}, {words}" if words else main.title
            ),
            left=None if left is None else _name(left, plain),
            divider=scene.look.divider,
            held=held,
            bar=None if scene.tint is None else scene.tint.bar,
        )
        self.overlay.show_captions(captions)

    def clear(self, hint: str, *, start: bool = False) -> None:
        """Show no picture, but what to do to get one; with `start` the buttons for it."""
        self.start.setVisible(start)
        if self._extent is not None:
            self._main.clear()
            self._lay_over(None)
            self.split.clear()
            self._extent = None
        self.overlay.show_captions(Captions(hint=hint))

    def fit(self) -> None:
        """Show the whole picture."""
        if self._extent is not None:
            rows, columns = self._extent
            self.box.setLimits(minXRange=self.width() / FURTHEST, maxXRange=4 * columns + 64)
            self.box.setRange(QRectF(-0.5, -0.5, columns, rows), padding=0.01)

    def show_crosshair(self, on: bool) -> None:
        """Draw the lines through the mouse, or not."""
        self.crosshair.switch(on)

    @property
    def view(self) -> QRectF:
        """What can be seen, in raw pixels."""
        return self.box.viewRect()  # type: ignore[no-any-return]

    @property
    def screen_per_raw(self) -> float:
        """Pixels of the screen for each raw pixel."""
        return float(max(self.box.width(), 1.0) / max(self.view.width(), 1e-6))

    def show_scale(self, pixel_um: float | None) -> None:
        """Draw the scale bar for this pixel size."""
        self.pixel_um = pixel_um
        if self._extent is None:
            self.overlay.show_bar(None)
            return
        unit = pixel_um or 1.0
        bar = scale_bar(self.view.width() * unit, in_um=pixel_um is not None)
        self.overlay.show_bar(bar, bar.length / unit * self.screen_per_raw)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """Let the overlay follow the size, and notice when the mouse leaves."""
        if event is not None and event.type() == QEvent.Type.Resize:
            self.overlay.resize(self.graphics.size())
            self.start.place()
        if event is not None and event.type() == QEvent.Type.Leave:
            self.crosshair.leave()
            self.left.emit()
        return super().eventFilter(watched, event)

    def _put(self, item: Any, painted: Painted, scene: Scene) -> None:
        is_merged = painted.pixels.ndim == 3
        table = None if is_merged else colours(scene.look.lut, scene.look.gamma)
        item.setImage(painted.pixels, levels=(0, 255), lut=table, autoLevels=False)
        rows, columns = painted.pixels.shape[:2]
        step = painted.step
        # Pixel (0, 0) has its centre at (0, 0), whatever the step.
        half = painted.stage.step / 2
        item.setRect(QRectF(-half, -half, columns * step, rows * step))

    def _range_changed(self, *_: Any) -> None:
        self.split.follow_view()
        self.show_scale(self.pixel_um)
        self.zoomed.emit(self.screen_per_raw)

    def point_at(self, place: Any) -> None:
        """Point at a place of the graphics' scene, as the mouse does."""
        if self._extent is not None:
            point = self.box.mapSceneToView(place)
            self.crosshair.point_at(point.x(), point.y())
            self.pointed.emit(point.x(), point.y())


def _name(stage: Stage, plain: str) -> Name:
    """Return what is written over a stage."""
    note = plain if stage.name == RESTORED else stage.warning
    return Name(stage.title, note, framed=bool(stage.warning))
