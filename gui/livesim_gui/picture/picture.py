"""Show painted stages on the screen, with zoom, pan, split view and crosshair."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QEvent, QObject, QRectF, Qt, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QGraphicsItem, QGraphicsRectItem, QVBoxLayout, QWidget

from livesim.images.colour_tables import colours
from livesim.images.scale_bar import scale_bar
from livesim_gui.picture.overlay import Captions, Overlay
from livesim_gui.plotting import pg
from livesim_gui.state.picture.scene import Painted, Scene
from livesim_gui.state.picture.tint import Tint
from livesim_gui.state.stream.rolling import rolling_words

FURTHEST = 40.0
"""Pixels of the screen for each raw pixel, zoomed in."""
_BACKGROUND = "#0c0d0f"
"""Also in a light window: around an image, white blinds."""


class Picture(QWidget):
    """The picture. All its places are in raw pixels, whatever the stage's sampling.

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
        self.box = pg.ViewBox(lockAspect=True, invertY=True, enableMenu=False, defaultPadding=0.0)
        self.graphics.setCentralItem(self.box)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.graphics)
        self.overlay = Overlay(self)
        self.pixel_um: float | None = None
        self._extent: tuple[int, int] | None = None
        self._divider_at = 0.5
        self._placing = False
        self._tint: Tint | None = None
        self._make_items()
        self.box.sigRangeChanged.connect(self._range_changed)
        self.box.sigResized.connect(self._range_changed)
        self.graphics.scene().sigMouseMoved.connect(self._moved)
        self.graphics.installEventFilter(self)

    def _make_items(self) -> None:
        self._main = pg.ImageItem(axisOrder="row-major")
        self._other = pg.ImageItem(axisOrder="row-major")
        self._clip = QGraphicsRectItem()
        self._clip.setPen(pg.mkPen(None))
        self._clip.setFlag(QGraphicsItem.GraphicsItemFlag.ItemClipsChildrenToShape)
        self._other.setParentItem(self._clip)
        self._map = pg.ImageItem(axisOrder="row-major")
        self._map.hide()
        pen, hover = pg.mkPen("#ffffff", width=1), pg.mkPen("#4c9be8", width=3)
        self._line = pg.InfiniteLine(angle=90, movable=True, pen=pen, hoverPen=hover)
        self._line.sigDragged.connect(self._dragged)
        faint = pg.mkPen(QColor(255, 255, 255, 140), width=1, style=Qt.PenStyle.DashLine)
        self._cross = [pg.InfiniteLine(angle=angle, pen=faint) for angle in (0, 90)]
        for item in (self._main, self._clip, self._map, self._line, *self._cross):
            self.box.addItem(item, ignoreBounds=True)
        self._crosshair = False
        self._show_split(False)
        self._point_out(False)

    def draw(self, scene: Scene) -> None:
        """Show a scene."""
        look = scene.look
        extent = scene.shot.result.widefield.shape
        self._put(self._main, scene.main, scene)
        if scene.left is not None:
            self._put(self._other, scene.left, scene)
        self._lay_over(scene.tint)
        self._divider_at = look.divider
        self._show_split(scene.left is not None)
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

    def caption(self, scene: Scene, held: str | None) -> None:
        """Name the stages, and where in time they are."""
        left = None if scene.left is None else scene.left.stage.title
        bar = None if scene.tint is None else scene.tint.bar
        words = rolling_words(scene.shot.result.rolling)
        right = f"{scene.main.stage.title}, {words}" if words else scene.main.stage.title
        captions = Captions(right, left, scene.look.divider, held, bar=bar)
        self.overlay.show_captions(captions)

    def clear(self, hint: str) -> None:
        """Show no picture, but what to do to get one."""
        if self._extent is not None:
            self._main.clear()
            self._other.clear()
            self._lay_over(None)
            self._show_split(False)
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
        self._crosshair = on
        self._point_out(False)

    def add(self, item: Any) -> None:
        """Draw something over the picture."""
        self.box.addItem(item, ignoreBounds=True)

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
        if event is not None and event.type() == QEvent.Type.Leave:
            self._point_out(False)
            self.left.emit()
        return super().eventFilter(watched, event)

    def _point_out(self, over: bool) -> None:
        for line in self._cross:
            line.setVisible(self._crosshair and over)

    def _put(self, item: Any, painted: Painted, scene: Scene) -> None:
        is_merged = painted.places.ndim == 3
        table = None if is_merged else colours(scene.look.lut, scene.look.gamma)
        item.setImage(painted.places, levels=(0, 255), lut=table, autoLevels=False)
        rows, columns = painted.places.shape[:2]
        step = painted.step
        # Pixel (0, 0) has its centre at (0, 0), whatever the step.
        half = painted.stage.step / 2
        item.setRect(QRectF(-half, -half, columns * step, rows * step))

    def _show_split(self, on: bool) -> None:
        for item in (self._clip, self._line):
            item.setVisible(on)
        if on:
            self._place_divider()

    def _place_divider(self) -> None:
        view = self.view
        at = view.left() + self._divider_at * view.width()
        self._placing = True
        self._line.setValue(at)
        self._placing = False
        tall = view.height() + 2.0
        self._clip.setRect(QRectF(view.left() - 1, view.top() - 1, at - view.left() + 1, tall))

    def _dragged(self, line: Any) -> None:
        view = self.view
        self.divided.emit((line.value() - view.left()) / max(view.width(), 1e-6))

    def _range_changed(self, *_: Any) -> None:
        if self._clip.isVisible():
            self._place_divider()
        self.show_scale(self.pixel_um)
        self.zoomed.emit(self.screen_per_raw)

    def _moved(self, place: Any) -> None:
        if self._extent is None:
            return
        point = self.box.mapSceneToView(place)
        self._cross[0].setValue(point.y())
        self._cross[1].setValue(point.x())
        self._point_out(True)
        self.pointed.emit(point.x(), point.y())
