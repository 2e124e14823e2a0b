"""Draw lines and regions over the picture with the mouse; then they can be moved by it."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QObject, QPointF, Qt, Signal

from livesim_gui.plotting import pg
from livesim_gui.state.picture.drawing import Drawing, Kind
from livesim_gui.state.picture.profile import Point

COLOURS = {Kind.LINE: "#e3b341", Kind.REGION: "#5fbf77"}
CHOSEN, OTHER = 3, 1.5
"""Widths of the pens, in pixels of the screen."""


class DrawingBox(pg.ViewBox):  # type: ignore[misc]
    """The view of the picture. While a drawing is wanted, a drag draws it and does not pan."""

    stretched = Signal(QPointF, QPointF)
    """The mouse has been dragged from here to there, and is still held."""
    stretched_out = Signal(QPointF, QPointF)
    """It was let go there."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.takes_drags = False

    def mouseDragEvent(self, ev: Any, axis: int | None = None) -> None:  # noqa: N802
        """Tell of a drag while a drawing is wanted; else pan."""
        if not self.takes_drags or ev.button() != Qt.MouseButton.LeftButton:
            super().mouseDragEvent(ev, axis)
            return
        ev.accept()
        begun, now = (self.mapSceneToView(at) for at in (ev.buttonDownScenePos(), ev.scenePos()))
        (self.stretched_out if ev.isFinish() else self.stretched).emit(begun, now)


class DrawnItem(QObject):
    """One line or region over the picture, which the mouse moves, turns and stretches.

    Parameters
    ----------
    box
        What it is drawn in.
    """

    moved = Signal()
    pointed = Signal()
    """It was clicked or taken hold of."""

    def __init__(self, box: Any, drawing: Drawing) -> None:
        super().__init__()
        self._box, self._drawing = box, drawing
        self._item = _line(drawing) if drawing.kind is Kind.LINE else _region(drawing)
        self._item.setAcceptedMouseButtons(Qt.MouseButton.LeftButton)
        self._item.sigRegionChanged.connect(lambda _: self.moved.emit())
        self._item.sigRegionChangeStarted.connect(lambda _: self.pointed.emit())
        self._item.sigClicked.connect(lambda *_: self.pointed.emit())
        self.choose(True)
        box.addItem(self._item, ignoreBounds=True)

    @property
    def drawing(self) -> Drawing:
        """Where it is now."""
        start, end = _ends(self._item, self._drawing.kind)
        return Drawing(self._drawing.kind, self._drawing.name, start, end)

    def choose(self, on: bool) -> None:
        """Draw it thick: it is the one whose numbers are shown."""
        colour = COLOURS[self._drawing.kind]
        self._item.setPen(pg.mkPen(colour, width=CHOSEN if on else OTHER))

    def show(self, on: bool) -> None:
        """Show it over the picture, or keep it out of sight."""
        self._item.setVisible(on)

    def remove(self) -> None:
        """Take it away for good."""
        self._box.removeItem(self._item)


def _line(drawing: Drawing) -> Any:
    return pg.LineSegmentROI([drawing.start, drawing.end])


def _region(drawing: Drawing) -> Any:
    left, top, right, bottom = drawing.corners
    made = pg.RectROI((left, top), (right - left, bottom - top), sideScalers=True)
    made.addScaleHandle((0, 0), (1, 1))
    return made


def _ends(item: Any, kind: Kind) -> tuple[Point, Point]:
    if kind is Kind.REGION:
        at, size = item.pos(), item.size()
        return (at.x(), at.y()), (at.x() + size.x(), at.y() + size.y())
    first, second = (item.mapToParent(handle["item"].pos()) for handle in item.handles)
    return (first.x(), first.y()), (second.x(), second.y())


class DrawingTool(QObject):
    """Lets the user draw one line or region with the mouse.

    Parameters
    ----------
    graphics
        Shows the cross while a drawing is wanted.
    """

    drawn = Signal(object, object, object)
    """A kind, and the two points (x, y) in raw pixels between which it was drawn."""
    changed = Signal()
    """`kind` is another one."""

    def __init__(self, box: DrawingBox, graphics: Any) -> None:
        super().__init__()
        self.kind: Kind | None = None
        """What the next drag draws; None = it pans."""
        self._box, self._graphics = box, graphics
        self._preview = pg.PlotCurveItem()
        box.addItem(self._preview, ignoreBounds=True)
        box.stretched.connect(self._stretch)
        box.stretched_out.connect(self._finish)

    def want(self, kind: Kind | None) -> None:
        """Let the next drag draw this; None = let it pan."""
        self.kind, self._box.takes_drags = kind, kind is not None
        self._preview.setData([], [])
        if kind is None:
            self._graphics.unsetCursor()
        else:
            self._preview.setPen(pg.mkPen(COLOURS[kind], width=CHOSEN))
            self._graphics.setCursor(Qt.CursorShape.CrossCursor)
        self.changed.emit()

    def _stretch(self, begun: QPointF, now: QPointF) -> None:
        x0, y0, x1, y1 = begun.x(), begun.y(), now.x(), now.y()
        if self.kind is Kind.LINE:
            self._preview.setData([x0, x1], [y0, y1])
        else:
            self._preview.setData([x0, x1, x1, x0, x0], [y0, y0, y1, y1, y0])

    def _finish(self, begun: QPointF, now: QPointF) -> None:
        kind = self.kind
        self.want(None)
        if kind is not None and begun != now:
            self.drawn.emit(kind, (begun.x(), begun.y()), (now.x(), now.y()))
