"""Lines and regions: drawn with the mouse, moved, kept, measured, copied and saved."""

from __future__ import annotations

import csv
import re

import numpy as np
import pytest

pytest.importorskip("qtpy.QtWidgets", reason="Qt's system libraries", exc_type=ImportError)

from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication, QFileDialog
from scipy.ndimage import gaussian_filter

from livesim_gui.plotting import pg
from livesim_gui.state.picture.drawing import Drawing, Kind, measurement
from livesim_gui.state.picture.stages import Stage
from tests.support.shown import result
from tests.support.viewer_window import WAIT_MS, feed, make, press, window

__all__ = ["feed", "make", "window"]


def test_a_profile_is_a_table_of_nanometres_and_photo_electrons():
    image = np.tile(np.arange(40, dtype=np.float32), (40, 1))
    line = Drawing(Kind.LINE, "Line 1", (2.0, 5.0), (12.0, 5.0))
    found = measurement(line, Stage("plain", image, 0.5), 0.08)
    rows = list(csv.reader(found.table.csv.splitlines()))
    assert rows[0] == ["distance (nm)", "photo-electrons"]
    numbers = np.array(rows[1:], float)
    # 10 raw pixels of 80 nm are 20 of the image, in which a value grows by 1 every 40 nm.
    assert numbers[0].tolist() == [0.0, 4.0]
    assert numbers[-1].tolist() == [800.0, 24.0]
    np.testing.assert_allclose(np.diff(numbers[:, 1]) / np.diff(numbers[:, 0]), 1 / 40)


@pytest.mark.parametrize(("light", "doubted"), [(0.0, True), (40.0, False)])
def test_a_width_that_noise_alone_would_have_is_doubted(light, doubted):
    image = gaussian_filter(np.random.default_rng(1).normal(size=(40, 80)), 1.2)
    image[:, 40] += light
    line = Drawing(Kind.LINE, "Line 1", (2.0, 10.0), (38.0, 10.0))
    found = measurement(line, Stage("plain", image.astype(np.float32), 0.5), 0.08)
    assert "Width of the highest peak" in found.words
    assert ("as noise does too" in found.words) == doubted


def test_a_region_is_one_row_in_micrometres_however_it_was_drawn():
    image = np.arange(100, dtype=np.float32).reshape(10, 10)
    drawn = [
        Drawing(Kind.REGION, "Region 1", start, end)
        for start, end in (((1.5, 2.5), (4.5, 6.5)), ((4.5, 6.5), (1.5, 2.5)))
    ]
    found = [measurement(one, Stage("widefield", image, 1.0), 0.1).table for one in drawn]
    assert found[0] == found[1]
    values = dict(zip(found[0].columns, found[0].rows[0], strict=True))
    assert values["width (µm)"] == pytest.approx(0.3)
    assert values["pixels"] == 12
    assert values["mean (photo-electrons)"] == pytest.approx(image[3:7, 2:5].mean())


def test_without_a_pixel_size_lengths_are_raw_pixels_and_a_point_is_no_line():
    stage = Stage("widefield", np.ones((8, 8), np.float32), 1.0)
    line = Drawing(Kind.LINE, "Line 1", (1.0, 1.0), (4.0, 5.0))
    assert measurement(line, stage, None).table.columns[0] == "distance (raw pixels)"
    assert measurement(line, stage, None).words.startswith("Line 5 raw pixels")
    assert measurement(Drawing(Kind.LINE, "", (1.0, 1.0), (1.0, 1.0)), stage, None) is None


@pytest.fixture(autouse=True)
def every_movement():
    """Have pyqtgraph take every movement of the mouse, however fast they come."""
    before = pg.getConfigOption("mouseRateLimit")
    pg.setConfigOptions(mouseRateLimit=0)
    yield
    pg.setConfigOptions(mouseRateLimit=before)


def drag(window, qtbot, start, end):
    """Drag the mouse from one place of the picture to another, in raw pixels."""
    picture = window.widgets.picture
    view = picture.graphics.viewport()

    def at(place) -> QPoint:
        return picture.graphics.mapFromScene(picture.box.mapViewToScene(QPointF(*place)))

    middle = tuple((a + b) / 2 for a, b in zip(start, end, strict=True))
    qtbot.mouseMove(view, at(start))
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=at(start))
    for place in (middle, end):
        QApplication.sendEvent(view, _move(view, at(place)))
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=at(end))


def _move(view, at):
    held, bare = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    where = QPointF(view.mapToGlobal(at))
    return QMouseEvent(QEvent.Type.MouseMove, QPointF(at), where, held, held, bare)


def test_a_line_is_drawn_where_the_mouse_is_dragged_and_does_not_pan(window, qtbot):
    view = window.widgets.picture.view
    press(window, qtbot, Qt.Key.Key_L)
    measure = window.widgets.measure
    assert window.widgets.tabs.currentWidget() is measure
    drag(window, qtbot, (4.0, 6.0), (20.0, 18.0))
    (item,) = measure.items
    assert item.drawing.start == pytest.approx((4.0, 6.0), abs=0.2)
    assert item.drawing.end == pytest.approx((20.0, 18.0), abs=0.2)
    (length_nm,) = re.findall(r"^Line (\d+) nm, ", measure.words.text())
    assert int(length_nm) == pytest.approx(20 * 80, rel=0.02)
    assert window.widgets.picture.view == view
    drag(window, qtbot, (4.0, 25.0), (10.0, 25.0))
    assert len(measure.items) == 1, "the next drag pans again"
    assert window.widgets.picture.view != view


def test_what_is_drawn_can_be_moved_and_is_measured_where_it_lies(window, qtbot):
    measure = window.widgets.measure
    measure.add(Kind.REGION, (2.0, 2.0), (8.0, 8.0))
    before = measure.words.text()
    drag(window, qtbot, (5.0, 5.0), (21.0, 15.0))
    left, top, _, _ = measure.items[0].drawing.corners
    assert (left, top) == pytest.approx((18.0, 12.0), abs=0.3)
    assert measure.words.text() != before


def test_drawings_are_kept_over_results_stages_and_streams(window, feed, qtbot):
    measure = window.widgets.measure
    measure.add(Kind.LINE, (4.0, 4.0), (20.0, 4.0))
    measure.add(Kind.REGION, (2.0, 2.0), (8.0, 8.0))
    kept = [item.drawing for item in measure.items]
    press(window, qtbot, Qt.Key.Key_1)
    feed.take(1, result(11, stream="another"), 2.0)
    window.draw()
    measure.shown.setChecked(False)
    assert [item.drawing for item in measure.items] == kept
    assert "photo-electrons" in measure.words.text(), "hidden, and still measured"
    measure.list.setCurrentRow(0)
    assert "pixels across" in measure.words.text()


def test_the_chosen_one_is_taken_away(window, qtbot):
    measure = window.widgets.measure
    for x in (4.0, 8.0):
        measure.add(Kind.LINE, (x, 4.0), (x, 20.0))
    assert [measure.list.item(n).text() for n in range(2)] == ["Line 1", "Line 2"]
    measure.list.setCurrentRow(0)
    press(window, qtbot, Qt.Key.Key_Delete)
    assert [item.drawing.name for item in measure.items] == ["Line 2"]
    press(window, qtbot, Qt.Key.Key_Delete)
    press(window, qtbot, Qt.Key.Key_Delete)
    assert not measure.items
    assert not measure.save.isEnabled()


def test_a_profile_is_copied_and_saved(window, qtbot, tmp_path, monkeypatch):
    path = tmp_path / "line.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    measure = window.widgets.measure
    measure.add(Kind.LINE, (4.0, 4.0), (20.0, 4.0))
    measure.copy.click()
    copied = [line.split("\t") for line in QApplication.clipboard().text().splitlines()]
    assert copied[0] == ["distance (nm)", "photo-electrons"]
    measure.save.click()
    qtbot.waitUntil(lambda: "Saved" in window.widgets.notice.text(), timeout=WAIT_MS)
    with path.open(encoding="utf-8") as file:
        assert list(csv.reader(file)) == copied


def test_a_file_that_cannot_be_written_is_told(window, qtbot, tmp_path):
    window.user_actions.measure.save(tmp_path / "missing" / "line.csv", "a,b\n")
    notice = window.widgets.notice
    qtbot.waitUntil(lambda: "could not be saved" in notice.text(), timeout=WAIT_MS)
