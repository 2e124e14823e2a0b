"""Several channels merged: which results belong together, and what is painted of them."""

from __future__ import annotations

import numpy as np
import pytest

from livesim.images.levels import Levels
from livesim_gui.state.stream.channels import Merge, together
from livesim_gui.state.stream.feed import Feed
from livesim_gui.state.time.ring import Shot
from livesim_gui.state.viewer import Viewer
from tests.support.shown import result


def shot(number, time, channel):
    return Shot(number, result(time, channel=channel))


@pytest.fixture
def viewer():
    """Return a viewer of three time points of two channels."""
    feed = Feed()
    feed.begin("tcp://127.0.0.1:1")
    for time in range(3):
        for channel in (0, 1):
            feed.take(1, result(time, channel=channel), 0.1 * time)
    viewer = Viewer(feed)
    viewer.display.screen_per_raw = 8.0
    viewer.tick(0.0)
    viewer.channels.merge = viewer.channels.merge.switch()
    viewer.tick(0.0)
    return viewer


def painted(viewer):
    viewer.tick(1.0)
    return viewer.display.scene.main.pixels


def test_the_same_time_point_belongs_together_or_else_the_one_before():
    shots = [shot(0, 0, 0), shot(1, 0, 1), shot(2, 1, 0), shot(3, 1, 1), shot(4, 2, 0)]
    assert together(shots[2], shots, (0, 1)) == (shots[2], shots[3])
    assert together(shots[4], shots, (0, 1)) == (shots[4], shots[3])
    assert together(shots[1], shots[1:], (0, 1)) == (shots[1],)
    assert together(shots[2], shots, (1,)) == (shots[3],)


def test_merging_adds_green_and_magenta(viewer):
    assert viewer.display.scene.main.pixels.shape == (64, 64, 3)
    for channel in (0, 1):
        viewer.channels.chosen = channel
        viewer.tick(0.1)
        viewer.display.contrast("plain").set(0.0, 40.0)
    viewer.tick(0.2)
    # 20 of 40 in both channels: half green and half magenta are grey.
    np.testing.assert_array_equal(painted(viewer)[4, 60], [127, 127, 127])
    viewer.display.contrast("plain").set(0.0, 20.0)  # of the second channel
    np.testing.assert_array_equal(painted(viewer)[4, 60], [255, 127, 255])


def test_a_hidden_channel_is_left_out_and_the_last_one_stays(viewer):
    viewer.channels.chosen = 1
    viewer.tick(0.1)
    viewer.channels.switch_shown()
    assert painted(viewer)[..., (0, 2)].max() == 0  # green alone
    viewer.channels.chosen = 0
    viewer.tick(0.2)
    viewer.channels.switch_shown()
    assert viewer.channels.merge.shown(viewer.channels.available) == (0,)


def test_a_colour_is_that_of_the_chosen_channel_alone(viewer):
    viewer.channels.chosen = 1
    viewer.tick(0.1)
    viewer.colour("cyan")
    assert viewer.lut == "cyan"
    assert painted(viewer)[..., 0].max() == 0
    assert viewer.display.look.lut == "grey"
    viewer.channels.chosen = 0
    viewer.tick(0.2)
    assert viewer.lut == "green"


def test_one_channel_by_itself_is_as_before(viewer):
    viewer.channels.merge = viewer.channels.merge.switch()
    assert painted(viewer).ndim == 2
    viewer.colour("fire")
    assert viewer.display.look.lut == "fire"


def test_what_is_merged_is_exported_as_it_is_shown(viewer):
    shown = viewer.shown()
    assert (shown.channels, shown.luts) == ((0, 1), ("green", "magenta"))
    assert len(shown.levels) == 2
    assert all(isinstance(levels, Levels) for levels in shown.levels)


def test_a_stream_of_one_channel_has_nothing_to_merge():
    feed = Feed()
    feed.begin("tcp://127.0.0.1:1")
    feed.take(1, result(0), 0.0)
    viewer = Viewer(feed)
    viewer.channels.merge = Merge(on=True)
    viewer.tick(0.0)
    assert viewer.display.scene.main.pixels.ndim == 2
    assert viewer.shown().channels == ()
