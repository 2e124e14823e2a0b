"""The window on its screen: it fits, and what is said in it moves nothing."""

from __future__ import annotations

import pytest

pytest.importorskip("qtpy.QtWidgets", reason="Qt's system libraries", exc_type=ImportError)

from qtpy.QtCore import QMargins, QPoint, QRect, QSize
from qtpy.QtWidgets import QApplication, QWidget

from livesim_gui.screen import FIRST_SHARE, FRAME, bounded_size, first_size, fitted
from livesim_gui.state.health.health import NOT_RECORDED
from tests.doubles.fake_engine import engine_status, in_use, trust_status
from tests.support.shown import result
from tests.support.viewer_window import feed, make, window

__all__ = ["feed", "make", "window"]

TITLE = QMargins(1, 20, 1, 1)
SCREENS = {
    "1280 x 800": (1280, 800),
    "1366 x 768": (1366, 768),
    "1366 x 768 at 150 %": (911, 512),
    "1920 x 1080": (1920, 1080),
    "1920 x 1080 at 150 %": (1280, 720),
}
"""In the pixels that a widget counts."""


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (QRect(100, 100, 800, 600), QRect(100, 100, 800, 600)),
        (QRect(0, 0, 1280, 800), QRect(1, 20, 1278, 699)),
        (QRect(900, 500, 800, 600), QRect(479, 119, 800, 600)),
        (QRect(-50, -50, 800, 600), QRect(1, 20, 800, 600)),
    ],
)
def test_a_window_lies_on_the_screen_with_its_frame(wanted, found):
    assert fitted(wanted, TITLE, QRect(0, 0, 1280, 720)) == found


def test_a_task_bar_is_left_free():
    place = fitted(QRect(0, 0, 1280, 800), TITLE, QRect(0, 40, 1280, 640))
    assert place == QRect(1, 60, 1278, 619)


def test_a_new_window_is_no_larger_than_its_screen(window):
    screen = window.screen().availableGeometry()
    most = screen.marginsRemoved(FRAME).size()
    assert first_size(QSize(9999, 9999), window) == most
    share = QSize(round(FIRST_SHARE * screen.width()), round(FIRST_SHARE * screen.height()))
    assert first_size(QSize(1, 1), window) == share.boundedTo(most)
    assert bounded_size(QSize(300, 200), window) == QSize(300, 200)


def box(widget: QWidget, window: QWidget) -> QRect:
    """Return where a widget lies in its window."""
    return QRect(widget.mapTo(window, QPoint(0, 0)), widget.size())


@pytest.mark.parametrize("size", SCREENS.values(), ids=SCREENS)
def test_everything_below_the_picture_is_seen_on_every_screen(window, size):
    inside = QRect(QPoint(0, 0), QSize(*size)).marginsRemoved(FRAME)
    window.resize(inside.size())
    assert window.size() == inside.size(), "nothing in it asks for more"
    widgets, whole = window.widgets, QRect(QPoint(0, 0), window.size())
    parts = (widgets.top.keys, widgets.time_bar, widgets.time_bar.live, widgets.value)
    for one in (*parts, widgets.tabs.tabBar(), window.statusBar()):
        assert one.isVisible()
        assert whole.contains(box(one, window))
    bar = widgets.tabs.tabBar()
    assert bar.sizeHint().width() <= bar.width(), "no tab is cut"


def test_a_bar_takes_two_rows_where_one_has_no_room_and_goes_back_only_when_it_is_wider(window):
    """Of words that come and go it never trembles."""
    bar = window.widgets.time_bar
    window.resize(1600, 700)
    one_row = bar.height()
    bar._say("437 of 2000 " * 16)
    QApplication.processEvents()
    assert bar.height() > 1.5 * one_row
    bar.words.setMinimumWidth(0)
    bar._say("437 of 2000")
    QApplication.processEvents()
    assert bar.height() > 1.5 * one_row
    window.resize(1601, 700)
    QApplication.processEvents()
    assert bar.height() == one_row


def test_spectrum_and_charts_grow_with_the_window(window):
    pattern, heights = window.widgets.pattern, []
    for size in ((1280, 766), (1916, 1046)):
        window.resize(*size)
        window.widgets.tabs.setCurrentWidget(pattern)
        charts = [chart.plot.height() for chart in pattern.charts]
        heights.append((pattern.graphics.height(), *charts))
    assert heights[1][0] > 1.4 * heights[0][0]
    assert all(large > 1.3 * small for large, small in zip(heights[1], heights[0], strict=True))


def test_the_panel_keeps_the_width_that_it_was_dragged_to(window):
    widgets = window.widgets
    widgets.split.setSizes([500, 480])
    widgets.split.splitterMoved.emit(500, 1)
    dragged = widgets.side.width()
    window.resize(1300, 700)
    assert widgets.side.width() == dragged == window._choices().panel_width


def test_no_message_moves_anything(window, feed):
    widgets = window.widgets

    def places():
        seen = (widgets.picture, widgets.top.split, widgets.time_bar.slider, widgets.top.trust)
        panels = (widgets.pattern.graphics, widgets.control.replay.open)
        return [box(one, window) for one in (*seen, *panels, widgets.notice)]

    before, size = places(), window.size()
    window.say("A sentence that is much longer than the line has room for. " * 9)
    widgets.control.say("The engine starts…\nand it takes its time")
    feed.answer(1, engine_status(recording=None, in_use=in_use(), trust=trust_status()))
    feed.take(1, result(10), 1.0)
    window.draw()
    window.presenter.renew()
    assert widgets.alarm.isVisible()
    assert widgets.alarm.text() == NOT_RECORDED
    assert (places(), window.size()) == (before, size)
    assert widgets.picture.geometry().contains(widgets.alarm.geometry())
