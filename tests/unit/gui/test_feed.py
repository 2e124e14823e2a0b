"""What threads bring, and how it becomes one scene; a link to an engine on real sockets."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from livesim.wire.messages import StreamEnd, StreamStart
from livesim_gui.link import Link
from livesim_gui.state.picture.look import Look
from livesim_gui.state.picture.scene import value_at
from livesim_gui.state.picture.stages import (
    NETWORK,
    PLAIN,
    RESTORED,
    STEP_ONE,
    WIDEFIELD,
    stages_of,
)
from livesim_gui.state.stream.connection import Connection
from livesim_gui.state.stream.facts import StreamFacts
from livesim_gui.state.stream.feed import Feed
from livesim_gui.state.stream.hint import hint
from livesim_gui.state.time.ring import Ring
from livesim_gui.state.time.timeline import Mode
from livesim_gui.state.viewer import Viewer
from tests.doubles.fake_engine import FakeEngine, engine_status, in_use
from tests.support.shown import result
from tests.support.waiting import wait_for

WAIT_S = 60.0


@pytest.fixture
def feed():
    feed = Feed(Ring())
    feed.begin("tcp://127.0.0.1:1")
    return feed


def filled(feed, times=range(5), **kind):
    for time_point in times:
        feed.take(1, result(time_point, **kind), 0.1 * time_point)
    return feed


def test_what_an_older_connection_brings_is_dropped(feed):
    feed.begin("tcp://127.0.0.1:2")
    filled(feed)
    feed.answer(1, engine_status())
    feed.silence(1, "too late")
    news = feed.news(0.0)
    assert (news.shots, news.status, news.words) == ((), None, None)
    assert news.connection is Connection.WAITING


def test_another_stream_begins_with_an_empty_memory(feed):
    filled(feed)
    feed.take(1, result(0, stream="other"), 1.0)
    news = feed.news(1.0)
    assert [shot.result.stream for shot in news.shots] == ["other"]
    assert news.stream == "other"


def test_the_end_of_the_stream_keeps_the_results(feed):
    filled(feed)
    feed.take(1, StreamEnd(stream="s"), 1.0)
    assert feed.news(1.0).ended
    assert len(feed.news(1.0).shots) == 5


def test_facts_of_the_stream_win_over_what_was_given(feed):
    feed = Feed(Ring(), StreamFacts(pixel_nm=100.0))
    generation = feed.begin("a")
    feed.take(generation, StreamStart(stream="s", pixel_nm=65.0, source="camera"), 0.0)
    assert feed.news(0.0).facts.pixel_nm == 65.0
    feed.take(generation, StreamStart(stream="t"), 0.0)
    assert feed.news(0.0).facts.pixel_nm == 100.0


def test_what_the_engine_uses_wins_and_stays_known_after_the_stream(feed):
    feed.take(1, StreamStart(stream="s", pixel_nm=65.0, source="camera"), 0.0)
    feed.answer(1, engine_status(in_use=in_use(pixel_nm=80.0)))
    facts = feed.news(0.0).facts
    assert (facts.pixel_nm, facts.source) == (80.0, "simulated microscope")
    assert facts.found == ((5.0, 0.0),) * 3
    assert facts.attainable_nm == 110.0
    feed.answer(1, engine_status(stream=None))
    assert feed.news(1.0).facts == facts


def test_what_the_engine_uses_for_another_stream_is_not_taken(feed):
    feed.take(1, StreamStart(stream="s", pixel_nm=65.0), 0.0)
    feed.answer(1, engine_status(stream="t", in_use=in_use()))
    assert feed.news(0.0).facts.pixel_nm == 65.0


def test_the_rate_counts_the_last_seconds(feed):
    filled(feed, range(60))
    assert feed.news(6.0).per_second == pytest.approx(10.0, abs=0.5)
    assert feed.news(100.0).per_second == 0.0


def test_silence_after_an_answer_means_that_the_engine_is_lost(feed):
    feed.silence(1, "none")
    assert feed.news(0.0).connection is Connection.WAITING
    feed.answer(1, engine_status())
    feed.silence(1, "none")
    assert feed.news(0.0).connection is Connection.LOST


def test_stages_have_their_places_and_names():
    plain = stages_of(result())
    assert list(plain) == [WIDEFIELD, PLAIN]
    assert [stage.step for stage in plain.values()] == [1.0, 0.5]
    one = result(plain=True)
    restored = stages_of(one)
    assert list(restored) == [WIDEFIELD, PLAIN, RESTORED]
    assert restored[PLAIN].image is one.plain
    assert restored[RESTORED].image is one.image


def test_the_stages_on_the_way_stand_between_the_plain_and_the_restored_image(feed):
    one = result(step_one=True, network=True)
    stages = stages_of(one)
    assert list(stages) == [WIDEFIELD, PLAIN, STEP_ONE, NETWORK, RESTORED]
    assert stages[STEP_ONE].image is one.step_one
    assert stages[NETWORK].image is one.network
    assert [name for name, stage in stages.items() if stage.warning] == [NETWORK]
    viewer = Viewer(filled(feed, step_one=True), Look(stage=STEP_ONE, other=RESTORED, split=True))
    scene = viewer.tick(0.0)
    assert (scene.main.stage.name, scene.left.stage.name) == (STEP_ONE, RESTORED)
    assert viewer.shown().what == "result"


def test_the_most_processed_stage_is_shown_first_and_the_swap_shows_widefield(feed):
    viewer = Viewer(filled(feed, plain=True))
    assert viewer.tick(0.0).main.stage.name == RESTORED
    viewer.display.look = viewer.display.look.swap()
    assert viewer.tick(0.0).main.stage.name == WIDEFIELD
    viewer.display.look = viewer.display.look.show(PLAIN)
    assert viewer.tick(0.0).main.stage.name == PLAIN
    viewer.display.look = viewer.display.look.swap()
    assert viewer.tick(0.0).main.stage.name == WIDEFIELD


def test_networks_that_come_and_go_are_followed_unless_another_stage_was_chosen(feed):
    viewer = Viewer(filled(feed))
    for at, plain, name in ((20, False, PLAIN), (21, True, RESTORED)):
        feed.take(1, result(at, plain=plain), 0.1 * at)
        assert viewer.tick(0.1 * at).main.stage.name == name
    viewer.display.look = viewer.display.look.show(PLAIN)
    assert viewer.tick(2.2).main.stage.name == PLAIN
    feed.take(1, result(23, plain=True), 2.3)
    assert viewer.tick(2.3).main.stage.name == PLAIN


def test_a_stage_that_the_stream_does_not_have_is_replaced(feed):
    viewer = Viewer(filled(feed), Look(stage=RESTORED, other=RESTORED))
    scene = viewer.tick(0.0)
    assert (scene.look.stage, scene.look.other) == (PLAIN, WIDEFIELD)


def test_a_split_view_paints_both_stages(feed):
    viewer = Viewer(filled(feed), Look(split=True))
    scene = viewer.tick(0.0)
    assert scene.left.stage.name == WIDEFIELD
    assert scene.left.pixels.shape == (32, 32)
    assert scene.main.pixels.shape == (64, 64)
    assert replace(scene.look).divided_at(7.0).divider == 0.98


def test_nothing_is_painted_twice(feed):
    viewer = Viewer(filled(feed))
    assert viewer.tick(0.0) is not None
    assert viewer.tick(0.1) is None
    viewer.display.look = replace(viewer.display.look, gamma=0.5)
    assert viewer.tick(0.2) is not None
    feed.take(1, result(5), 0.3)
    assert viewer.tick(0.3).shot.result.index.time == 5


def test_only_as_many_pixels_are_painted_as_the_screen_has(feed):
    viewer = Viewer(filled(feed))
    viewer.display.screen_per_raw = 0.5
    scene = viewer.tick(0.0)
    assert (scene.main.pixels.shape, scene.main.step) == ((16, 16), 2.0)


def test_while_one_result_is_held_the_stream_goes_on(feed):
    viewer = Viewer(filled(feed))
    viewer.tick(0.0)
    viewer.time.step(-2)
    assert viewer.tick(0.1).shot.result.index.time == 2
    filled(feed, range(5, 9))
    assert viewer.tick(0.2) is None
    assert len(viewer.time.shots) == 9
    viewer.time.play_or_hold(1.0)
    assert viewer.time.timeline.mode is Mode.PLAYING
    assert viewer.tick(1.21).shot.result.index.time == 4
    viewer.time.play_or_hold(1.3)
    assert viewer.time.timeline.mode is Mode.HELD


def test_playing_at_the_newest_begins_with_the_oldest(feed):
    viewer = Viewer(filled(feed))
    viewer.tick(0.0)
    viewer.time.hold()
    viewer.time.play_or_hold(1.0)
    assert viewer.tick(1.0).shot.result.index.time == 0


def test_another_stream_goes_live_with_its_own_contrast(feed):
    viewer = Viewer(filled(feed))
    viewer.tick(0.0)
    viewer.time.hold()
    viewer.display.contrast(WIDEFIELD).set(1.0, 2.0)
    before = viewer.display.scene.main.levels
    feed.take(1, result(0, stream="other", value=900.0), 1.0)
    scene = viewer.tick(1.0)
    assert viewer.time.timeline.mode is Mode.LIVE
    assert scene.main.levels.high > 5 * before.high
    assert viewer.display.contrast(WIDEFIELD).manual, "levels set by hand stay"


def test_of_several_channels_one_is_shown(feed):
    for time_point in range(6):
        feed.take(1, result(time_point, channel=time_point % 2), 0.1 * time_point)
    viewer = Viewer(feed)
    assert viewer.tick(0.0).shot.channel == 0
    assert viewer.channels.available == (0, 1)
    viewer.channels.chosen = 1
    assert viewer.tick(0.1).shot.result.index.time == 5
    viewer.time.step(-1)
    assert viewer.tick(0.2).shot.result.index.time == 3


def test_the_value_at_a_place_is_that_of_the_nearest_pixel():
    stages = stages_of(result(3))
    image = stages[PLAIN].image
    assert value_at(stages[PLAIN], 4.6, 16.1) == image[32, 9] == 100.0
    assert value_at(stages[WIDEFIELD], 4.6, 16.1) == stages[WIDEFIELD].image[16, 5]
    assert value_at(stages[WIDEFIELD], -0.6, 0.0) is None
    assert value_at(stages[WIDEFIELD], 31.6, 0.0) is None


def test_a_snapshot_is_of_the_stage_that_is_shown(feed):
    viewer = Viewer(filled(feed))
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert viewer.snapshot(now) is None
    scene = viewer.tick(0.0)
    shot = viewer.snapshot(now)
    assert shot.stage is scene.main.stage


def test_the_tracking_history_follows_the_answers(feed):
    viewer = Viewer(feed)
    for n in range(3):
        feed.answer(1, engine_status())
        viewer.tick(float(n))
        viewer.tick(float(n) + 0.1)
    assert viewer.history.seconds().size == 3
    feed.take(1, result(0, stream="other"), 3.0)
    viewer.tick(3.0)
    assert viewer.history.angles == 0


def test_a_link_brings_status_facts_and_results():
    feed = Feed(Ring())
    with FakeEngine(in_use=in_use(pixel_nm=80.0)) as engine:
        link = Link(engine.address, feed)
        wait_for(lambda: feed.news(0.0).connection is Connection.CONNECTED)
        # A subscriber hears nothing until its connection stands.
        wait_for(lambda: engine.publish(result(1)) or feed.news(0.0).shots)
        wait_for(lambda: feed.news(0.0).facts.pixel_nm == 80.0)
        shot = feed.news(0.0).shots[-1]
        np.testing.assert_array_equal(shot.result.image, result(1).image)
        link.close(wait_s=WAIT_S)
    assert feed.news(0.0).connection is Connection.NONE
    assert feed.news(0.0).shots, "the results stay to be looked at"


def test_without_keys_for_another_machine_a_link_says_what_is_missing(tmp_path):
    feed = Feed(Ring())
    link = Link(f"tcp://192.0.2.1:5603?keys={tmp_path}", feed)
    wait_for(lambda: feed.news(0.0).words)
    assert "key" in hint(feed.news(0.0))
    assert feed.news(0.0).connection is Connection.NONE
    link.close(wait_s=WAIT_S)


def test_a_link_notices_that_the_engine_is_gone_and_ends_at_once():
    feed = Feed(Ring())
    with FakeEngine() as engine:
        link = Link(engine.address, feed)
        wait_for(lambda: feed.news(0.0).connection is Connection.CONNECTED)
    wait_for(lambda: feed.news(0.0).connection is Connection.LOST)
    assert "expected an engine" in feed.news(0.0).words
    link.close(wait_s=WAIT_S)
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name.startswith("livesim-")]
