"""What keys and the mouse change of the picture in its window."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("qtpy.QtWidgets", reason="Qt's system libraries", exc_type=ImportError)

from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtWidgets import QInputDialog

from livesim_gui.panels.contrast import OTHER
from livesim_gui.state.time.timeline import Mode
from tests.support.shown import result
from tests.support.viewer_window import WAIT_MS, feed, make, pixels, press, window

__all__ = ["feed", "make", "window"]


def shown_time(window):
    return window.viewer.display.scene.shot.result.index.time


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
    rows = slice(60, None)  # above them it says how old the result is, once it is
    np.testing.assert_array_equal(pixels(window.widgets.picture)[rows], super_resolved[rows])


def test_space_swaps_and_swaps_back(window, qtbot):
    before = window.viewer.display.scene.main.stage.name
    press(window, qtbot, Qt.Key.Key_Space)
    assert window.viewer.display.scene.main.stage.name != before
    press(window, qtbot, Qt.Key.Key_Space)
    assert window.viewer.display.scene.main.stage.name == before


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
    line = picture.split.line
    line.setValue(picture.view.left() + 0.25 * picture.view.width())
    line.sigDragged.emit(line)
    window.draw()
    assert window.viewer.display.look.divider == pytest.approx(0.25)
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
    assert (shown_time(window), window.viewer.time.timeline.mode) == (3, Mode.HELD)
    assert not window.widgets.time_bar.live.isChecked()
    assert window.widgets.time_bar.play.text() == "Play"


def test_play_runs_to_the_live_edge(window, qtbot):
    press(window, qtbot, Qt.Key.Key_Home)
    window.widgets.time_bar.speed.setCurrentIndex(6)
    press(window, qtbot, Qt.Key.Key_P)
    qtbot.waitUntil(lambda: window.viewer.time.timeline.mode is Mode.LIVE, timeout=WAIT_MS)
    assert shown_time(window) == 9


def test_levels_by_hand_stay_until_automatic_is_pressed(window, qtbot, feed):
    panel = window.widgets.contrast
    automatic = window.viewer.display.scene.main.levels
    panel.range.setRegion((5.0, 300.0))
    window.draw()
    feed.take(1, result(20, value=900.0), 3.0)
    window.draw()
    levels = window.viewer.display.scene.main.levels
    assert (levels.low, levels.high) == (5.0, 300.0)
    assert not panel.automatic.isChecked()
    press(window, qtbot, Qt.Key.Key_A)
    assert window.viewer.display.scene.main.levels.high > automatic.high
    assert panel.automatic.isChecked()


def test_gamma_and_colours_change_the_picture(window, qtbot):
    press(window, qtbot, Qt.Key.Key_1)
    grey = pixels(window.widgets.picture)
    window.widgets.contrast.lut.setCurrentText("green")
    window.draw()
    green = pixels(window.widgets.picture)[60:-60]
    assert (green[..., 1] > 0).any()
    inside = green[:, 250:-250]
    assert (inside[..., 0] == 0).mean() > 0.95
    window.widgets.contrast.lut.setCurrentText("grey")
    window.widgets.contrast.gamma.setValue(-50)
    window.draw()
    assert pixels(window.widgets.picture).mean() > grey.mean() + 1.0


@pytest.mark.parametrize(
    ("typed", "lut", "words"),
    [
        ("viridis_r", "viridis_r", ""),
        ("virids", "grey", "did you mean 'viridis'"),
        ("", "grey", ""),
    ],
)
def test_any_colour_table_of_cmap_can_be_named(window, monkeypatch, typed, lut, words):
    monkeypatch.setattr(QInputDialog, "getText", lambda *_: (typed, bool(typed)))
    box = window.widgets.contrast.lut
    box.setCurrentText(OTHER)
    window.draw()
    window.presenter.renew()
    assert window.viewer.display.look.lut == box.currentText() == lut
    assert words in window.widgets.notice.text()


def test_the_mouse_tells_the_photo_electrons(window):
    picture = window.widgets.picture
    place = picture.box.mapViewToScene(QPointF(4.0, 14.0))
    picture.point_at(place)
    spot = window.viewer.display.scene.main.stage.image[28, 8]
    words = window.widgets.value.text()
    assert words.endswith(f": {spot:.1f} photo-electrons")
    assert "(0.32 µm, 1.12 µm)" in words


def test_a_crosshair_follows_the_mouse_and_goes_with_it(window, qtbot):
    press(window, qtbot, Qt.Key.Key_C)
    picture = window.widgets.picture
    assert picture.crosshair.place is None
    picture.point_at(picture.box.mapViewToScene(QPointF(4.0, 14.0)))
    assert picture.crosshair.place == pytest.approx((4.0, 14.0))


def test_light_and_dark_differ_and_keep_the_picture_dark(window, qtbot):
    dark = pixels(window)
    press(window, qtbot, Qt.Key.Key_D)
    light = pixels(window)
    assert light[-5, 5].min() > 200 > 60 > dark[-5, 5].max()


def test_several_channels_can_be_chosen_between(window, feed):
    feed.take(1, result(11, channel=1), 2.0)
    window.draw()
    window.presenter.renew()
    box = window.widgets.top.channel
    assert box.isVisible()
    assert [box.itemText(n) for n in range(box.count())] == ["Channel 1", "Channel 2"]
    box.setCurrentIndex(1)
    box.activated.emit(1)
    window.draw()
    assert window.viewer.display.scene.shot.channel == 1


def test_the_wheel_zooms_about_the_mouse(window):
    picture = window.widgets.picture
    before = picture.view.width()
    picture.box.scaleBy((0.25, 0.25), center=QPointF(8.0, 8.0))
    assert picture.view.contains(QPointF(8.0, 8.0))
    assert picture.view.width() < before
    assert window.viewer.display.screen_per_raw == pytest.approx(picture.screen_per_raw)
    assert picture.overlay.bar_pixels <= picture.width() / 4 + 1
    assert picture.rect().contains(QPoint(0, 0))


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
