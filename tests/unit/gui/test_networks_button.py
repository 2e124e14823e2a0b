"""The button below the picture that says when the networks work; what is held asks for them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from livesim.values.frames import StackIndex
from livesim.wire.control import HeldRequest, NetworksRequest
from livesim.wire.status import EngineState
from livesim.wire.stream_status import SteeringStatus
from tests.doubles.fake_engine import FakeEngine
from tests.support.shown import result
from tests.support.viewer_window import WAIT_MS, feed, make
from tests.unit.gui.test_second_results import at_work

__all__ = ["feed", "make"]


@pytest.fixture
def engine():
    status = at_work()
    with FakeEngine(in_use=status.in_use, networks=status.networks) as running:
        yield running


def test_the_button_tells_the_engine_when_the_networks_work(make, engine, qtbot):
    window = make()
    assert window.widgets.time_bar.networks.isHidden()
    window.user_actions.engine.connect(engine.address)
    qtbot.waitUntil(lambda: window.viewer.stream.news.status is not None, timeout=WAIT_MS)
    window.presenter.renew()
    button = window.widgets.time_bar.networks
    assert (button.isHidden(), button.text()) == (False, "Networks: the newest stack")
    shown = {one.text(): one for one in button.menu().actions() if one.text() and one.isVisible()}
    assert next(iter(shown)) == "On the newest stack"
    assert list(shown)[-2:] == ["Only when held", "Off"]
    shown["On every 2nd stack"].trigger()
    shown["Off"].trigger()  # before the engine has answered
    qtbot.waitUntil(lambda: len(engine.asked) == 2, timeout=WAIT_MS)
    assert [one.run for one in engine.asked if isinstance(one, NetworksRequest)] == [2, "off"]


def test_the_quick_network_is_one_click_away_where_it_fits(make, engine, qtbot):
    window, own = make(), engine.status.in_use
    fitting = own.model_copy(update={"choices": {"two": ("quick", "universal")}})
    engine.say(in_use=fitting, steering=SteeringStatus())
    window.user_actions.engine.connect(engine.address)
    qtbot.waitUntil(lambda: window.viewer.stream.news.status is not None, timeout=WAIT_MS)
    window.presenter.renew()
    assert window.widgets.time_bar.quick.isVisible()
    window.widgets.time_bar.quick.trigger()
    qtbot.waitUntil(lambda: len(engine.asked) == 2, timeout=WAIT_MS)
    assert [one.changes for one in engine.asked] == [{"steps.one": "none"}, {"steps.two": "quick"}]


@pytest.mark.parametrize("over", [False, True])
def test_what_is_held_asks_once_for_its_networks(make, engine, qtbot, over):
    window = make()
    if over:
        engine.say(stream=None, state=EngineState.IDLE, networks=engine.status.networks)
    window.user_actions.engine.connect(engine.address)
    viewer = window.viewer
    qtbot.waitUntil(lambda: viewer.stream.news.status is not None, timeout=WAIT_MS)
    feed, generation = viewer.stream.feed, viewer.stream.news.generation
    for time in range(3):
        feed.take(generation, replace(result(time), provisional=True), window._clock())
    window.draw()
    viewer.time.hold()
    for _ in range(3):
        window.draw()
    qtbot.waitUntil(lambda: bool(engine.asked), timeout=WAIT_MS)
    window.draw()
    held = HeldRequest(stream="s", index=StackIndex(time=2))
    assert engine.asked == [held]
