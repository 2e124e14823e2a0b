"""Walk through the first day of a user in the real window, with real processes behind it.

Run as `python tests/system/first_day.py FOLDER [SHOTS]`, which a test does on a small screen:
everything is written into FOLDER, and into SHOTS a picture of the whole screen at every step. What
a step finds is printed; the first that does not find what it should ends it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from qtpy.QtCore import QEvent, QMimeData, QPoint, QPointF, QRect, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent, QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QFileDialog, QWidget

from livesim.commands.simulate.files import simulate_files
from livesim.processes.viewer_children import Children
from livesim_acquisition.microscope.demo import demo_settings
from livesim_gui.app import ViewOptions, make_window
from livesim_gui.plotting import pg
from livesim_gui.window import Window

SIZE = 128
PATIENCE_S = 120.0
LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


class Walk:
    """A window, and the steps that a user takes in it.

    Parameters
    ----------
    folder
        Where everything is written.
    shots
        Where pictures of the screen go; None = there are none.
    """

    def __init__(self, folder: Path, shots: Path | None) -> None:
        self._folder, self._shots = folder, shots
        settings = demo_settings(SIZE, 300.0, stacks=400)
        own = settings.simulation.model_copy(update={"readout_ms": 20.0})
        self._settings = settings.model_copy(update={"simulation": own})
        self.config = folder / "microscope.toml"
        self.config.write_text(self._settings.to_toml(), encoding="utf-8")
        self._children = Children()
        options = ViewOptions(settings_file=folder / "viewer.ini")
        self.window: Window = make_window(options, self._children)
        self.window.show()

    def start(self) -> None:
        """Find an empty window that offers what one can begin with."""
        page = self.window.widgets.picture.start
        self._wait(page.isVisible)
        self._seen("1-start")

    def simulate(self) -> None:
        """Press Start simulator: an engine comes up, and a stream is shown and recorded."""
        widgets = self.window.widgets
        widgets.control.config.setText(str(self.config))
        widgets.control.record.setText(str(self._folder / "recordings"))
        widgets.control.snapshots.setText(str(self._folder / "snapshots"))
        QTest.mouseClick(widgets.picture.start.simulator, LEFT)
        self._wait(lambda: self.window.presenter.drawn > 20)
        self._wait(lambda: self.window.viewer.stream.last_folder is not None)
        self._seen("2-live")
        widgets.tabs.setCurrentWidget(widgets.control)
        QTest.mouseClick(widgets.control.simulator_button, LEFT)
        self._wait(lambda: widgets.control.simulator_button.text() == "Start simulator")
        self._seen("3-simulator-stopped")

    def open(self) -> None:
        """Drop a TIFF on the picture, and go through it."""
        made = self._settings.simulation.model_copy(update={"time_points": 3})
        simulate_files(
            self._settings.model_copy(update={"simulation": made}), self._folder / "cells"
        )
        self._drop(self._folder / "cells" / "raw.ome.tif")
        self._wait(lambda: self.window.viewer.file is not None)
        self._wait(lambda: self.window.viewer.display.scene is not None)
        bar = self.window.widgets.time_bar
        self._wait(lambda: bar.words.text().endswith("before the last"))
        QTest.mouseClick(bar.slider, LEFT, pos=QPoint(bar.slider.width() - 3, 7))
        self._wait(lambda: bar.words.text().startswith("3 of 3"))
        self._seen("4-file")

    def measure(self) -> None:
        """Draw a line by key and mouse; save what it measures."""
        measure, target = self.window.widgets.measure, self._folder / "line.csv"
        self._press(Qt.Key.Key_L)
        self._drag((0.3, 0.4), (0.6, 0.7))
        self._wait(lambda: len(measure.items) == 1)
        QFileDialog.getSaveFileName = staticmethod(lambda *_: (str(target), ""))
        QTest.mouseClick(measure.save, LEFT)
        self._wait(target.is_file)
        assert "distance (nm)" in target.read_text(encoding="utf-8")
        self._seen("5-line")

    def save(self) -> None:
        """Save the picture as shown, split, and the values behind it."""
        self._press(Qt.Key.Key_X)
        self._wait(lambda: self.window.viewer.display.scene.left is not None)
        for suffix, modifier in (("png", NONE), ("tif", Qt.KeyboardModifier.ShiftModifier)):
            self._press(Qt.Key.Key_S, modifier)
            self._wait(lambda suffix=suffix: any((self._folder / "snapshots").glob(f"*.{suffix}")))
        self._seen("6-saved")

    def export(self) -> None:
        """Export what the simulator's stream left."""
        self._press(Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
        dialog, out = self.window.export, self._folder / "export.tif"
        self._wait(dialog.isVisible)
        form = dialog.form
        assert form.recording.text(), "the recording of the last stream is offered"
        form.format.setCurrentIndex(form.format.findData(".tif"))
        form.time.setText("0:3")
        form.out.setText(str(out))
        QTest.mouseClick(dialog.start, LEFT)
        self._wait(out.is_file)
        self._seen("7-export")
        dialog.close()

    def close(self) -> None:
        """Close the window; nothing that it started is left."""
        self.window.close()
        assert self._children.engine is None
        assert not self._children.simulating

    def _seen(self, name: str) -> None:
        """Check that nothing lies beyond the screen; keep a picture of it where asked to."""
        QApplication.processEvents()
        if self._shots is not None:
            QTest.qWait(300)  # for the eye alone: the screen shows what was drawn
        window, screen = self.window, self.window.screen()
        inside = screen.availableGeometry()
        if QApplication.platformName() != "offscreen":  # which has one screen of 800 x 600
            assert inside.contains(window.geometry()), f"{window.geometry()} on {inside}"
        widgets = window.widgets
        for one in (
            widgets.top,
            widgets.picture,
            widgets.time_bar,
            window.statusBar(),
            widgets.tabs,
        ):
            assert one.isVisible()
            assert QRect(QPoint(), window.size()).contains(_box(one, window)), f"{name}: {one}"
        if self._shots is not None:
            whole = screen.grabWindow(0)
            (window.grab() if whole.isNull() else whole).save(str(self._shots / f"{name}.png"))
        print(f"{name}: {widgets.time_bar.words.text() or 'no picture'}", flush=True)

    def _wait(self, there: Callable[[], bool]) -> None:
        until = time.monotonic() + PATIENCE_S
        while not there():
            if time.monotonic() > until:
                said = f"{self.window.widgets.notice.text()} {self.window.export.words.text()}"
                raise TimeoutError(f"waited {PATIENCE_S:.0f} s in vain; the window says: {said}")
            QTest.qWait(20)

    def _press(self, key: Qt.Key, modifier: Qt.KeyboardModifier = NONE) -> None:
        """Press a key once the window is the active one: others get none."""
        self.window.activateWindow()
        assert QTest.qWaitForWindowActive(self.window)
        QTest.keyClick(self.window, key, modifier)

    def _drop(self, path: Path) -> None:
        data, copy = QMimeData(), Qt.DropAction.CopyAction
        data.setUrls([QUrl.fromLocalFile(str(path))])
        at = self.window.widgets.picture.mapTo(self.window, QPoint(50, 50))
        below = self.window.childAt(at)
        QApplication.sendEvent(below, QDragEnterEvent(at, copy, data, LEFT, NONE))
        QApplication.sendEvent(below, QDropEvent(QPointF(at), copy, data, LEFT, NONE))

    def _drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Drag the mouse between two places of the picture, in shares of its width and height."""
        view = self.window.widgets.picture.graphics.viewport()
        first, last = (
            QPoint(round(x * view.width()), round(y * view.height())) for x, y in (start, end)
        )
        QTest.mouseMove(view, first)
        QTest.mousePress(view, LEFT, NONE, first)
        for at in ((first + last) / 2, last):
            where = QPointF(view.mapToGlobal(at))
            event = QMouseEvent(QEvent.Type.MouseMove, QPointF(at), where, LEFT, LEFT, NONE)
            QApplication.sendEvent(view, event)
        QTest.mouseRelease(view, LEFT, NONE, last)


def _box(widget: QWidget, window: QWidget) -> QRect:
    return QRect(widget.mapTo(window, QPoint(0, 0)), widget.size())


def main() -> None:
    """Take all steps."""
    folder, *shots = (Path(one) for one in sys.argv[1:])
    QApplication.setAttribute(Qt.ApplicationAttribute.AA_EnableHighDpiScaling)
    QApplication.setAttribute(Qt.ApplicationAttribute.AA_UseHighDpiPixmaps)
    app = QApplication(["livesim"])
    app.setApplicationName("livesim")
    # No limit of movements a second, or the last one may be left out.
    pg.setConfigOptions(antialias=True, mouseRateLimit=-1)
    walk = Walk(folder, shots[0] if shots else None)
    steps = (walk.start, walk.simulate, walk.open, walk.measure, walk.save, walk.export)
    try:
        for step in steps:
            step()
    finally:
        walk.close()
    print("closed", flush=True)


if __name__ == "__main__":
    main()
