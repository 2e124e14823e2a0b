"""The wiring of the window: keys and mouse in, other pixels and words on the screen out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("PyQt5.QtWidgets", reason="Qt's system libraries", exc_type=ImportError)

import pyqtgraph as pg
from PyQt5.QtCore import QPoint, QPointF, Qt
from PyQt5.QtGui import QImage

from livesim.frames import DataError
from livesim.trust import TrustWord
from livesim.wire.codec import StreamStart
from livesim.wire.pattern_status import ChannelStatus
from livesim.wire.status import EngineState
from livesim_gui.errands import Errands
from livesim_gui.launcher import EngineWish
from livesim_gui.session import Session
from livesim_gui.shortcuts import KeyList
from livesim_gui.state.feed import Feed
from livesim_gui.state.health import NOT_RECORDED
from livesim_gui.state.keys import KEYS
from livesim_gui.state.strips import DRIFT, MODULATION, STEPS
from livesim_gui.state.timeline import Mode
from livesim_gui.state.viewer import Viewer
from livesim_gui.window import SIZE, Window
from tests.fake_engine import (
    FakeEngine,
    angle_status,
    engine_status,
    in_use,
    trust_status,
    watchdog_status,
)
from tests.shown import result

WAIT_MS = 10_000
RECORDED = "/data/stream-001"


class StubLauncher:
    """Notes what is asked of it."""

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
        errands = Errands()
        session = Session(feed, errands, launcher)
        window = Window(Viewer(feed), session, errands, tmp_path / "viewer.ini")
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
    feed.answer(1, engine_status(), 0.0)
    for time in range(10):
        feed.take(1, result(time), 0.1 * time)
    window.draw()
    window.presenter.renew()
    qtbot.waitUntil(lambda: window.widgets.picture.isVisible(), timeout=WAIT_MS)
    return window


def pixels(widget):
    """Return what a widget looks like, [y, x, colour]."""
    image = widget.grab().toImage().convertToFormat(QImage.Format_RGB32)
    data = image.constBits().asarray(image.byteCount())
    return np.frombuffer(data, np.uint8).reshape(image.height(), image.width(), 4)[..., :3].copy()


def press(window, qtbot, key, modifier=Qt.KeyboardModifier.NoModifier):
    qtbot.keyClick(window, key, modifier)
    window.draw()


def shown_time(window):
    return window.viewer.scene.shot.result.index.time


def test_there_is_a_picture_and_a_scale_bar(window):
    picture = pixels(window.widgets.picture)
    assert picture.max() > 200
    assert picture.std() > 10
    assert window.widgets.picture.overlay.bar.words == "500 nm"


def test_one_key_each_shows_widefield_and_super_resolved(window, qtbot):
    super_resolved = pixels(window.widgets.picture)
    press(window, qtbot, Qt.Key.Key_1)
    widefield = pixels(window.widgets.picture)
    assert (widefield != super_resolved).mean() > 0.1
    assert window.widgets.top.buttons["widefield"].isChecked()
    press(window, qtbot, Qt.Key.Key_2)
    np.testing.assert_array_equal(pixels(window.widgets.picture), super_resolved)


def test_space_swaps_and_swaps_back(window, qtbot):
    before = window.viewer.scene.main.stage.name
    press(window, qtbot, Qt.Key.Key_Space)
    assert window.viewer.scene.main.stage.name != before
    press(window, qtbot, Qt.Key.Key_Space)
    assert window.viewer.scene.main.stage.name == before


def test_the_split_view_shows_one_stage_on_each_side(window, qtbot):
    right = pixels(window.widgets.picture)
    press(window, qtbot, Qt.Key.Key_1)
    left = pixels(window.widgets.picture)
    press(window, qtbot, Qt.Key.Key_2)
    press(window, qtbot, Qt.Key.Key_X)
    both = pixels(window.widgets.picture)
    rows, middle = slice(60, -60), both.shape[1] // 2
    np.testing.assert_array_equal(both[rows, : middle - 10], left[rows, : middle - 10])
    np.testing.assert_array_equal(both[rows, middle + 10 :], right[rows, middle + 10 :])


def test_the_divider_can_be_dragged(window, qtbot):
    press(window, qtbot, Qt.Key.Key_X)
    picture = window.widgets.picture
    picture._line.setValue(picture.view.left() + 0.25 * picture.view.width())
    picture._line.sigDragged.emit(picture._line)
    window.draw()
    assert window.viewer.look.divider == pytest.approx(0.25)
    assert picture.overlay.captions.divider == pytest.approx(0.25)


def test_zoom_and_place_stay_when_the_stage_changes(window, qtbot):
    picture = window.widgets.picture
    picture.box.scaleBy((0.5, 0.5))
    before = picture.view
    press(window, qtbot, Qt.Key.Key_1)
    assert picture.view == before
    press(window, qtbot, Qt.Key.Key_F)
    assert picture.view.width() > 1.5 * before.width()


def test_the_arrows_hold_and_end_goes_live(window, qtbot, feed):
    press(window, qtbot, Qt.Key.Key_Left)
    press(window, qtbot, Qt.Key.Key_Left)
    assert shown_time(window) == 7
    feed.take(1, result(10), 2.0)
    window.draw()
    assert shown_time(window) == 7
    assert "Held: time 7, 0.3 s ago" in window.widgets.picture.overlay.captions.held
    press(window, qtbot, Qt.Key.Key_Home)
    assert shown_time(window) == 0
    press(window, qtbot, Qt.Key.Key_End)
    assert shown_time(window) == 10
    assert window.widgets.picture.overlay.captions.held is None


def test_dragging_the_time_slider_holds(window):
    window.widgets.time_bar.slider.setValue(3)
    window.draw()
    assert (shown_time(window), window.viewer.timeline.mode) == (3, Mode.HELD)
    assert not window.widgets.time_bar.live.isChecked()
    assert window.widgets.time_bar.play.text() == "Play"


def test_play_runs_to_the_live_edge(window, qtbot):
    press(window, qtbot, Qt.Key.Key_Home)
    window.widgets.time_bar.speed.setCurrentIndex(6)
    press(window, qtbot, Qt.Key.Key_P)
    qtbot.waitUntil(lambda: window.viewer.timeline.mode is Mode.LIVE, timeout=WAIT_MS)
    assert shown_time(window) == 9


def test_levels_by_hand_stay_until_automatic_is_pressed(window, qtbot, feed):
    panel = window.widgets.contrast
    automatic = window.viewer.scene.main.levels
    panel.range.setRegion((5.0, 300.0))
    window.draw()
    feed.take(1, result(20, value=900.0), 3.0)
    window.draw()
    levels = window.viewer.scene.main.levels
    assert (levels.low, levels.high) == (5.0, 300.0)
    assert not panel.automatic.isChecked()
    press(window, qtbot, Qt.Key.Key_A)
    assert window.viewer.scene.main.levels.high > automatic.high
    assert panel.automatic.isChecked()


def test_gamma_and_colours_change_the_picture(window, qtbot):
    press(window, qtbot, Qt.Key.Key_1)
    grey = pixels(window.widgets.picture)
    window.widgets.contrast.lut.setCurrentText("green")
    window.draw()
    green = pixels(window.widgets.picture)[60:-60]
    assert (green[..., 1] > 0).any()
    inside = green[:, 300:-300]
    assert (inside[..., 0] == 0).mean() > 0.95
    window.widgets.contrast.lut.setCurrentText("grey")
    window.widgets.contrast.gamma.setValue(-50)
    window.draw()
    assert pixels(window.widgets.picture).mean() > grey.mean() + 1.0


def test_the_mouse_tells_the_photo_electrons(window, qtbot):
    picture = window.widgets.picture
    place = picture.box.mapViewToScene(QPointF(4.0, 14.0))
    picture._moved(place)
    spot = window.viewer.scene.main.stage.image[28, 8]
    words = window.widgets.value.text()
    assert words.endswith(f": {spot:.1f} photo-electrons")
    assert "(0.32 µm, 1.12 µm)" in words


def test_a_crosshair_follows_the_mouse_and_goes_with_it(window, qtbot):
    press(window, qtbot, Qt.Key.Key_C)
    picture = window.widgets.picture
    assert not picture._cross[0].isVisible()
    picture._moved(picture.box.mapViewToScene(QPointF(4.0, 14.0)))
    assert picture._cross[0].isVisible()
    assert picture._cross[0].value() == pytest.approx(14.0)


def test_line_and_region_are_measured_and_taken_away(window, qtbot):
    press(window, qtbot, Qt.Key.Key_L)
    press(window, qtbot, Qt.Key.Key_R)
    measure = window.widgets.measure
    assert "nm, mean of 3 pixels across" in measure.line_words.text()
    assert "photo-electrons" in measure.region_words.text()
    assert window.widgets.tabs.currentWidget() is measure
    press(window, qtbot, Qt.Key.Key_L)
    press(window, qtbot, Qt.Key.Key_R)
    rois = [i for i in window.widgets.picture.box.allChildItems() if isinstance(i, pg.ROI)]
    assert not rois


def test_a_stream_that_is_not_recorded_shows_the_red_bar(window, feed):
    assert not window.widgets.alarm.isVisible()
    feed.answer(1, engine_status(recording=None), 1.0)
    window.draw()
    window.presenter.renew()
    assert window.widgets.alarm.isVisible()
    assert window.widgets.alarm.text() == NOT_RECORDED
    red = pixels(window.widgets.alarm)[3, 3]
    assert red[2] > 150 > max(red[0], red[1])


def test_the_corner_and_the_health_panel_follow_the_engine(window, feed):
    assert "running" in window.widgets.top.word.text()
    feed.silence(1, "no answer")
    window.draw()
    window.presenter.renew()
    assert "engine lost" in window.widgets.top.word.text()
    assert window.viewer.scene is not None, "the last picture stays"


def test_a_lost_angle_is_told_in_words_and_the_spectrum_appears(window, qtbot, feed):
    lost = watchdog_status(angle_status(), angle_status(state="lost"), angle_status())
    feed.answer(1, engine_status(watchdog=lost), 1.0)
    window.draw()
    window.presenter.renew()
    assert "Angle 2 shows no fringes any more" in window.widgets.pattern.advice.text()
    panel = window.widgets.pattern
    qtbot.waitUntil(lambda: panel._image.image is not None, timeout=WAIT_MS)
    assert panel._image.image.shape == (64, 64)


def test_every_stage_and_word_fits_into_the_window_it_starts_with(window, feed):
    channels = tuple(ChannelStatus(channel=n, watchdog=watchdog_status()) for n in range(2))
    used = in_use()
    stream = used.stream.model_copy(update={"source": "Micro-Manager, the camera on the left port"})
    told = {
        "trust": trust_status(word=TrustWord.DO_NOT_TRUST),
        "channels": channels,
        "in_use": used.model_copy(update={"stream": stream}),
    }
    feed.answer(1, engine_status(**told, state=EngineState.CALIBRATING), 0.0)
    made = result(20, plain=True)
    feed.take(1, replace(made, step_one=made.image), 0.0)
    window.draw()
    window.presenter.renew()
    assert len(window.widgets.top.buttons) == 4
    assert "left port" in window.widgets.top.stream.toolTip()
    assert window.minimumSizeHint().width() <= SIZE[0]


def test_a_chart_draws_what_is_chosen_above_it(window, feed):
    upper, lower = window.widgets.pattern.charts
    for second in range(3):
        feed.answer(1, engine_status(in_use=in_use()), float(second))
        window.viewer.tick(float(second))
    window.presenter.renew()
    assert (upper.chosen.currentText(), lower.chosen.currentText()) == (
        MODULATION.title,
        DRIFT.title,
    )
    found, expected = lower.curves[0]
    assert np.nanmax(found.yData) == 0.5
    assert expected.yData is None or not len(expected.yData)
    lower.chosen.setCurrentText(STEPS.title)
    steps = np.degrees(2.0)  # of the fake engine's phases
    np.testing.assert_allclose(found.yData[~np.isnan(found.yData)], steps)
    np.testing.assert_allclose(expected.yData, 120.0)
    low, high = lower.plot.viewRange()[1]
    assert high - low >= STEPS.least_span
    assert np.nanmax(upper.curves[0][0].yData) == 0.8


def test_the_resolution_that_is_reached_stands_beside_the_attainable_one(window, feed, qtbot):
    feed.answer(1, engine_status(in_use=in_use()), 0.0)
    window.draw()
    window.presenter.renew()
    facts = window.widgets.pattern.facts
    assert "attainable 110 nm · reached —" in facts.text()
    object_yx = np.random.default_rng(0).standard_normal((192, 192))
    for time in (10, 11):
        noise = np.random.default_rng(time).standard_normal(object_yx.shape)
        image = (object_yx + 0.1 * noise).astype(np.float32)
        feed.take(1, replace(result(time, side=96), image=image), float(time))

    def told():
        window.draw()
        window.presenter.renew()
        return "reached 80 nm" in facts.text()

    # White structure is resolved down to two pixels of 40 nm.
    qtbot.waitUntil(told, timeout=WAIT_MS)


def test_a_snapshot_is_saved_beside_the_stream(window, qtbot, tmp_path):
    press(window, qtbot, Qt.Key.Key_S)
    folder = tmp_path / "snapshots"
    qtbot.waitUntil(lambda: "Saved" in window.widgets.notice.text(), timeout=WAIT_MS)
    assert sorted(path.suffix for path in folder.iterdir()) == [".png", ".tif"]


def test_a_snapshot_that_fails_says_why(window, qtbot, tmp_path):
    (tmp_path / "snapshots").write_text("in the way")
    press(window, qtbot, Qt.Key.Key_S)
    qtbot.waitUntil(lambda: "could not be saved" in window.widgets.notice.text(), timeout=WAIT_MS)


def test_the_question_mark_lists_every_key(window, qtbot):
    window.show_keys()
    (listed,) = window.findChildren(KeyList)
    words = [label.text() for label in listed.findChildren(type(window.widgets.value))]
    assert all(key.words in words for key in KEYS)
    listed.close()


def test_without_a_stream_it_says_what_to_do(make, feed):
    window = make()
    assert "No engine answers at tcp://127.0.0.1:1" in window.widgets.picture.overlay.captions.hint
    feed.answer(1, engine_status(stream=None), 0.0)
    window.draw()
    assert "waits for a stream" in window.widgets.picture.overlay.captions.hint


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
    assert again.viewer.look.lut == "fire"
    assert again.remembered.theme == "light"
    assert not again.widgets.side.isVisible()
    assert again.widgets.tabs.currentIndex() == 2
    assert again.widgets.control.wanted_engine == EngineWish(Path("/somewhere"), None, False)
    assert again.widgets.control.keys.text() == "/my/keys"
    press(again, qtbot, Qt.Key.Key_H)
    again.close()
    assert make().widgets.side.isVisible()


def test_what_is_remembered_wrongly_does_no_harm(make, tmp_path):
    (tmp_path / "viewer.ini").write_text(
        "[General]\nlut=pink\ngamma=x\ndivider=9\ntheme=blue\ntab=a\n", encoding="utf-8"
    )
    window = make()
    assert (window.viewer.look.lut, window.viewer.look.gamma) == ("grey", 1.0)
    assert window.viewer.look.divider == 0.98
    assert window.remembered.theme == "dark"


def test_light_and_dark_differ_and_keep_the_picture_dark(window, qtbot):
    dark = pixels(window)
    press(window, qtbot, Qt.Key.Key_D)
    light = pixels(window)
    assert light[-5, 5].min() > 200 > 60 > dark[-5, 5].max()


def test_a_wrong_address_is_refused_in_words(window):
    window.deeds.connect("udp://x")
    assert "expected an address such as" in window.widgets.control.words.text()


def test_the_folder_of_keys_belongs_to_the_address_of_another_machine(window, feed, qtbot):
    control = window.widgets.control
    control.address.setText("127.0.0.2:1")
    control.keys.setText("/no/such/keys")
    control.connect_button.click()
    assert feed.news(0.0).address == "tcp://127.0.0.2:1?keys=/no/such/keys"
    missing = "expected a CURVE key, found no file /no/such/keys/client.key_secret"
    qtbot.waitUntil(lambda: missing in control.words.text(), timeout=WAIT_MS)


def test_a_message_is_taken_away_by_what_it_waits_for(window, qtbot):
    press(window, qtbot, Qt.Key.Key_T)
    assert "No result has been checked yet" in window.widgets.notice.text()
    press(window, qtbot, Qt.Key.Key_T)
    assert window.notice.words(0.0) == "", "no time has gone by on this clock"
    qtbot.waitUntil(lambda: window.widgets.notice.text() == "", timeout=WAIT_MS)


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


def test_several_channels_can_be_chosen_between(window, feed, qtbot):
    feed.take(1, result(11, channel=1), 2.0)
    window.draw()
    window.presenter.renew()
    box = window.widgets.top.channel
    assert box.isVisible()
    assert [box.itemText(n) for n in range(box.count())] == ["Channel 1", "Channel 2"]
    box.setCurrentIndex(1)
    box.activated.emit(1)
    window.draw()
    assert window.viewer.scene.shot.channel == 1


def test_the_wheel_zooms_about_the_mouse(window, qtbot):
    picture = window.widgets.picture
    before = picture.view.width()
    picture.box.scaleBy((0.25, 0.25), center=QPointF(8.0, 8.0))
    assert picture.view.contains(QPointF(8.0, 8.0))
    assert picture.view.width() < before
    assert window.viewer.screen_per_raw == pytest.approx(picture.screen_per_raw)
    assert picture.overlay.bar_pixels <= picture.width() / 4 + 1
    assert QPoint(0, 0) in picture.rect()


def test_export_is_offered_with_the_recording_that_runs(window, feed, qtbot, tmp_path):
    folder = tmp_path / "stream-001"
    folder.mkdir()
    feed.answer(1, engine_status(recording=str(folder)), 1.0)
    window.draw()
    qtbot.keyClick(window, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    assert window.export.isVisible()
    wish = window.export.wish
    assert wish.recording == str(folder)
    assert wish.shown is not None
    assert wish.shown.levels == (window.viewer.scene.main.levels,)
    window.export.hide()
    window.widgets.control.export_button.click()
    assert window.export.isVisible()


def test_one_key_merges_the_channels_in_colour(window, feed, qtbot):
    for channel in (0, 1):
        feed.take(1, result(10, channel=channel, value=20.0 * (1 - channel)), 2.0)
    window.draw()
    window.presenter.renew()
    assert window.widgets.top.merge.isVisible()
    grey = pixels(window.widgets.picture)
    press(window, qtbot, Qt.Key.Key_M)
    window.presenter.renew()
    merged = pixels(window.widgets.picture)
    assert (merged != grey).any(axis=-1).mean() > 0.01
    assert window.widgets.top.merge.isChecked()
    assert window.widgets.contrast.lut.currentText() == "green"
    press(window, qtbot, Qt.Key.Key_V)
    without = pixels(window.widgets.picture)
    assert (without != merged).any(axis=-1).mean() > 0.01
