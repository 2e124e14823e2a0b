"""A file is looked at without an engine; the empty window offers what one can begin with."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("qtpy.QtWidgets", reason="Qt's system libraries", exc_type=ImportError)

from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QApplication, QFileDialog

from livesim.config.settings import SettingsError
from livesim.values.errors import DataError
from livesim_gui.menus import KEYLESS, MENUS, SEPARATOR
from livesim_gui.state.keys import KEYS
from tests.doubles.fake_engine import FakeEngine, in_use
from tests.support.shown import result
from tests.support.viewer_window import WAIT_MS, feed, make, press, window

__all__ = ["feed", "make", "window"]


class StubFile:
    """A recording of three time points in two channels, whose second time point is dark."""

    has_networks = True

    def __init__(self, raw):
        self.folder, self.in_use = str(raw), in_use()
        self.closed, self.read_so_far = False, []
        made = [result(time, channel=channel) for time in range(3) for channel in range(2)]
        self.results = [(one.index, one.last_received_ns) for one in made]

    def read(self, index, received_ns):
        self.read_so_far.append(index)
        if index.time == 1:
            raise DataError("m.tif: expected light in every frame, found none")
        return result(index.time, channel=index.channel)

    def restore(self, index, received_ns):
        return result(index.time, channel=index.channel, network=True)

    def close(self):
        self.closed = True


class StubLauncher:
    """Opens what its name begins with an m; its engine is one of the test."""

    def __init__(self, engine=None):
        self.engine, self.simulating = None, False
        self.asked, self.files, self._engine = [], [], engine

    def find_recording(self, chosen):
        if not chosen.name.startswith("m"):
            raise SettingsError(f"{chosen}: expected one TOML file beside it, found none")
        return chosen

    def open_file(self, raw, config):
        self.asked.append((raw, config))
        self.files.append(StubFile(raw))
        return self.files[-1]

    def close_file(self):
        self.files[-1].close()

    def start_engine(self, record, config, *, at_once):
        self.engine = self._engine
        return self._engine

    def start_simulator(self, engine, config):
        self.simulating = True

    def close(self):
        """End nothing."""


M = Path("/data/m.tif")


@pytest.fixture
def opened(make, qtbot):
    """A window that looks at a file."""
    window = make(StubLauncher())
    window.launcher = window._backend.local._launcher
    window.user_actions.file.open(M)
    qtbot.waitUntil(lambda: window.viewer.display.scene is not None, timeout=WAIT_MS)
    window.user_actions.file.renew()
    window.presenter.renew()
    return window


def shown(window):
    return window.viewer.display.scene.shot.result


def test_a_file_is_shown_from_its_first_raw_stack_on_without_an_engine(opened):
    assert shown(opened).index.time == 0
    assert opened.widgets.top.word.text().endswith("looking at a file")
    assert opened.widgets.time_bar.words.text().startswith("1 of 3 · time 0")
    assert opened.viewer.stream.news.facts.pixel_nm == 80.0
    assert opened.launcher.files[0].read_so_far == [shown(opened).index], "no other was read"
    assert not opened.widgets.alarm.isVisible()
    assert not opened.widgets.time_bar.live.isVisible()


def test_the_slider_reads_what_it_goes_to(opened, qtbot):
    opened.widgets.time_bar.slider.setValue(2)
    qtbot.waitUntil(lambda: shown(opened).index.time == 2, timeout=WAIT_MS)
    assert opened.widgets.time_bar.words.text().startswith("3 of 3 · time 2")


def test_its_channels_are_chosen_by_the_slider(opened, qtbot):
    opened.widgets.axes.rows["channel"].slider.setValue(1)
    qtbot.waitUntil(lambda: shown(opened).index.channel == 1, timeout=WAIT_MS)
    assert len(opened.viewer.time.shots) == 3


def test_what_cannot_be_restored_is_said_and_the_rest_can_be_looked_at(opened, qtbot):
    opened.widgets.time_bar.slider.setValue(1)
    notice = opened.widgets.notice
    qtbot.waitUntil(lambda: "expected light in every frame" in notice.text(), timeout=WAIT_MS)
    opened.widgets.time_bar.slider.setValue(2)
    qtbot.waitUntil(lambda: shown(opened).index.time == 2, timeout=WAIT_MS)


def test_one_key_restores_with_the_networks_what_is_shown(opened, qtbot):
    assert opened.widgets.time_bar.restore.isEnabled()
    press(opened, qtbot, Qt.Key.Key_W)
    qtbot.waitUntil(lambda: shown(opened).network is not None, timeout=WAIT_MS)
    assert "restored" in opened.widgets.top.names
    opened.user_actions.file.renew()
    assert not opened.widgets.time_bar.restore.isEnabled()


def test_restoring_without_a_file_says_so(window, qtbot):
    press(window, qtbot, Qt.Key.Key_W)
    assert "Only of a file" in window.widgets.notice.text()


def test_without_settings_it_asks_for_some(make, qtbot, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("/data/a.toml", ""))
    launcher = StubLauncher()
    window = make(launcher)
    window.user_actions.file.open(Path("/data/cells.tif"))
    qtbot.waitUntil(lambda: bool(launcher.asked), timeout=WAIT_MS)
    assert launcher.asked == [(Path("/data/cells.tif"), Path("/data/a.toml"))]
    qtbot.waitUntil(lambda: window.viewer.display.scene is not None, timeout=WAIT_MS)


def test_an_engine_takes_the_place_of_the_file_which_is_closed(opened, qtbot):
    with FakeEngine() as engine:
        opened.user_actions.engine.connect(engine.address)

        def there():
            engine.publish(result(7))
            assert opened.viewer.display.scene is not None
            assert shown(opened).index.time == 7

        qtbot.waitUntil(there, timeout=WAIT_MS)
        opened.user_actions.file.renew()
        assert opened.launcher.files[0].closed
        assert opened.widgets.time_bar.live.isVisible()
        opened.close()


# PySide6 would have a QPointF, which PyQt does not take.
@pytest.mark.filterwarnings("ignore:Function. 'QDragEnterEvent:DeprecationWarning")
def test_what_is_dropped_is_looked_at(make, qtbot):
    launcher = StubLauncher()
    window = make(launcher)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(M))])
    at = window.widgets.picture.mapTo(window, QPoint(50, 50))
    copy, left, none = (
        Qt.DropAction.CopyAction,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    # Qt offers it to the widget below the mouse first, then to those around it.
    below = window.childAt(at)
    entering = QDragEnterEvent(at, copy, data, left, none)
    QApplication.sendEvent(below, entering)
    assert entering.isAccepted()
    QApplication.sendEvent(below, QDropEvent(QPointF(at), copy, data, left, none))
    qtbot.waitUntil(lambda: launcher.asked == [(M, None)], timeout=WAIT_MS)
    data.setUrls([QUrl("https://example.org/m.tif")])
    web = QDragEnterEvent(at, copy, data, left, none)
    web.ignore()
    QApplication.sendEvent(window, web)
    assert not web.isAccepted()


def test_the_empty_window_offers_three_things_to_begin_with(make, qtbot, monkeypatch):
    with FakeEngine(stream=None) as engine:
        launcher = StubLauncher(engine.address)
        window = make(launcher)
        start = window.widgets.picture.start
        assert start.isVisible()
        assert window.widgets.picture.rect().contains(start.geometry())
        start.connect_to.click()
        assert window.widgets.tabs.currentWidget() is window.widgets.control
        assert window.widgets.control.address.hasFocus()
        start.simulator.click()
        qtbot.waitUntil(lambda: launcher.simulating, timeout=WAIT_MS)
        monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(M), ""))
        start.open.click()
        qtbot.waitUntil(lambda: window.viewer.display.scene is not None, timeout=WAIT_MS)
        assert not start.isVisible()
        window.close()


def entries(window):
    """Return the words of every entry of every menu, with their actions."""
    bar = window.menuBar()
    menus = [action.menu() for action in bar.actions()]
    return {one.text(): one for menu in menus for one in menu.actions() if not one.isSeparator()}


def test_every_entry_of_the_menus_has_its_key_and_does_something(window):
    known = {key.name for key in KEYS} | set(KEYLESS)
    names = [name for names in MENUS.values() for name in names if name != SEPARATOR]
    assert set(names) <= known
    found = entries(window)
    assert len(found) == len(names)
    found["Split view; drag the line\tX"].trigger()
    assert window.viewer.display.look.split
    found["Hide and show the panel\tH"].trigger()
    assert not window.widgets.side.isVisible()
