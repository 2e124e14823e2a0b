"""What the window says beside the picture: health, pattern, charts, hints, messages, keys."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("qtpy.QtWidgets", reason="Qt's system libraries", exc_type=ImportError)

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel

from livesim.values.verdict import TrustWord
from livesim.wire.status import EngineState
from livesim.wire.stream_status import ChannelStatus
from livesim_gui.shortcuts import KeyList
from livesim_gui.state.health.health import NOT_RECORDED
from livesim_gui.state.health.strips import DRIFT, MODULATION, STEPS
from livesim_gui.state.keys import KEYS
from livesim_gui.state.picture.stages import PLAIN, WIDEFIELD
from livesim_gui.window import SIZE
from tests.doubles.fake_engine import (
    angle_status,
    engine_status,
    in_use,
    tracking_status,
    trust_status,
)
from tests.support.shown import result
from tests.support.viewer_window import WAIT_MS, feed, make, pixels, press, window

__all__ = ["feed", "make", "window"]


def test_a_stream_that_is_not_recorded_shows_the_red_bar(window, feed):
    assert not window.widgets.alarm.isVisible()
    feed.answer(1, engine_status(recording=None))
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
    assert window.viewer.display.scene is not None, "the last picture stays"


def test_a_lost_angle_is_told_in_words_and_the_spectrum_appears(window, qtbot, feed):
    lost = tracking_status(angle_status(), angle_status(state="lost"), angle_status())
    feed.answer(1, engine_status(tracking=lost))
    window.draw()
    window.presenter.renew()
    assert "Angle 2 shows no fringes any more" in window.widgets.pattern.advice.text()
    panel = window.widgets.pattern
    qtbot.waitUntil(lambda: panel._image.image is not None, timeout=WAIT_MS)
    assert panel._image.image.shape == (64, 64)


def test_every_stage_and_word_fits_into_the_window_it_starts_with(window, feed):
    channels = tuple(ChannelStatus(channel=n, tracking=tracking_status()) for n in range(2))
    used = in_use()
    stream = used.stream.model_copy(update={"source": "Micro-Manager, the camera on the left port"})
    told = {
        "trust": trust_status(word=TrustWord.DO_NOT_TRUST),
        "channels": channels,
        "in_use": used.model_copy(update={"stream": stream}),
    }
    feed.answer(1, engine_status(**told, state=EngineState.CALIBRATING))
    made = result(20, plain=True)
    feed.take(1, replace(made, step_one=made.image, network=made.image), 0.0)
    window.draw()
    window.presenter.renew()
    assert len(window.widgets.top.buttons) == 5
    assert "left port" in window.widgets.top.stream.toolTip()
    assert window.minimumSizeHint().width() <= SIZE.width()


def test_stages_have_short_names_where_the_window_is_narrow_and_whole_ones_where_it_is_wide(
    window, feed
):
    made = result(20, network=True)
    feed.take(1, replace(made, step_one=made.image), 0.0)
    window.draw()
    top = window.widgets.top
    top.resize(top.minimumSizeHint().width(), top.height())
    assert top.buttons[WIDEFIELD].text() == "Wide (1)"
    assert "without any network" in top.buttons[PLAIN].toolTip()
    assert all(one.width() >= one.minimumSizeHint().width() for one in top.buttons.values())
    top.resize(2000, top.height())
    assert top.buttons[WIDEFIELD].text() == "Widefield (1)"


def test_a_chart_draws_what_is_chosen_above_it(window, feed):
    upper, lower = window.widgets.pattern.charts
    for second in range(3):
        feed.answer(1, engine_status(in_use=in_use()))
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
    feed.answer(1, engine_status(in_use=in_use()))
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


def test_the_question_mark_lists_every_key(window):
    window.show_keys()
    (listed,) = window.findChildren(KeyList)
    words = [label.text() for label in listed.findChildren(QLabel)]
    assert all(key.words in words for key in KEYS)
    listed.close()


def test_without_a_stream_it_says_what_to_do(make, feed):
    window = make()
    assert "No engine answers at tcp://127.0.0.1:1" in window.widgets.picture.overlay.captions.hint
    feed.answer(1, engine_status(stream=None))
    window.draw()
    assert "waits for a stream" in window.widgets.picture.overlay.captions.hint


def test_a_message_is_taken_away_by_what_it_waits_for(window, qtbot):
    press(window, qtbot, Qt.Key.Key_T)
    assert "No result has been checked yet" in window.widgets.notice.text()
    press(window, qtbot, Qt.Key.Key_T)
    assert window.notice.words(0.0) == "", "no time has gone by on this clock"
    qtbot.waitUntil(lambda: window.widgets.notice.text() == "", timeout=WAIT_MS)
