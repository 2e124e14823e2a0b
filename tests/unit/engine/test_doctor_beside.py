"""The doctor of a running stream: what it says of streams with a known fault, and when it looks."""

from __future__ import annotations

import threading
import weakref
from dataclasses import replace

import numpy as np
import pytest

from livesim.commands.status.command import show_status
from livesim.config.settings import Doctor, Settings
from livesim.engine.beside.doctor import NO_TURN, STACKS, LiveDoctor
from livesim.engine.beside.turns import Turns
from livesim.engine.process import Engine
from livesim.pipeline.build import doctor_for
from livesim.values.errors import DataError
from livesim.values.finding import Examination, Fault, Finding
from livesim.values.frames import FrameAxes, RawFrame, RawStack, StackIndex
from livesim.wire.messages import StreamStart
from livesim.wire.status import EngineState
from livesim_acquisition.sender import Sender
from tests.support.faults import FAULTS, SETTINGS, Light, misscaled, sequence, with_pattern
from tests.support.running_engine import Fakes, anywhere, at_once, at_work
from tests.support.waiting import wait_for

WAIT_S = 60.0
LIGHT = Light(100.0, 128)
FINDING = Finding(Fault.FLICKER, "it flickers", 0.98, None, "look at the lamp")


def stream(frames, stacks=STACKS):
    """Yield frames [frame, y, x] as a source that counts them into angles and phases."""
    for number, pixels in enumerate(frames[: 9 * stacks].numpy().astype(np.uint16)):
        time_, place = divmod(number, 9)
        axes = FrameAxes(time=time_, angle=place // 3, phase=place % 3)
        yield RawFrame("s", number, axes, pixels, 5.0)


def status_after(frames, settings=SETTINGS, factory=at_once, stacks=STACKS):
    """Stream `frames` through an engine; return its status once the doctor has looked."""
    with (
        Engine(anywhere(lossless=True), Fakes(factory, doctor_for)) as engine,
        at_work(engine),
    ):
        with Sender(engine.endpoints.control) as sender:
            values = settings.model_dump(mode="json", exclude_none=True)
            sender.start(StreamStart(stream="s", source="test", settings=values))
            for frame in stream(frames, stacks):
                sender.send(frame)
            sender.finish()
        wait_for(lambda: engine.status().doctor)
        wait_for(lambda: engine.status().state is EngineState.IDLE)
        return engine.status()


def named(status):
    return [(finding.fault, finding.mend) for finding in status.doctor.found.findings]


def test_a_sound_stream_has_no_findings():
    status = status_after(sequence(1, LIGHT, 5), stacks=5)
    assert (status.doctor.stream, status.doctor.time, status.doctor.stacks) == ("s", 0, STACKS)
    assert (status.doctor.found.findings, status.doctor.found.undecided) == ((), ())


def test_a_rotated_stream_is_named_and_so_is_the_line_that_mends_it(caplog):
    frames = sequence(1, LIGHT, 3).roll(-2, 0)
    status = status_after(frames)
    assert named(status) == [("rotated frame order", "[pattern]\nfirst_frame = 2")]
    assert status.doctor.found.findings[0].sureness > 0.95
    assert "rotated frame order, certain" in caplog.text
    assert "in [pattern]: first_frame = 2" in caplog.text


def test_a_stream_without_fringes_is_named():
    status = status_after(FAULTS["no modulation"](2, Light(100.0, 256)).frames)
    assert [fault for fault, _ in named(status)] == ["no modulation"]


def test_a_wrong_pixel_size_is_named():
    case = misscaled(3, Light(100.0, 256))
    ((fault, mend),) = named(status_after(case.frames, case.settings))
    assert fault == "wrong pixel size, aperture or wavelength"
    assert float(mend.partition("=")[2]) == pytest.approx(80.0, rel=0.15)


def test_a_stream_that_ends_early_is_looked_at_as_it_is():
    status = status_after(sequence(1, LIGHT).roll(-1, 0), stacks=1)
    assert status.doctor.stacks == 1
    assert named(status) == [("rotated frame order", "[pattern]\nfirst_frame = 1")]


def test_a_pattern_that_was_not_found_is_explained(monkeypatch):
    monkeypatch.setattr("livesim.engine.channels.CONCLUSION_S", WAIT_S)

    def factory_for(settings):
        def fail(stacks, ended):
            raise DataError("expected a peak, found none")

        return fail

    frames = FAULTS["no modulation"](2, Light(100.0, 256)).frames
    said = status_after(frames, factory=factory_for).last_fault
    assert said.startswith("expected a pattern in 3 raw stack(s), found none: expected a peak")
    assert "; doctor: no modulation, very likely (98.0 %): no fringes in any angle" in said


def test_stacks_are_looked_at_in_the_order_of_acquisition():
    taken = sequence(1, LIGHT, 3)
    stacks = [taken[9 * n : 9 * n + 9].roll(2, 0).unflatten(0, (3, 3)) for n in range(3)]
    taken_from_2 = [RawStack("s", StackIndex(n), s.numpy()) for n, s in enumerate(stacks)]
    moved = doctor_for(with_pattern(first_frame=2))(taken_from_2)
    assert [(one.fault, one.mend) for one in moved.findings] == [
        (Fault.ROTATED, "[pattern]\nfirst_frame = 0")
    ]


def test_the_settings_can_switch_it_off():
    off = SETTINGS.model_copy(update={"doctor": Doctor(examine=False)})
    assert doctor_for(off) is None
    assert doctor_for(Settings(optics=SETTINGS.optics)) is not None


def stack(number, channel=0):
    pixels = np.zeros((3, 3, 16, 16), np.uint16)
    return RawStack("s", StackIndex(time=number, channel=channel), pixels)


class Examiner:
    """Says the next of `answers`, or raises it; remembers which stacks it was shown."""

    def __init__(self, *answers):
        self.answers, self.shown, self.gate = list(answers), [], threading.Event()
        self.gate.set()
        self.asked = False

    def __call__(self, stacks):
        self.asked = True
        assert self.gate.wait(WAIT_S)
        self.shown.append([(one.index.time, one.index.channel) for one in stacks])
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return Examination(tuple(answer))


def fed(examiner, stacks):
    """Return a doctor that has looked at `stacks`."""
    doctor = LiveDoctor("s", examiner)
    for one in stacks:
        doctor.offer(one)
    doctor.close()
    doctor.conclusion(WAIT_S)
    return doctor


def test_stacks_of_one_channel_are_looked_at():
    examiner = Examiner([])
    fed(examiner, [stack(n, channel) for n in range(4) for channel in range(2)])
    assert examiner.shown == [[(0, 0), (1, 0), (2, 0)]]


def test_stacks_that_were_looked_at_are_let_go():
    seen = [stack(number) for number in range(3)]
    pixels = [weakref.ref(one.pixels) for one in seen]
    doctor = fed(Examiner([]), seen)
    assert doctor.status.stacks == 3
    del seen
    assert [one() for one in pixels] == [None] * 3


def test_an_examination_never_holds_the_stream():
    examiner = Examiner([FINDING])
    examiner.gate.clear()
    doctor = LiveDoctor("s", examiner)
    for number in range(200):
        doctor.offer(stack(number))  # would stand still here
    assert doctor.status is None
    assert doctor.conclusion(0.0) == ""
    examiner.gate.set()
    assert doctor.conclusion(WAIT_S) == "flicker, very likely (98.0 %): it flickers"


def test_looks_of_many_short_streams_never_pile_up():
    held, examiner, turns = Examiner([]), Examiner([]), Turns()
    held.gate.clear()
    running = LiveDoctor("first", held, turns=turns)
    running.offer(stack(0))
    running.close()
    wait_for(lambda: held.asked)
    seen = [stack(number) for number in range(5)]
    pixels = [weakref.ref(one.pixels) for one in seen]
    later = [LiveDoctor(f"later {number}", examiner, turns=turns) for number in range(5)]
    for doctor, one in zip(later, seen, strict=True):
        doctor.offer(one)
        doctor.close()
    del seen, one
    wait_for(lambda: sum(there() is not None for there in pixels) == 1)
    held.gate.set()
    said = [doctor.conclusion(WAIT_S) for doctor in later]
    assert len(examiner.shown) == 1
    assert sorted(said) == ["", *4 * [NO_TURN]]
    assert running.status.found == Examination(())


def test_an_alarm_makes_it_look_again_once_it_has_rested(monkeypatch, caplog):
    other = replace(FINDING, fault=Fault.ROTATED)
    examiner = Examiner([FINDING], [FINDING, other])
    doctor = fed(examiner, map(stack, range(3)))
    doctor.ask()
    doctor.offer(stack(3))
    assert examiner.shown == [[(0, 0), (1, 0), (2, 0)]]
    monkeypatch.setattr(doctor, "_rested_at", 0.0)
    doctor.ask()
    for number in range(7, 12):
        doctor.offer(stack(number))
    wait_for(lambda: doctor.status.time == 7)
    assert examiner.shown[1:] == [[(7, 0), (8, 0), (9, 0)]]
    assert len(doctor.status.found.findings) == 2
    assert caplog.text.count("doctor: flicker") == 1


def test_an_examination_that_fails_is_said(caplog):
    doctor = fed(Examiner(DataError("expected stacks, found none")), [stack(0)])
    assert doctor.status.found.undecided == ("the examination failed: expected stacks, found none",)
    assert "expected stacks" in caplog.text
    assert doctor.conclusion(WAIT_S) == doctor.status.found.undecided[0]


def test_without_an_examiner_nothing_is_kept():
    doctor = LiveDoctor("s", None)
    doctor.offer(stack(0))
    doctor.ask()
    doctor.close()
    assert (doctor.status, doctor.conclusion(0.0)) == (None, "")


def test_the_status_is_printed(monkeypatch, capsys):
    status = status_after(sequence(1, LIGHT).roll(-1, 0), stacks=1)
    monkeypatch.setattr("livesim.commands.status.command.ControlClient.status", lambda self: status)
    show_status("tcp://127.0.0.1:1", as_json=False)
    said = capsys.readouterr().out
    assert "doctor, 1 raw stack(s) from 0 on:\n  rotated frame order, certain" in said
    assert "    fix: first_frame = 1  (in [pattern])\n" in said
