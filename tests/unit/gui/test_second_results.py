"""Plain results first and fuller ones later: which is shown, how old it is, and what is said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from livesim.values.frames import StackIndex
from livesim.values.results import Result
from livesim.values.verdict import TrustWord
from livesim.wire.messages import StreamStart
from livesim.wire.status import LatencyStatus
from livesim.wire.stream_status import NetworksStatus
from livesim_gui.state.health.health import health_of
from livesim_gui.state.health.reached import pair_of
from livesim_gui.state.picture.look import Look
from livesim_gui.state.picture.stages import NETWORK, PLAIN, RESTORED, STEP_ONE, WIDEFIELD
from livesim_gui.state.stream.connection import Connection
from livesim_gui.state.stream.edge import edge_words
from livesim_gui.state.stream.feed import Feed, News
from livesim_gui.state.time.pace import PATIENCE_S, Pace, Wish
from livesim_gui.state.time.ring import Ring
from livesim_gui.state.time.timeline import Mode
from livesim_gui.state.trust.trusted import trusted
from livesim_gui.state.viewer import Viewer
from tests.doubles.fake_engine import engine_status, in_use, trust_status
from tests.support.shown import result

SLOW, QUICK = 2.0, 0.01


def first(time, **kind):
    return replace(result(time, **kind), provisional=True)


def second(time, **kind):
    return result(time, plain=True, **kind)


def mean(time):
    made = result(time)
    return replace(made, image=made.widefield, searching=True)


def at_work(run="newest", per_second=0.4, of_per_second=11.0):
    networks = NetworksStatus(run=run, per_second=per_second, of_per_second=of_per_second)
    with_models = in_use().model_copy(update={"models": {"one.safetensors": "0"}})
    return engine_status(in_use=with_models, networks=networks)


# The ring


def test_the_fuller_result_takes_the_place_of_the_first():
    ring = Ring()
    ring.add(first(0), 1.0)
    ring.add(first(1), 2.0)
    held = ring.shots[0]
    ring.add(second(0), 3.5)
    assert [shot.number for shot in ring.shots] == [0, 1], "in their order"
    assert not ring.shots[0].result.provisional
    assert ring.shots[0] is not held
    assert (ring.shots[0].arrived_s, ring.shots[0].took_s) == (1.0, 2.5)
    sizes = [shot.result for shot in ring.shots]
    alone = Ring()
    for one in sizes:
        alone.add(one)
    assert ring.bytes == alone.bytes


def test_a_mean_makes_room_for_the_plain_image_and_that_for_the_networks():
    ring = Ring()
    for number, made in enumerate((mean(0), first(0), second(0))):
        ring.add(made, float(number))
        assert len(ring.shots) == 1
    assert ring.shots[0].result.plain is not None


@pytest.mark.parametrize(
    "other",
    [
        second(1),
        replace(second(0), stream="other"),
        replace(second(0), index=StackIndex(time=0, channel=1)),
        replace(second(0), last_received_ns=7),  # of the newest frames, while they are rolling
    ],
)
def test_the_result_of_another_stack_is_another(other):
    ring = Ring()
    ring.add(first(0))
    ring.add(other)
    assert len(ring.shots) == 2


def test_a_fuller_result_gives_way_to_none():
    ring = Ring()
    for made in (second(0), first(0), second(0), second(0)):
        ring.add(made)
    assert [shot.result.provisional for shot in ring.shots] == [False, False, False]


# The live edge


class Edge:
    """Results as they come, and what is shown at the live edge."""

    def __init__(self):
        self.ring, self.pace = Ring(), Pace()
        self.shown = None

    def take(self, made: Result, now_s: float):
        self.ring.add(made, now_s)

    def look(self, now_s: float, wish=Wish.EITHER):
        self.shown = self.pace.choose(self.ring.shots, self.shown, now_s, wish)
        kind = "plain" if self.shown.result.provisional else "networks"
        return self.shown.result.index.time, kind


def test_where_networks_keep_up_no_plain_picture_flashes():
    edge, shown = Edge(), []
    for time in range(5):
        edge.take(first(time), time * 0.1)
        shown.append(edge.look(time * 0.1 + QUICK / 2))
        edge.take(second(time), time * 0.1 + QUICK)
        shown.append(edge.look(time * 0.1 + 2 * QUICK))
    assert shown[0] == (0, "plain"), "there is no other yet"
    assert {kind for _, kind in shown[1:]} == {"networks"}
    assert [time for time, _ in shown[1::2]] == [0, 1, 2, 3, 4]


def test_where_they_fall_behind_the_newest_plain_picture_is_shown_and_time_runs_forward():
    edge, shown = Edge(), []
    for time in range(60):
        now = time * 0.1
        edge.take(first(time), now)
        if time % 20 == 19:
            edge.take(second(time - 15), now)
        shown.append(edge.look(now))
    assert [time for time, _ in shown] == sorted(time for time, _ in shown)
    assert [time for time, _ in shown[-20:]] == list(range(40, 60))


def test_networks_that_stall_hold_the_picture_for_a_moment_alone():
    edge = Edge()
    for time in range(3):
        edge.take(first(time), time * 0.1)
        edge.take(second(time), time * 0.1 + QUICK)
    edge.take(first(3), 0.3)
    assert edge.look(0.3 + PATIENCE_S / 2) == (2, "networks")
    assert edge.look(0.3 + 1.1 * PATIENCE_S) == (3, "plain")
    edge.take(second(3), 0.3 + SLOW)
    assert edge.look(0.3 + SLOW) == (3, "networks"), "the same stack, and fuller"
    edge.take(first(4), 3.0)
    assert edge.look(3.0) == (4, "plain"), "not trusted to be quick again"
    edge.take(second(4), 3.0 + QUICK)
    edge.take(first(5), 3.1)
    assert edge.look(3.1) == (4, "networks"), "quick again"


def test_a_picture_that_was_shown_plain_never_gives_way_to_an_older_one():
    edge = Edge()
    edge.take(first(0), 0.0)
    edge.take(first(1), 0.1)
    assert edge.look(0.1) == (1, "plain")
    edge.take(second(0), 0.11)
    assert edge.look(0.12) == (1, "plain")


@pytest.mark.parametrize(
    ("wish", "shown"), [(Wish.NETWORKS, (0, "networks")), (Wish.PLAIN, (9, "plain"))]
)
def test_what_the_user_wants_is_shown_however_old_it_is(wish, shown):
    edge = Edge()
    for time in range(10):
        edge.take(first(time), float(time))
    edge.take(second(0), 9.0)
    assert edge.look(9.5, wish) == shown


@pytest.mark.parametrize(
    ("look", "wish"),
    [
        (Look(), Wish.EITHER),
        (Look(stage=RESTORED), Wish.EITHER),
        (Look(stage=PLAIN).show(RESTORED), Wish.NETWORKS),
        (Look(stage=RESTORED).show(RESTORED), Wish.NETWORKS),
        (Look(stage=RESTORED).show(PLAIN), Wish.PLAIN),
        (Look(stage=RESTORED, other=WIDEFIELD).swap(), Wish.PLAIN),
        (replace(Look(stage=RESTORED).show(WIDEFIELD), split=True), Wish.NETWORKS),
    ],
)
def test_a_stage_that_was_chosen_says_what_is_wanted(look, wish):
    assert look.wish is wish


# The viewer


@pytest.fixture
def viewer():
    feed = Feed()
    feed.begin("tcp://127.0.0.1:1")
    feed.take(1, StreamStart(stream="s", source="simulated", pixel_nm=80.0), 0.0)
    return Viewer(feed)


def test_the_buttons_of_the_stages_stay_while_results_come_without_their_networks(viewer):
    viewer.stream.feed.take(1, first(0), 0.0)
    assert viewer.tick(0.0).main.stage.name == PLAIN
    assert viewer.display.stages == (WIDEFIELD, PLAIN, RESTORED)
    viewer.stream.feed.take(1, second(0), 0.1)
    assert viewer.tick(0.1).main.stage.name == RESTORED
    viewer.stream.feed.take(1, first(1), 1.0)
    scene = viewer.tick(1.0 + 2 * PATIENCE_S)
    assert (scene.shot.result.index.time, scene.main.stage.name) == (1, PLAIN)
    assert viewer.display.stages == (WIDEFIELD, PLAIN, RESTORED)
    viewer.display.change(lambda look: look.show(RESTORED))
    scene = viewer.tick(2.0)
    assert (scene.shot.result.index.time, scene.main.stage.name) == (0, RESTORED)
    viewer.display.change(lambda look: look.show(PLAIN))
    assert viewer.tick(2.1).shot.result.index.time == 1
    viewer.stream.feed.take(1, second(1), 2.2)
    assert viewer.tick(2.3).main.stage.name == PLAIN, "as it was chosen"


def test_stages_are_offered_though_no_result_that_has_them_is_shown(viewer):
    viewer.stream.feed.take(1, first(0), 0.0)
    viewer.stream.feed.take(1, first(1), 5.0)
    assert viewer.tick(9.0).main.stage.name == PLAIN
    viewer.stream.feed.take(1, second(0, step_one=True, network=True), 10.0)
    viewer.stream.feed.take(1, first(2), 10.0)
    scene = viewer.tick(10.0)
    assert (scene.shot.result.index.time, scene.main.stage.name) == (2, PLAIN)
    assert viewer.display.stages == (WIDEFIELD, PLAIN, STEP_ONE, NETWORK, RESTORED)


@pytest.mark.parametrize("run", ["off", "held"])
def test_who_wants_networks_that_are_at_rest_sees_the_newest_picture(viewer, run):
    viewer.stream.feed.answer(1, at_work(run))
    for made in (first(0), second(0), first(1)):
        viewer.stream.feed.take(1, made, 0.0)
    viewer.display.change(lambda look: look.show(RESTORED))
    assert viewer.tick(10.0).shot.result.index.time == 1


def test_a_held_picture_is_replaced_by_the_fuller_one(viewer):
    for time in range(3):
        viewer.stream.feed.take(1, first(time), float(time))
    viewer.tick(2.0)
    viewer.time.hold()
    viewer.stream.feed.take(1, first(3), 3.0)
    assert viewer.tick(3.0) is None
    viewer.stream.feed.take(1, second(2), 4.0)
    scene = viewer.tick(4.0)
    assert (scene.shot.result.index.time, scene.main.stage.name) == (2, RESTORED)


def test_while_the_pattern_is_searched_for_the_mean_is_shown(viewer):
    viewer.stream.feed.take(1, mean(0), 0.0)
    assert viewer.tick(0.0).main.stage.name == WIDEFIELD
    assert viewer.display.stages == (WIDEFIELD,)
    viewer.stream.feed.take(1, first(0), 1.0)
    assert viewer.tick(1.0).main.stage.name == PLAIN


def test_the_resolution_of_a_mean_is_not_measured():
    ring = Ring()
    for made in (mean(0), mean(1), first(2), first(3)):
        ring.add(made)
    *means, plain, newest = ring.shots
    assert pair_of(means[1], ring.shots, 80.0) is None
    assert pair_of(plain, ring.shots, 80.0) is None, "with a mean before it"
    assert pair_of(newest, ring.shots, 80.0) is not None


# Words


@pytest.mark.parametrize(
    ("made", "status", "now_s", "words"),
    [
        (second(0), at_work(per_second=11.0), 0.1, ""),
        (second(0), None, 7.0, "7.0 s old"),
        (second(0), None, 70.0, "70 s old"),
        (first(0), at_work(), 0.1, "networks 0.4/s of 11/s"),
        (second(0), at_work(), 2.5, "2.5 s old, networks 0.4/s of 11/s"),
        (first(0), at_work("off"), 0.1, "networks off"),
        (first(0), at_work("held"), 0.1, "networks only when held"),
        (first(0), at_work(5), 0.1, "networks on every 5th stack"),
        (mean(0), None, 0.1, "the pattern is searched for"),
    ],
)
def test_how_old_the_picture_is_and_how_the_networks_keep_up(made, status, now_s, words):
    ring = Ring()
    shot = ring.add(replace(made, published_ns=made.last_received_ns), 0.0)
    assert edge_words(News(status=status), shot, Mode.LIVE, now_s) == words


def test_the_age_needs_no_clock_of_the_engine():
    ring = Ring()
    made = replace(result(0), last_received_ns=10**9, published_ns=3 * 10**9)
    shot = ring.add(made, 1000.0)
    assert shot.age_s(1000.5) == pytest.approx(2.5)
    assert edge_words(News(ended=True), shot, Mode.LIVE, 2000.0) == "", "nothing new is to come"
    assert edge_words(News(), shot, Mode.HELD, 2000.0) == "", "that is said elsewhere"


def test_a_verdict_ends_with_its_stream():
    of_last = trust_status(stream="last", word=TrustWord.DO_NOT_TRUST)
    with_models = at_work().in_use
    running = engine_status(trust=of_last, in_use=with_models)
    assert trusted(running).word == "… not judged yet"
    assert not [one for one in running.figures if one.name.startswith("trust")]
    assert trusted(engine_status(trust=trust_status(), in_use=with_models)).word == "✔ trusted"
    off = NetworksStatus(run="off")
    assert trusted(engine_status(in_use=with_models, networks=off)).reasons[0] == (
        "The networks are switched off."
    )


def test_how_long_the_networks_take_is_said_apart():
    slow = LatencyStatus(results=3, p50_ms=2400.0, p95_ms=2600.0, p99_ms=2600.0)
    news = News(connection=Connection.CONNECTED, status=engine_status(network_latency=slow))
    lines = {line.label: line.value for line in health_of(news).lines}
    assert lines["Last raw frame to result"] == "9 ms (95 %: 12 ms)"
    assert lines["… to the networks' image"] == "2400 ms (95 %: 2600 ms)"
