"""Volumes in the window: the key, the box and the words over the picture."""

import numpy as np
import pytest

pytest.importorskip("qtpy.QtWidgets", reason="Qt's system libraries", exc_type=ImportError)

from qtpy.QtCore import Qt

from livesim.values.frames import StackIndex
from livesim.values.verdict import SHOWN
from livesim.wire.messages import StreamStart, TrustMaps
from livesim_gui.actions.trust import NO_ERROR, NO_VOLUME_YET, OVER_PLANES
from livesim_gui.state.picture.cut import Kind
from tests.support.viewer_window import feed, make, press
from tests.unit.gui.test_volumes import COLUMNS, PLANES, ROWS, volume

__all__ = ["feed", "make"]


def with_a_volume(make, feed):
    """Return a window that shows one volume of a stream."""
    shown = make()
    feed.take(1, StreamStart(stream="s", source="volumes", pixel_nm=80.0), 0.0)
    for one in volume():
        feed.take(1, one, 0.0)
    shown.draw()
    return shown


def test_a_key_and_a_box_go_through_the_cuts(make, feed, qtbot):
    shown = with_a_volume(make, feed)
    said = shown.widgets.picture.overlay
    assert said.captions.right.title.startswith("Plain")
    assert shown.widgets.axes.rows["z"].words.text() == "3 of 5"
    press(shown, qtbot, Qt.Key.Key_Z)
    assert "xz through" in said.captions.right.title
    assert shown.widgets.axes.cut.currentText() == "xz"
    shown.widgets.axes.cut_chosen.emit(Kind.BRIGHTEST)
    shown.draw()
    assert "brightest along z, 5 planes" in said.captions.right.title
    press(shown, qtbot, Qt.Key.Key_Z)
    assert "through" not in said.captions.right.title


def test_the_key_of_the_error_lays_what_is_shown_over_volumes_and_says_why(make, feed, qtbot):
    shown = with_a_volume(make, feed)
    display, said = shown.viewer.display, shown.notice
    press(shown, qtbot, Qt.Key.Key_T)
    assert said.words(0.0) == NO_VOLUME_YET
    assert display.scene.tint is None
    for z in range(PLANES):
        maps = {SHOWN: np.full((ROWS, COLUMNS), 0.5, np.float32)}
        feed.take(1, TrustMaps("s", StackIndex(z=z), maps), 0.0)
    shown.draw()
    assert display.look.map == SHOWN
    assert display.scene.tint.bar.title.startswith("Networks")
    assert not said.words(0.0)
    press(shown, qtbot, Qt.Key.Key_T)
    assert display.scene.tint is None
    press(shown, qtbot, Qt.Key.Key_T)
    assert display.scene.tint is not None
    assert said.words(0.0) == NO_ERROR
    press(shown, qtbot, Qt.Key.Key_T)
    press(shown, qtbot, Qt.Key.Key_Z)
    press(shown, qtbot, Qt.Key.Key_T)
    assert said.words(0.0) == OVER_PLANES
    assert display.scene.tint is None
