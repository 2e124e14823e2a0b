"""The parts of the viewer's state, each by itself: no window, no other part."""

from __future__ import annotations

import pytest

from livesim_gui.state.picture.display import Display
from livesim_gui.state.picture.scene import value_words
from livesim_gui.state.picture.stages import PLAIN, WIDEFIELD, stages_of
from livesim_gui.state.stream.channels import Channels
from livesim_gui.state.stream.feed import Feed
from livesim_gui.state.stream.stream import Stream
from livesim_gui.state.time.among import Among
from livesim_gui.state.time.playback import Playback
from livesim_gui.state.time.ring import Shot
from livesim_gui.state.time.timeline import Mode
from tests.doubles.fake_engine import engine_status
from tests.support.shown import result


def shots(count, channels=1):
    kinds = [(time, channel) for time in range(count) for channel in range(channels)]
    return tuple(Shot(n, result(time, channel=c)) for n, (time, c) in enumerate(kinds))


def test_the_first_channel_is_wanted_until_one_is_chosen():
    channels = Channels()
    assert (channels.wanted, channels.only) == (0, None)
    channels.see(shots(1, channels=3)[1:])
    assert (channels.available, channels.wanted, channels.only) == ((1, 2), 1, 1)
    channels.choose(2)
    assert (channels.wanted, channels.only) == (2, 2)
    channels.see(shots(1))
    assert channels.only is None, "with one channel there is nothing to choose"


def test_channels_are_merged_only_where_there_are_several():
    channels, some = Channels(), shots(2, channels=2)
    channels.switch_merge()
    channels.see(shots(1))
    assert channels.layers(some[0], some) == ()
    channels.see(some)
    layers = channels.layers(some[2], some)
    assert [(layer.shot.number, layer.lut) for layer in layers] == [(2, "green"), (3, "magenta")]
    channels.show(some[3])
    channels.switch_shown()
    assert [layer.shot.number for layer in channels.layers(some[2], some)] == [2]


def test_playback_moves_among_the_results_of_one_channel():
    playback, some = Playback(), shots(4, channels=2)
    playback.remember(some, Among(channel=1))
    playback.shown = playback.advance(0.0)
    assert playback.shown is some[-1]
    playback.step(-1)
    assert playback.advance(0.1) is some[5]
    playback.go_to(99)
    assert playback.advance(0.2) is some[5], "there is no such place"
    playback.go_to(0)
    assert playback.advance(0.3) is some[1]
    playback.go_live()
    assert playback.advance(0.4) is some[-1]


def test_without_results_nothing_can_be_played():
    playback = Playback()
    playback.step(1)
    playback.play_or_hold(0.0)
    playback.hold()
    assert playback.advance(1.0) is None
    assert playback.timeline.mode is Mode.LIVE


def test_the_folder_of_a_recording_is_that_of_its_own_stream():
    feed = Feed()
    stream, generation = Stream(feed), feed.begin("tcp://127.0.0.1:1")
    feed.take(generation, result(0), 0.0)
    feed.answer(generation, engine_status(recording="/data/one"))
    stream.update(0.0)
    assert stream.folder == stream.last_folder == "/data/one"
    feed.take(generation, result(0, stream="other"), 1.0)
    before = stream.update(1.0)
    assert not stream.news.is_of_stream(before)
    assert (stream.folder, stream.last_folder) == (None, "/data/one")


def test_a_display_paints_again_only_what_has_changed():
    display, (shot,) = Display(), shots(1)
    assert display.paint(shot, (), None, 0.0) is display.scene
    assert display.paint(shot, (), None, 0.1) is None
    display.zoom(0.5)
    assert display.paint(shot, (), None, 0.2).main.step == 2.0
    display.change(lambda look: look.show(WIDEFIELD))
    assert display.paint(shot, (), None, 0.3).main.stage.name == WIDEFIELD
    display.clear()
    assert display.scene is None
    assert display.paint(shot, (), None, 0.4) is not None


def test_levels_left_as_they_are_stay_until_they_follow_again():
    display = Display()
    display.paint(Shot(0, result(0)), (), None, 0.0)
    held = display.contrast().levels
    display.contrast().follow(False)
    scene = display.paint(Shot(1, result(1, value=900.0)), (), None, 5.0)
    assert scene.main.levels == held
    display.contrast().follow()
    scene = display.paint(Shot(2, result(2, value=900.0)), (), None, 5.0)
    assert scene.main.levels.high > 5 * held.high


@pytest.mark.parametrize(
    ("x", "y", "pixel_um", "words"),
    [
        (4.6, 16.1, None, "x 4.6, y 16.1: 100.0 photo-electrons"),
        (4.6, 16.1, 0.1, "x 4.6, y 16.1 (0.46 µm, 1.61 µm): 100.0 photo-electrons"),
        (-3.0, 0.0, 0.1, ""),
    ],
)
def test_the_value_under_the_mouse_is_put_in_words(x, y, pixel_um, words):
    assert value_words(stages_of(result(3))[PLAIN], x, y, pixel_um) == words
