"""What the window begins and keeps: engines, connections, snapshots, exports, choices."""

from __future__ import annotations

from pathlib import Path
from threading import Event

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

pytest.importorskip("qtpy.QtWidgets", reason="Qt's system libraries", exc_type=ImportError)

from qtpy.QtCore import Qt

from livesim.values.errors import DataError
from livesim_gui.children.launcher import EngineWish
from tests.doubles.fake_engine import FakeEngine, engine_status
from tests.support.shown import result
from tests.support.viewer_window import WAIT_MS, feed, make, pixels, press, window

__all__ = ["feed", "make", "window"]

RECORDED = "/data/stream-001"


class StubLauncher:
    """Note what is asked of it."""

    def __init__(self, address="tcp://127.0.0.1:9"):
        self.asked = []
        self.engine = None
        self.simulating = False
        self._address = address

    def start_engine(self, record, config, *, at_once):
        self.asked.append(("engine", record, config, at_once))
        if self._address is None:
            raise DataError("expected the engine to start, found that it ended (2)")
        self.engine = self._address
        return self._address

    def stop_engine(self):
        self.asked.append("stop engine")
        self.engine = None

    def start_simulator(self, engine, config):
        self.asked.append(("simulator", engine, config))
        self.simulating = True

    def stop_simulator(self):
        self.asked.append("stop simulator")
        self.simulating = False

    def close(self):
        self.asked.append("close")


def test_a_snapshot_is_saved_beside_the_stream(window, qtbot, tmp_path):
    notice, folder = window.widgets.notice, tmp_path / "snapshots"
    press(window, qtbot, Qt.Key.Key_X)  # as shown: split
    shown = pixels(window.widgets.picture)
    press(window, qtbot, Qt.Key.Key_S)
    qtbot.waitUntil(lambda: notice.text().endswith(".png"), timeout=WAIT_MS)
    (png,) = folder.iterdir()
    with Pillow.open(png) as file:
        np.testing.assert_array_equal(np.asarray(file.convert("RGB"))[..., ::-1], shown)
    press(window, qtbot, Qt.Key.Key_S, Qt.KeyboardModifier.ShiftModifier)
    qtbot.waitUntil(lambda: notice.text().endswith(".tif"), timeout=WAIT_MS)
    (tiff,) = folder.glob("*.tif")
    values = window.viewer.display.scene.main.stage.image
    np.testing.assert_array_equal(tifffile.imread(tiff), values)


def test_every_snapshot_is_saved_though_the_last_is_still_being_written(window, qtbot, tmp_path):
    """Two keys one after the other: the window has not yet heard that the first is there."""
    snapshots = window.user_actions.snapshot
    snapshots.save_shown()
    snapshots.save_values()
    snapshots.save_shown()

    def written() -> list[str]:
        return [one.suffix for one in sorted((tmp_path / "snapshots").glob("*"))]

    qtbot.waitUntil(lambda: written() == [".png", ".tif", ".png"], timeout=WAIT_MS)


def test_a_snapshot_that_fails_says_why(window, qtbot, tmp_path):
    (tmp_path / "snapshots").write_text("in the way")
    press(window, qtbot, Qt.Key.Key_S)
    qtbot.waitUntil(lambda: "could not be saved" in window.widgets.notice.text(), timeout=WAIT_MS)


def test_choices_are_remembered(window, make, qtbot):
    window.widgets.contrast.lut.setCurrentText("fire")
    press(window, qtbot, Qt.Key.Key_D)
    press(window, qtbot, Qt.Key.Key_H)
    window.widgets.tabs.setCurrentIndex(2)
    window.widgets.control.record.setText("/somewhere")
    window.widgets.control.keys.setText("/my/keys")
    window.widgets.control.at_once.setChecked(False)
    window.close()
    again = make()
    assert again.viewer.display.look.lut == "fire"
    assert again.appearance.remembered.theme == "light"
    assert not again.widgets.side.isVisible()
    assert again.widgets.tabs.currentIndex() == 2
    assert again.widgets.control.wanted_engine == EngineWish(Path("/somewhere"), None, False)
    assert again.widgets.control.keys.text() == "/my/keys"
    press(again, qtbot, Qt.Key.Key_H)
    again.close()
    assert make().widgets.side.isVisible()


def test_what_is_remembered_wrongly_does_no_harm(make, tmp_path):
    (tmp_path / "viewer.ini").write_text(
        "[General]\nlut=greeen\ngamma=x\ndivider=9\ntheme=blue\ntab=a\n", encoding="utf-8"
    )
    window = make()
    assert (window.viewer.display.look.lut, window.viewer.display.look.gamma) == ("grey", 1.0)
    assert window.viewer.display.look.divider == 0.98
    assert window.appearance.remembered.theme == "dark"


def test_a_wrong_address_is_refused_in_words(window):
    window.user_actions.engine.connect("udp://x")
    assert "expected an address such as" in window.widgets.control.words.text()


def test_the_folder_of_keys_belongs_to_the_address_of_another_machine(window, feed, qtbot):
    control = window.widgets.control
    control.address.setText("127.0.0.2:1")
    control.keys.setText("/no/such/keys")
    control.connect_button.click()
    assert feed.news(0.0).address == "tcp://127.0.0.2:1?keys=/no/such/keys"
    missing = "expected a CURVE key, found no file /no/such/keys/client.key_secret"
    qtbot.waitUntil(lambda: missing in control.words.text(), timeout=WAIT_MS)


def test_connecting_from_the_window_brings_the_picture(make, qtbot):
    window = make()
    with FakeEngine(recording=RECORDED) as engine:
        window.widgets.control.address.setText(engine.address)
        window.widgets.control.connect_button.click()

        def there():
            engine.publish(result(3))
            assert window.presenter.drawn

        qtbot.waitUntil(there, timeout=WAIT_MS)
        window.close()


def test_an_engine_and_a_simulator_are_started_and_the_buttons_say_so(make, qtbot, tmp_path):
    with FakeEngine() as engine:
        launcher = StubLauncher(engine.address)
        window = make(launcher)
        control = window.widgets.control
        control.record.setText(str(tmp_path))
        window.presenter.renew()
        control.engine_button.click()
        qtbot.waitUntil(lambda: control.engine_button.text() == "Stop engine", timeout=WAIT_MS)
        qtbot.waitUntil(control.simulator_button.isEnabled, timeout=WAIT_MS)
        assert launcher.asked == [("engine", tmp_path, None, True)]
        control.simulator_button.click()
        qtbot.waitUntil(lambda: "Stop" in control.simulator_button.text(), timeout=WAIT_MS)
        assert launcher.asked[-1] == ("simulator", engine.address, None)
        window.close()
    assert launcher.asked[-1] == "close"


def test_an_engine_that_does_not_start_says_so(make, qtbot):
    window = make(StubLauncher(None))
    window.presenter.renew()
    control = window.widgets.control
    control.engine_button.click()
    qtbot.waitUntil(lambda: "found that it ended" in control.words.text(), timeout=WAIT_MS)
    window.presenter.renew()
    assert control.engine_button.text() == "Start engine"


def test_export_is_offered_with_the_recording_that_runs(window, feed, qtbot, tmp_path):
    folder = tmp_path / "stream-001"
    folder.mkdir()
    feed.answer(1, engine_status(recording=str(folder)))
    window.draw()
    qtbot.keyClick(window, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    assert window.export.isVisible()
    wish = window.export.form.wish
    assert wish.recording == str(folder)
    assert wish.shown is not None
    assert wish.shown.levels == (window.viewer.display.scene.main.levels,)
    window.export.hide()
    window.widgets.control.export_button.click()
    assert window.export.isVisible()


def test_a_simulator_asked_for_while_an_engine_starts_waits_for_it(make, qtbot):
    launcher, may_start = StubLauncher(), Event()
    begin = launcher.start_engine

    def start_engine(record, config, *, at_once):
        may_start.wait(WAIT_MS / 1000.0)
        return begin(record, config, at_once=at_once)

    launcher.start_engine = start_engine
    window = make(launcher)
    window.user_actions.engine.switch_engine(True)
    window.user_actions.engine.switch_simulator(True)
    may_start.set()
    qtbot.waitUntil(lambda: launcher.simulating, timeout=WAIT_MS)
    assert [asked[0] for asked in launcher.asked] == ["engine", "simulator"]
    assert launcher.asked[1][1] == "tcp://127.0.0.1:9"
