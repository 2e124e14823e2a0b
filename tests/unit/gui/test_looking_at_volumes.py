"""Volumes in the window: the key, the box and the words over the picture."""

import pytest

pytest.importorskip("qtpy.QtWidgets", reason="Qt's system libraries", exc_type=ImportError)

from qtpy.QtCore import Qt

from livesim.wire.messages import StreamStart
from livesim_gui.state.picture.cut import Kind
from tests.support.viewer_window import feed, make, press
from tests.unit.gui.test_volumes import volume

__all__ = ["feed", "make"]


def test_a_key_and_a_box_go_through_the_cuts(make, feed, qtbot):
    shown = make()
    feed.take(1, StreamStart(stream="s", source="volumes", pixel_nm=80.0), 0.0)
    for one in volume():
        feed.take(1, one, 0.0)
    shown.draw()
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
