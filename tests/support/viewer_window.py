"""A window of the viewer on a feed that the test fills: fixtures, and what looks at it."""

from __future__ import annotations

import pytest

pytest.importorskip("qtpy.QtWidgets", reason="Qt's system libraries", exc_type=ImportError)

from qtpy.QtCore import Qt
from qtpy.QtGui import QImage

from livesim.processes.viewer_children import Children
from livesim.wire.messages import StreamStart
from livesim_gui.backend import make_backend
from livesim_gui.plotting import pg
from livesim_gui.state.stream.feed import Feed
from livesim_gui.state.viewer import Viewer
from livesim_gui.window import Window
from tests.doubles.fake_engine import engine_status
from tests.support.shown import result

WAIT_MS = 60_000


@pytest.fixture
def feed():
    feed = Feed()
    feed.begin("tcp://127.0.0.1:1")
    return feed


@pytest.fixture
def make(qtbot, feed, tmp_path):
    """Return what makes a window of the feed, and closes it after the test."""
    windows = []

    def make(launcher=None):
        backend = make_backend(feed, launcher or Children())
        window = Window(Viewer(feed), backend, tmp_path / "viewer.ini")
        window.widgets.control.snapshots.setText(str(tmp_path / "snapshots"))
        qtbot.addWidget(window)
        window.resize(1000, 700)
        # Keys reach the active window alone.
        with qtbot.waitActive(window, timeout=WAIT_MS):
            window.show()
            window.activateWindow()
        windows.append(window)
        return window

    yield make
    for window in windows:
        window.close()


@pytest.fixture
def window(make, feed, qtbot):
    """A window that shows the last of ten results."""
    window = make()
    feed.take(1, StreamStart(stream="s", source="simulated", pixel_nm=80.0), 0.0)
    feed.answer(1, engine_status())
    for time in range(10):
        feed.take(1, result(time), 0.1 * time)
    window.draw()
    window.presenter.renew()
    qtbot.waitUntil(lambda: window.widgets.picture.isVisible(), timeout=WAIT_MS)
    return window


def pixels(widget):
    """Return what a widget looks like, [y, x, colour]."""
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    return pg.functions.ndarray_from_qimage(image)[..., :3].copy()


def press(window, qtbot, key, modifier=Qt.KeyboardModifier.NoModifier):
    qtbot.keyClick(window, key, modifier)
    window.draw()
