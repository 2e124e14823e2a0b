"""What the viewer says: health, alarm, advice on the pattern, hints, keys."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from livesim.config.settings import Optics, PatternSettings, Settings
from livesim.values.figure import Tone
from livesim.values.finding import Examination, Fault, Finding
from livesim.values.frames import Rolling
from livesim.values.illumination import ChangeKind
from livesim.values.pattern import Pattern, PatternAngle
from livesim.wire.messages import StreamStart
from livesim.wire.status import DeviceStatus, EngineState, FaultStatus, StageStatus
from livesim.wire.stream_status import ChangeStatus, ChannelStatus, DoctorStatus
from livesim_gui.state.health.advice import advice_on
from livesim_gui.state.health.health import NOT_RECORDED, health_of
from livesim_gui.state.keys import KEYS
from livesim_gui.state.stream.connection import Connection
from livesim_gui.state.stream.facts import (
    StreamFacts,
    facts_of_settings,
    facts_of_start,
    merged,
)
from livesim_gui.state.stream.feed import News
from livesim_gui.state.stream.hint import hint
from livesim_gui.state.stream.rolling import rolling_words
from tests.doubles.fake_engine import angle_status, engine_status, tracking_status

SETTINGS = Settings(
    optics=Optics(numerical_aperture=1.4, emission_nm=500.0, pixel_nm=80.0),
    pattern=PatternSettings(expected_period_nm=200.0, expected_angles_deg=(0.0, 60.0, 120.0)),
)
ANGLE = PatternAngle((5.0, 0.0), (0.0, 2.0, 4.0), (0.8,))


def news(**status):
    return News(connection=Connection.CONNECTED, status=engine_status(**status))


def test_a_good_run_is_called_running_and_has_no_alarm():
    health = health_of(news())
    assert (health.word, health.tone, health.alarm) == ("running", Tone.GOOD, None)
    lines = {line.label: line.value for line in health.lines}
    assert lines["Raw frames"] == "200 /s"
    assert lines["Last raw frame to result"] == "9 ms (95 %: 12 ms)"
    assert lines["Recording into"] == "/data/stream-001"
    assert "Last fault" not in lines


@pytest.mark.parametrize("replayed", [False, True])
def test_a_replay_that_is_not_recorded_once_more_is_no_alarm(replayed):
    alarm = health_of(news(recording=None), replayed=replayed).alarm
    assert alarm == (None if replayed else NOT_RECORDED)
    failing = news(recording=None, faults=FaultStatus(unrecorded_stacks=2))
    assert "Recording fails" in health_of(failing, replayed=replayed).alarm


def test_the_device_is_named_and_a_full_gpu_is_noted():
    lines = health_of(news(device=DeviceStatus(name="a processor"))).lines
    assert [line for line in lines if "GPU" in line.label] == []
    full = DeviceStatus(name="a GPU", memory_used_bytes=39 << 30, memory_total_bytes=40 << 30)
    found = {line.label: line for line in health_of(news(device=full)).lines}
    assert found["Computes on"].value == "a GPU"
    assert found["GPU memory"].value == "39.0 GiB of 40.0"
    assert found["GPU memory"].tone is Tone.NOTE
    slow = DeviceStatus(name="a GPU", note="nothing could be captured on cuda:0: no memory")
    lines = health_of(news(device=slow)).lines
    assert [line.value for line in lines if line.tone is Tone.NOTE] == [slow.note]


def test_a_stream_that_is_not_recorded_raises_the_alarm_and_an_idle_engine_does_not():
    assert health_of(news(recording=None)).alarm == NOT_RECORDED
    assert health_of(news(recording=None, state=EngineState.IDLE)).alarm is None


def test_a_recording_that_fails_raises_the_alarm_with_the_reason():
    stopped = {"faults": FaultStatus(unrecorded_stacks=3), "recording_fault": "disk full"}
    health = health_of(news(last_fault="the pattern drifted", **stopped))
    assert {line.label: line.value for line in health.lines}["Recording"] == "stopped: disk full"
    assert health.alarm is not None
    assert "3 stacks" in health.alarm
    assert "disk full" in health.alarm


def test_drops_and_full_queues_are_marked():
    stage = StageStatus(
        name="process", done=1, per_second=1.0, queued=8, queue_limit=8, keep="", dropped=5
    )
    (line,) = (one for one in health_of(news(stages=(stage,))).lines if "Queue" in one.label)
    assert line.value == "8 of 8, 5 dropped"
    assert line.tone is Tone.NOTE


@pytest.mark.parametrize(
    ("known", "word", "tone"),
    [
        (News(), "not connected", Tone.QUIET),
        (News(connection=Connection.WAITING), "no engine answers yet", Tone.NOTE),
        (News(connection=Connection.LOST), "engine lost", Tone.BAD),
        (News(connection=Connection.LOST, ended=True), "engine has ended", Tone.NOTE),
    ],
)
def test_without_an_engine_it_says_so(known, word, tone):
    health = health_of(known)
    assert (health.word, health.tone) == (word, tone)


@pytest.mark.parametrize(
    ("angle", "words", "tone"),
    [
        ({"state": "lost"}, "Angle 2 shows no fringes any more", Tone.BAD),
        ({"state": "untracked"}, "Angle 2 was never found", Tone.BAD),
        ({"state": "weak", "modulation": 0.31}, "Angle 2: modulation only 0.31", Tone.NOTE),
        ({"modulation": 0.2}, "Angle 2: modulation only 0.20", Tone.NOTE),
        ({"rate_deg": -2.0}, "Angle 2 drifts by -2.0°", Tone.NOTE),
    ],
)
def test_what_is_wrong_with_an_angle_is_said_in_words(angle, words, tone):
    tracking = tracking_status(angle_status(), angle_status(**angle), angle_status())
    (advice,) = advice_on(engine_status(tracking=tracking), StreamFacts())
    assert advice.words.startswith(words)
    assert advice.tone is tone


def test_a_good_pattern_is_called_good():
    (advice,) = advice_on(engine_status(), StreamFacts())
    assert advice.tone is Tone.GOOD


def test_the_worst_comes_first_and_a_jump_is_told():
    change = ChangeStatus(
        number=1, received_ns=0, time=7, kind=ChangeKind.JUMP, angle=0, reason="40°", alarm=True
    )
    tracking = tracking_status(angle_status(modulation=0.2), angle_status(state="lost"))
    advice = advice_on(engine_status(tracking=tracking, changes=(change,)), StreamFacts())
    assert [one.tone for one in advice] == [Tone.BAD, Tone.NOTE, Tone.NOTE]
    assert "angle 1 jumped at stack 7" in advice[2].words


def test_the_doctors_finding_is_told_with_what_mends_it():
    finding = Finding(
        fault=Fault.TRANSPOSED,
        words="the phase changes from frame to frame, not the angle",
        sureness=0.99,
        mend='[pattern]\norder = ["phase", "angle"]',
        advice="exchange them where it is written",
        frames=(),
        value=None,
    )
    doctor = DoctorStatus(stream="s", time=0, stacks=3, found=Examination((finding,)))
    (advice,) = advice_on(engine_status(doctor=doctor), StreamFacts())
    assert advice.tone is Tone.BAD
    assert advice.words.startswith("The phase changes from frame to frame")
    assert '[pattern]; order = ["phase", "angle"]' in advice.words
    other = advice_on(engine_status(doctor=doctor, stream="another"), StreamFacts())
    assert other[0].tone is Tone.GOOD


def test_while_the_pattern_is_sought_it_says_what_helps():
    status = engine_status(state=EngineState.CALIBRATING, last_fault="too little signal")
    (advice,) = advice_on(status, StreamFacts())
    assert "too little signal" in advice.words
    assert advice_on(None, StreamFacts())[0].tone is Tone.QUIET


def test_the_patterns_own_warnings_are_told():
    pattern = Pattern(80.0, (64, 64), (ANGLE,), 110.0, ("the spacing is coarse",))
    facts = StreamFacts(patterns={0: pattern})
    (advice,) = advice_on(engine_status(), facts)
    assert advice.words == "The spacing is coarse."


@pytest.mark.parametrize(
    ("known", "words"),
    [
        (News(), "Open or drop a recording"),
        (News(connection=Connection.WAITING, address="tcp://x:1"), "No engine answers at tcp://x"),
        (News(connection=Connection.LOST, address="tcp://x:1"), "does not answer any more"),
        (news(stream=None), "waits for a stream"),
        (news(), "looking for the pattern"),
    ],
)
def test_without_a_picture_it_says_what_to_do(known, words):
    assert words in hint(known)


def test_facts_of_a_stream_come_from_its_source_first():
    start = StreamStart(
        stream="s", source="camera", settings=SETTINGS.model_dump(mode="json"), pixel_nm=65.0
    )
    facts = merged(facts_of_start(start), facts_of_settings(SETTINGS))
    assert (facts.source, facts.pixel_nm) == ("camera", 65.0)
    assert facts.cutoff == pytest.approx(2000.0 * 1.4 / 500.0)
    assert facts.widefield_nm == pytest.approx(1000.0 / 5.6)
    assert [math.hypot(*k) for k in facts.expected] == pytest.approx([5.0, 5.0, 5.0])
    assert facts.expected[1] == pytest.approx((2.5, 5.0 * math.sin(math.radians(60.0))))


def test_a_pattern_tells_its_peaks_without_the_angles_that_were_not_found():
    lost = PatternAngle((0.0, 5.0), (0.0, 2.0, 4.0), (0.0,), usable=False)
    pattern = Pattern(80.0, (64, 64), (ANGLE, lost), 110.0)
    facts = StreamFacts(patterns={0: pattern})
    assert facts.found == ((5.0, 0.0),)
    assert facts.attainable_nm == 110.0


def test_the_facts_of_a_channel_have_its_pattern_alone():
    patterns = [Pattern(80.0, (64, 64), (ANGLE,), nm) for nm in (110.0, 120.0)]
    facts = StreamFacts(patterns=dict(enumerate(patterns)))
    assert [facts.of_channel(n).attainable_nm for n in range(3)] == [110.0, 120.0, None]


def test_the_advice_is_about_the_channel_that_is_shown():
    good = ChannelStatus(channel=0, tracking=tracking_status())
    lost = ChannelStatus(channel=1, tracking=tracking_status(angle_status(state="lost")))
    status = engine_status(channels=(good, lost))
    assert advice_on(status, StreamFacts(), 0)[0].tone is Tone.GOOD
    assert "Angle 1 shows no fringes" in advice_on(status, StreamFacts(), 1)[0].words


def test_settings_of_another_version_say_nothing():
    start = StreamStart(stream="s", settings={"optics": {"lens": 1}}, pixel_nm=65.0)
    facts = facts_of_start(start)
    assert facts.settings is None
    assert (facts.pixel_nm, facts.expected, facts.cutoff) == (65.0, (), None)


def test_no_key_does_two_things():
    pressed = [press for key in KEYS for press in key.keys]
    assert len(pressed) == len(set(pressed))
    assert len({key.name for key in KEYS}) == len(KEYS)


def test_update_rate_and_time_resolution_are_told_apart():
    still = Rolling(whole=False, updates_per_s=33.3, resolution_ms=90.0)
    words = "update rate 33.3 /s, time resolution 90 ms"
    assert rolling_words(still) == words
    assert rolling_words(None) == ""
    moving = replace(still, motion=True)
    assert rolling_words(moving) == f"{words}, motion: expect artefacts"
