"""pymmcore-plus' signals, emitted by hand, and the stream that comes of them."""

from __future__ import annotations

import gc
import threading
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest
from pymmcore_plus.mda import MDARunner
from pymmcore_plus.mda._generator_sequence import GeneratorMDASequence
from pymmcore_plus.mda.events import MDASignaler
from useq import MDAEvent, MDASequence

from livesim.config.settings import SettingsError
from livesim_acquisition.hook import background_sender, engine_link
from livesim_acquisition.hook.background_sender import BackgroundSender
from livesim_acquisition.hook.image_queue import DEPTH
from livesim_acquisition.mda import sim_events, stream
from tests.support.running_engine import OWN, WAIT_S, recorded, running

LIST = GeneratorMDASequence()
"""What pymmcore-plus says has begun when it is given a list of events."""
NOBODY = "tcp://127.0.0.1:9"


def core_with(signals):
    return SimpleNamespace(mda=SimpleNamespace(events=signals))


@pytest.fixture
def signals():
    return MDASignaler()


@pytest.fixture
def core(signals):
    return core_with(signals)


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(engine_link, "ANSWER_S", 0.2)
    monkeypatch.setattr(background_sender, "RETRY_S", 0.05)


def sequence(times):
    return MDASequence(time_plan={"interval": 0, "loops": times})


def images(events):
    """Yield what pymmcore-plus emits for every event: image n is n everywhere."""
    for number, event in enumerate(events):
        metadata = {"pixel_size_um": 0.08, "exposure_ms": 5.0}
        yield np.full((16, 12), number, np.uint16), event, metadata


def acquire(signals, events, begun=LIST):
    """Emit the signals of an acquisition."""
    signals.sequenceStarted.emit(begun, {})
    for image, event, metadata in images(events):
        before = image.copy()
        signals.frameReady.emit(image, event, metadata)
        np.testing.assert_array_equal(image, before)
    signals.sequenceFinished.emit(begun)


def listening(signals):
    return [
        name
        for name in ("sequenceStarted", "frameReady", "sequenceFinished", "sequenceCanceled")
        if len(getattr(signals, name))
    ]


def test_every_frame_arrives_where_its_event_says(tmp_path, core, signals):
    with running(record=tmp_path) as engine, stream(core, engine.control, OWN) as streamed:
        acquire(signals, sim_events(sequence(4), OWN.pattern))
        counts = streamed.close()
    assert (counts.offered, counts.sent, counts.received, counts.streams) == (36, 36, 36, 1)
    assert (counts.unsent, counts.unusable, streamed.fault) == (0, 0, None)
    assert recorded(tmp_path / "stream-001") == list(range(36))


@pytest.fixture
def starts(monkeypatch):
    """The headers of the streams that begin; nothing is sent."""
    starts = []
    monkeypatch.setattr(engine_link.Sender, "start", lambda self, start: starts.append(start))
    monkeypatch.setattr(engine_link.Sender, "send", lambda self, frame: None)
    return starts


@pytest.mark.parametrize("handed", ["sequence", "list"])
def test_the_stream_says_what_the_sequence_says(core, signals, starts, handed):
    planned = MDASequence(
        time_plan={"interval": 2.0, "loops": 3},
        channels=["488", "561"],
        z_plan={"range": 1.0, "step": 0.25},
    )
    events = sim_events(planned, OWN.pattern)
    with running() as engine, stream(core, engine.control, OWN):
        acquire(signals, events[:1], planned if handed == "sequence" else LIST)
    (start,) = starts
    assert start.source == "pymmcore-plus"
    assert start.sizes == {"time": 3, "channel": 2, "z": 5, "position": 1}
    assert (start.interval_s, start.pixel_nm, start.exposure_ms) == (2.0, 80.0, 5.0)
    assert start.settings["acquisition"]["channels"] == ["488", "561"]
    assert start.settings["acquisition"]["z_step_um"] == 0.25


def test_events_of_ones_own_say_nothing_of_sizes(core, signals, starts):
    with running() as engine, stream(core, engine.control):
        acquire(signals, [MDAEvent(index={"t": 0, "angle": 0, "phase": 0})])
    (start,) = starts
    assert (start.sizes, start.interval_s, start.settings) == (None, None, None)


def test_each_acquisition_is_a_stream_and_none_cuts_off_the_one_before(tmp_path, core, signals):
    events = sim_events(sequence(2), OWN.pattern)
    with running(record=tmp_path) as engine, stream(core, engine.control, OWN):
        acquire(signals, events)
        acquire(signals, events)
    assert recorded(tmp_path / "stream-001") == recorded(tmp_path / "stream-002") == list(range(18))


@pytest.mark.parametrize("end", ["cancelled", "no word of its end", "error"])
def test_the_stream_ends_whatever_happens(core, signals, end):
    events = sim_events(sequence(2), OWN.pattern)[:13]
    failing = pytest.raises(KeyError) if end == "error" else nullcontext()
    with running() as engine:
        with failing, stream(core, engine.control, OWN) as streamed:
            signals.sequenceStarted.emit(LIST, {})
            for image, event, metadata in images(events):
                signals.frameReady.emit(image, event, metadata)
            if end == "error":
                raise KeyError(end)
            if end == "cancelled":
                signals.sequenceCanceled.emit(LIST)
                signals.sequenceFinished.emit(LIST)
        engine.wait_for(lambda status: status.stream is None)
    assert (streamed.counts.sent, streamed.counts.received) == (13, 13)
    assert not listening(signals)


class Failing:
    """An acquisition engine for pymmcore-plus' own runner; it fails at the second frame."""

    def setup_sequence(self, sequence):
        pass

    def setup_event(self, event):
        pass

    def exec_event(self, event):
        if event.index["phase"] == 1:
            raise RuntimeError("camera gone")
        yield np.zeros((16, 12), np.uint16), event, {"exposure_ms": 5.0}

    def event_iterator(self, events):
        return iter(events)

    def teardown_event(self, event):
        pass

    def teardown_sequence(self, sequence):
        pass


def test_an_acquisition_that_fails_ends_its_stream():
    runner = MDARunner()
    runner.set_engine(Failing())
    events = sim_events(sequence(1), OWN.pattern)
    with (
        running() as engine,
        stream(SimpleNamespace(mda=runner), engine.control, OWN) as streamed,
    ):
        with pytest.raises(RuntimeError, match="camera gone"):
            runner.run(events)
        engine.wait_for(lambda status: status.stream is None and status.stages[0].done == 1)
    assert (streamed.counts.sent, streamed.counts.received) == (1, 1)


def test_an_acquisition_ends_its_stream_while_the_connection_stays(core, signals):
    with running() as engine:
        streamed = stream(core, engine.control, OWN)
        acquire(signals, sim_events(sequence(1), OWN.pattern))
        engine.wait_for(lambda status: status.stream is None and status.stages[0].done == 9)
        assert len(listening(signals)) == 3
        streamed.close()
        streamed.close()  # a second time, which does nothing
    assert not listening(signals)


def test_the_signals_keep_the_connection_alive(core, signals):
    with running() as engine:
        stream(core, engine.control, OWN)
        gc.collect()
        acquire(signals, sim_events(sequence(1), OWN.pattern))
        engine.wait_for(lambda status: status.stages[0].done == 9)


def test_a_sender_of_ones_own_serves_one_acquisition(tmp_path, core, signals, caplog):
    events = sim_events(sequence(2), OWN.pattern)
    with running(record=tmp_path) as engine:
        sender = BackgroundSender(engine.control, OWN)
        with stream(core, sender) as streamed:
            acquire(signals, events)
            acquire(signals, events)
    assert (streamed.counts.sent, streamed.counts.unsent) == (18, 18)
    assert recorded(tmp_path / "stream-001") == list(range(18))
    assert "expected one acquisition for a BackgroundSender, found another one" in caplog.text


@pytest.mark.usefixtures("impatient")
def test_the_acquisition_never_waits_and_what_is_given_up_is_told(
    core, signals, monkeypatch, caplog
):
    answered = threading.Event()

    def unanswered(*_):
        assert answered.wait(WAIT_S)
        raise engine_link.WireError("expected an engine, found none")

    monkeypatch.setattr(engine_link, "Sender", unanswered)
    with stream(core, NOBODY, OWN) as streamed:
        acquire(signals, sim_events(sequence(40), OWN.pattern))  # returns all the same
        assert streamed.counts.unsent == 360 - DEPTH
        answered.set()
    assert streamed.counts.unsent == 360
    assert "of 360 images, 360 were given up and 0 could not be used" in caplog.text


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (
            MDAEvent(index={"t": 3, "z": 1}),
            "expected angle and phase in every event's index, as in MDAEvent(index={'t': 0, "
            "'angle': 1, 'phase': 2}), found time, z; livesim_acquisition.mda.sim_events adds them",
        ),
        (MDAEvent(), "found no axes"),
        (MDAEvent(index={"angle": 0}), "expected the axes angle and phase, found none called"),
        (MDAEvent(index={"angle": 0, "phase": 0, "cam": 1}), "found cam"),
        (MDAEvent(index={"sim": 9}), "expected sim below 9, found 9"),
    ],
)
def test_an_event_without_a_place_is_told_once(core, signals, caplog, event, words):
    with running() as engine, stream(core, engine.control, OWN) as streamed:
        acquire(signals, [event] * 3)
    assert (streamed.counts.unusable, streamed.counts.sent) == (3, 0)
    assert words in streamed.fault
    assert caplog.text.count(words) == 1


def test_a_wrong_address_is_told_at_once(core, signals):
    with pytest.raises(SettingsError, match="expected an address such as"):
        stream(core, "tcp://nowhere:port:3")
    assert not listening(signals)


@pytest.mark.usefixtures("qapp")
def test_signals_of_qt_do_not_wait_for_the_main_thread(core):
    """With a window there, pymmcore-plus' signals are Qt's; nobody runs the event loop here."""
    from pymmcore_plus.mda.events import QMDASignaler

    signals = QMDASignaler()
    events = sim_events(sequence(2), OWN.pattern)
    with running() as engine, stream(core_with(signals), engine.control, OWN) as streamed:
        acquisition = threading.Thread(target=acquire, args=(signals, events))
        acquisition.start()
        acquisition.join(WAIT_S)
        assert not acquisition.is_alive()
    assert (streamed.counts.offered, streamed.counts.received) == (18, 18)
