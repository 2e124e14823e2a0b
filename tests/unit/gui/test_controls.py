"""The controls of the window: levels typed, colours seen, places jumped to, tips on all of them."""

from __future__ import annotations

import pytest

pytest.importorskip("qtpy.QtWidgets", reason="Qt's system libraries", exc_type=ImportError)

from dataclasses import replace

from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QListWidget,
    QMenuBar,
    QSlider,
    QTabBar,
    QTableWidget,
    QWidget,
)

from livesim_gui.state.stream.places import Places
from livesim_gui.state.time.among import Among
from livesim_gui.state.time.ring import Shot
from tests.support.shown import result
from tests.support.viewer_window import feed, make, window

__all__ = ["feed", "make", "window"]

CONTROLS = (QAbstractButton, QAbstractSpinBox, QComboBox, QLineEdit, QListWidget, QSlider)
UNITS = (
    "photo-electrons",
    "nm",
    "µm",
    "counted from",
    "times",
    "%",
    "no unit",
    "a second",
    "cycles",
)


def controls(window):
    """Return every control of the window and its dialogs, without the parts that Qt makes."""
    tops = (window, window.export, window.adapt, window.dose)
    found = [one for top in tops for one in top.findChildren(QWidget) if isinstance(one, CONTROLS)]
    made_by_qt = (QAbstractSpinBox, QComboBox, QMenuBar, QTabBar, QTableWidget)
    return [one for one in found if not isinstance(one.parent(), made_by_qt)]


def named(control):
    words = control.text() if hasattr(control, "text") else ""
    return f"{type(control).__name__} '{words}' in {type(control.parent()).__name__}"


def test_every_control_says_what_it_does(window):
    found = controls(window)
    assert len(found) > 60
    assert [named(one) for one in found if not one.toolTip().strip()] == []


def test_every_number_that_can_be_set_has_its_unit_in_the_tip(window):
    numbers = [one for one in controls(window) if isinstance(one, (QSlider, QAbstractSpinBox))]
    numbers += [window.widgets.contrast.low, window.widgets.contrast.high]
    assert len(numbers) > 8
    unsaid = [one for one in numbers if not any(unit in one.toolTip() for unit in UNITS)]
    assert [named(one) + one.toolTip() for one in unsaid] == []


def test_levels_are_typed(window, qtbot):
    panel = window.widgets.contrast
    for edit, value in ((panel.low, "-2.5"), (panel.high, "40")):
        edit.setFocus()
        edit.setText(value)
    qtbot.keyClick(panel.high, Qt.Key.Key_Return)
    window.draw()
    levels = window.viewer.display.scene.main.levels
    assert (levels.low, levels.high) == (-2.5, 40.0)
    assert not panel.automatic.isChecked()
    assert panel.range.getRegion() == pytest.approx((-2.5, 40.0))


def test_white_below_black_is_refused_in_words(window, qtbot):
    panel, before = window.widgets.contrast, window.viewer.display.scene.main.levels
    panel.low.setText("50")
    panel.high.setText("40")
    qtbot.keyClick(panel.high, Qt.Key.Key_Return)
    window.draw()
    assert "expected white above black" in window.widgets.notice.text()
    assert window.viewer.display.scene.main.levels == before


def test_letters_typed_into_a_field_are_no_keys_of_the_window(window, qtbot):
    panel = window.widgets.contrast
    panel.low.setFocus()
    panel.low.clear()
    qtbot.keyClicks(panel.low, "1e-1")
    assert panel.low.text() == "1e-1"
    assert not window.viewer.display.look.split


@pytest.mark.parametrize("name", ["viridis", "magma", "inferno", "cividis", "turbo", "grey"])
def test_colour_tables_are_offered_with_a_swatch(window, name):
    lut = window.widgets.contrast.lut
    at = lut.findText(name)
    assert at >= 0
    image = lut.itemIcon(at).pixmap(54, 12).toImage()
    left, right = (image.pixelColor(x, 6) for x in (0, image.width() - 1))
    assert left != right
    lut.setCurrentIndex(at)
    assert window.viewer.display.look.lut == name


def test_a_click_on_the_time_bar_jumps_there_and_says_where(window, qtbot):
    bar = window.widgets.time_bar
    qtbot.mouseClick(bar.slider, Qt.MouseButton.LeftButton, pos=QPoint(bar.slider.width() // 2, 8))
    window.draw()
    assert 4 <= window.viewer.display.scene.shot.number <= 5
    number = window.viewer.display.scene.shot.number
    assert bar.words.text().startswith(f"{number + 1} of 10 · time {number}, ")


def stacked(planes=3, positions=1):
    """Return results of two time points, plane after plane."""
    places = [
        (time, position, z)
        for time in range(2)
        for position in range(positions)
        for z in range(planes)
    ]
    made = []
    for n, (time, position, z) in enumerate(places):
        one = result(n)
        made.append(replace(one, index=replace(one.index, time=time, position=position, z=z)))
    return made


def test_places_are_those_of_which_there_are_results():
    places, shots = Places(), tuple(Shot(n, one) for n, one in enumerate(stacked(3, 2)))
    assert places.axes(None) == ()
    places.see(shots)
    assert [(axis.name, axis.words) for axis in places.axes(shots[4])] == [
        ("position", "2 of 2"),
        ("z", "2 of 3"),
    ]
    places.choose("z", 2)
    assert places.among(0) == Among(channel=0, z=2)
    places.choose("z", 7)
    assert places.among(None) == Among(), "there is no such plane"
    places.choose("z", None)
    assert not any(axis.chosen for axis in places.axes(shots[0]))


def test_sliders_choose_the_plane_and_go_where_there_are_none(window, feed):
    axes = window.widgets.axes
    assert not axes.isVisible()
    for one in stacked():
        feed.take(1, replace(one, stream="deep"), 3.0)
    window.draw()
    assert axes.isVisible()
    assert axes.rows["z"].slider.isVisible()
    assert not axes.rows["position"].slider.isVisible()
    assert axes.rows["z"].words.text() == "3 of 3"
    axes.rows["z"].slider.setValue(0)
    window.draw()
    assert window.viewer.display.scene.shot.result.index.z == 0
    assert len(window.viewer.time.shots) == 2, "time runs within the plane"
    assert axes.rows["z"].words.text() == "1 of 3"
    axes.rows["z"].newest.click()
    window.draw()
    assert window.viewer.display.scene.shot.result.index.z == 2
    assert len(window.viewer.time.shots) == 6


def test_a_slider_chooses_the_channel(window, feed):
    for channel in (0, 1):
        feed.take(1, result(20, channel=channel), 3.0)
    window.draw()
    row = window.widgets.axes.rows["channel"]
    assert row.slider.isVisible()
    assert not row.newest.isVisible()
    row.slider.setValue(1)
    window.draw()
    assert window.viewer.display.scene.shot.channel == 1
    assert row.words.text() == "2 of 2"
