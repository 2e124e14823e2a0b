"""Controls that steer the engine: they show its state, and what is on its way."""

from __future__ import annotations

import pytest

from livesim.values.figure import Tone
from livesim.wire.control import RecordRequest, SteerRequest
from livesim.wire.stream_status import RecordStatus, SteeringStatus
from livesim_gui.state.steering import (
    ALL,
    FOLLOW,
    NOTCH,
    ONE,
    SCALES,
    TWO,
    WIENER,
    Wishes,
    controls_of,
)
from tests.doubles.fake_engine import FakeEngine, engine_status, in_use

WAIT_MS = 60_000
STEPS = {"one": "none", "two": "pair"}


def steered_status(settings=None, record=True, on=True, **steering):
    """Return the status of an engine with a stream that can be steered."""
    return {
        "in_use": in_use(**({"steps": STEPS} | (settings or {}))),
        "steering": SteeringStatus(**steering),
        "record": RecordStatus(into="/data" if record else None, on=on),
    }


def controls(asked=(), **values):
    return controls_of(engine_status(**steered_status(**values)), frozenset(asked))


def test_the_controls_show_what_the_engine_uses():
    shown = controls(settings={"reconstruction": {"wiener": 0.1}})
    assert shown.live
    assert (shown.values[ONE], shown.values[TWO]) == ("none", "pair")
    assert (shown.values[WIENER], shown.values[FOLLOW]) == (0.1, True)
    assert shown.choices[ONE] == ("none", "pair")
    assert (shown.values[ALL], shown.choices[ALL]) == ("none", ("none", "ml-sim"))
    assert (shown.words, shown.pending) == ("", frozenset())


def test_a_model_of_another_file_is_offered_as_well():
    shown = controls(settings={"steps": {"one": "/models/mine.safetensors", "two": "none"}})
    assert shown.choices[ONE] == ("none", "pair", "/models/mine.safetensors")


def test_what_is_asked_for_is_pending_until_the_engine_uses_it():
    shown = controls(asked=[WIENER], pending={TWO: "none"})
    assert shown.pending == {WIENER, TWO}
    assert shown.values[TWO] == "pair", "the state, not the wish"
    assert shown.words == "With the next raw stacks: Wiener, step two…"
    assert shown.tone is Tone.NOTE


def test_a_refusal_and_a_calibration_are_told():
    refused = controls(refused="no memory on the GPU")
    assert (refused.words, refused.tone) == ("Not used: no memory on the GPU", Tone.BAD)
    assert "estimated again" in controls(recalibrating=True).words
    assert controls(changes=2, since=41).words == "In use since stack 41."


@pytest.mark.parametrize(
    ("record", "on", "shown"), [(True, True, (True, True)), (True, False, (False, True)),
                                (False, False, (False, False))],
)  # fmt: skip
def test_recording_is_shown_and_possible_where_the_engine_has_a_folder(record, on, shown):
    found = controls(record=record, on=on)
    assert (found.recording, found.can_record) == shown


def test_without_an_engine_or_a_stream_nothing_can_be_steered():
    assert not controls_of(None).live
    assert not controls_of(engine_status(in_use=None)).live


def test_a_slider_stands_where_its_value_is():
    for scale in SCALES.values():
        places = [scale.place(scale.value(at)) for at in range(scale.steps + 1)]
        assert max(abs(at - place) for at, place in enumerate(places)) <= 1
    assert SCALES[WIENER].value(30) == pytest.approx(0.01)
    assert SCALES[WIENER].place(1e-9) == 0
    assert SCALES[NOTCH].place(7.0) == 100


def test_one_wish_is_under_way_and_the_newest_waits():
    wishes = Wishes()
    wishes.add(WIENER, 0.1)
    assert wishes.take() == {WIENER: 0.1}
    wishes.add(WIENER, 0.2)
    wishes.add(WIENER, 0.3)
    wishes.add(TWO, "none")
    assert wishes.take() == {}, "one at a time"
    wishes.sent(10)
    assert wishes.take() == {WIENER: 0.3, TWO: "none"}
    wishes.sent(11)
    assert wishes.pending(12) == {WIENER, TWO}
    assert wishes.pending(13) == frozenset()


def test_a_wish_that_fails_is_not_pending():
    wishes = Wishes()
    wishes.add(WIENER, 0.1)
    wishes.take()
    wishes.refused()
    assert wishes.pending(0) == frozenset()


# The widgets.

QtCore = pytest.importorskip("qtpy.QtCore", reason="Qt's system libraries", exc_type=ImportError)
pytest.importorskip("qtpy.QtWidgets", reason="Qt's system libraries", exc_type=ImportError)


@pytest.fixture
def connected(qtbot, tmp_path):
    """A window of an engine that runs, and the engine."""
    from livesim.processes.viewer_children import Children
    from livesim_gui.app import ViewOptions, make_window

    with FakeEngine(**steered_status()) as engine:
        window = make_window(
            ViewOptions(engine=engine.address, settings_file=tmp_path / "viewer.ini"), Children()
        )
        qtbot.addWidget(window)
        with qtbot.waitActive(window, timeout=WAIT_MS):
            window.show()
            window.activateWindow()
        panel = window.widgets.steer
        qtbot.waitUntil(lambda: panel.follow.isEnabled(), timeout=WAIT_MS)
        yield window, panel, engine
        window.close()


def test_the_panel_asks_and_shows_only_what_the_engine_says(connected, qtbot):
    _, panel, engine = connected
    panel.follow.click()
    qtbot.waitUntil(lambda: bool(engine.asked), timeout=WAIT_MS)
    assert engine.asked[-1].changes == {FOLLOW: False}
    # The fake engine takes it and does not do it: so the box goes back to the truth.
    qtbot.waitUntil(panel.follow.isChecked, timeout=WAIT_MS)
    engine.say(**steered_status(settings={"tracking": {"follow": False}}))
    qtbot.waitUntil(lambda: not panel.follow.isChecked(), timeout=WAIT_MS)


def test_sliders_models_and_keys_reach_the_engine(connected, qtbot):
    window, panel, engine = connected
    panel.sliders[WIENER].setValue(60)
    qtbot.waitUntil(lambda: bool(engine.asked), timeout=WAIT_MS)
    assert engine.asked[-1].changes == {WIENER: pytest.approx(0.1)}
    assert panel.labels[WIENER].text().endswith("…") or engine.asked
    engine.say(**steered_status(settings={"reconstruction": {"wiener": 0.5}}))
    qtbot.waitUntil(lambda: panel.numbers[WIENER].text() == "0.5", timeout=WAIT_MS)
    assert panel.sliders[WIENER].value() == SCALES[WIENER].place(0.5)
    assert not panel.auto.isChecked()
    panel.models[TWO].textActivated.emit("none")
    qtbot.waitUntil(
        lambda: any(isinstance(one, SteerRequest) and TWO in one.changes for one in engine.asked),
        timeout=WAIT_MS,
    )
    qtbot.keyClick(window, QtCore.Qt.Key.Key_R, QtCore.Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: RecordRequest(on=False) in engine.asked, timeout=WAIT_MS)
    assert panel.record.text() == "Stop recording"


def test_an_adapted_network_is_used_with_none_in_front_of_it(connected, qtbot):
    window, panel, engine = connected
    panel.adapt.click()
    assert window.adapt.isVisible()
    window.adapt.use_asked.emit("/data/mine.safetensors")

    def asked():
        requests = [one.changes for one in engine.asked if isinstance(one, SteerRequest)]
        return [key for one in requests for key in one.items()]

    qtbot.waitUntil(lambda: len(asked()) == 2, timeout=WAIT_MS)
    assert asked() == [(ONE, "none"), (TWO, "/data/mine.safetensors")]


def test_what_the_engine_refuses_is_said(connected, qtbot):
    window, panel, engine = connected
    engine.refuses = "expected a pattern that can be estimated again, found none yet"
    panel.recalibrate.click()
    qtbot.waitUntil(lambda: "found none yet" in window.widgets.notice.text(), timeout=WAIT_MS)
