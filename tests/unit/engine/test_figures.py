"""The engine's figures: listed once, shown by the command, for Prometheus and in the viewer."""

from __future__ import annotations

import ast
import io
import math
import re
from dataclasses import replace
from inspect import getsource

import pytest
from rich.console import Console

from livesim.commands.status.command import print_status
from livesim.engine import figures
from livesim.engine.figures import figures_of
from livesim.values.figure import Figure, Tone, Unit, labels
from livesim.values.finding import Examination
from livesim.values.frames import Rolling
from livesim.values.verdict import TrustWord
from livesim.wire.networks import NEWEST
from livesim.wire.status import DeviceStatus, EngineStatus, MemberState, MemberStatus, RollingStatus
from livesim.wire.stream_status import ChannelStatus, DoctorStatus, NetworksStatus
from livesim_gui.state.health.health import health_of
from livesim_gui.state.stream.connection import Connection
from livesim_gui.state.stream.feed import News
from tests.doubles.fake_engine import (
    angle_status,
    engine_status,
    in_use,
    tracking_status,
    trust_status,
)
from tests.support.prometheus import page_of, samples_of

NEW = Figure("quite new number", 12.345, Unit.NANOMETRES, Tone.BAD, 1, "of 20")


def everything():
    """Return a status that has something to say on all that there are figures of."""
    return engine_status(
        in_use=in_use().model_copy(update={"models": {"one.safetensors": "0" * 64}}),
        networks=NetworksStatus(run=NEWEST, per_second=0.4, of_per_second=11.0, done=3),
        rolling=RollingStatus(
            mode="frame", newest=Rolling(False, 90.0, 0.034, motion=True, updates_per_s=33.3)
        ),
        doctor=DoctorStatus(stream="s", time=0, stacks=3, found=Examination(())),
        trust=trust_status(word=TrustWord.DO_NOT_TRUST, carried_percent=42.0, overruled_sigmas=6.0),
        device=DeviceStatus(name="GPU", memory_used_bytes=39 << 30, memory_total_bytes=40 << 30),
        tracking=tracking_status(angle_status(), angle_status(modulation=0.2), swaps=3, alarms=1),
        engines=(engine(1, 0), engine(2, 1, state="away", skipped=18, words="times 14 to 31")),
    )


def engine(number, *channels, state="working", **values):
    """Return what a router says of one of its engines."""
    known = {"pid": 7, "device": "GPU", "done": 40, "starts": 1}
    state = MemberState(state)
    return MemberStatus(number=number, state=state, channels=channels, **(known | values))


def printed(status):
    console = Console(width=200, record=True, file=io.StringIO())
    print_status(status, console)
    return console.export_text()


def test_a_new_figure_appears_everywhere_without_further_ado():
    status = engine_status().model_copy(update={"figures": (NEW, replace(NEW, channel=0))})
    sent = EngineStatus.model_validate_json(status.model_dump_json())
    assert sent.figures[0] == NEW
    (row,) = (one for one in printed(sent).splitlines() if "channel 1" in one)
    assert "Quite new number, channel 1" in row
    assert "12.3 nm of 20" in row
    metric = "livesim_quite_new_number_nanometres"
    assert samples_of(page_of(sent))[metric, ("channel", "1")] == 12.345
    shown = health_of(News(connection=Connection.CONNECTED, status=sent)).lines
    (line,) = (one for one in shown if one.label == "Quite new number, channel 2")
    assert (line.value, line.tone) == ("12.3 nm of 20", Tone.BAD)


NAMES = {
    "raw frames", "reconstructed", "networks", "rolling updates", "rolling time resolution",
    "rolling changed", "rolling motion", "pattern angles usable", "pattern attainable resolution",
    "pattern contrast to noise", "pattern modulation", "pattern drift", "pattern swaps",
    "pattern alarms", "pattern check failures", "doctor faults", "camera defects", "camera hits",
    "trust carried", "trust shown", "trust error", "trust overruled", "trust plain denied",
    "trust noise ratio",
    "GPU memory", "engines at work",
}  # fmt: skip
"""Alerts are made of them: one is added and none is ever changed."""


def test_every_figure_is_tested_and_keeps_its_name():
    calls = [one for one in ast.walk(ast.parse(getsource(figures))) if isinstance(one, ast.Call)]
    made = [one.args[0] for one in calls if getattr(one.func, "id", "") == "Figure"]
    assert {name.value for name in made} == NAMES, "expected every figure's name in NAMES"
    shown = figures_of(everything())
    assert {one.name for one in shown} == NAMES, "expected every figure of everything()"
    assert all(re.fullmatch(r"[A-Za-z]+( [A-Za-z]+)*", name) for name in NAMES)
    assert len({(one.name, one.channel) for one in shown}) == len(shown), "expected a name once"


def test_the_list_has_what_there_is_to_say():
    found = {one.name: one for one in figures_of(everything())}
    words = {name: one.words for name, one in found.items()}
    assert words["raw frames"] == "200 /s"
    assert words["rolling time resolution"] == "90.0 ms"
    assert words["rolling changed"] == "3.40 % of the field"
    assert words["pattern angles usable"] == "3 of 3"
    assert words["pattern attainable resolution"] == "110 nm"
    assert words["pattern modulation"] == "0.20 in the worst angle"
    assert words["pattern swaps"] == "3"
    assert words["GPU memory"] == "39.0 GiB of 40.0"
    assert words["trust carried"] == "42.0 % of the structure, by photons: do not trust"
    assert words["trust shown"] == "61.0 % of what the networks changed"
    assert words["trust error"] == "4.00 % of the light"
    assert words["trust overruled"] == "6.00 σ at x = 5, y = 4"
    tones = {name for name, one in found.items() if one.tone is Tone.BAD}
    assert tones == {"trust carried", "engines at work"}
    away = "engine 2 is away, its channels (1) are skipped"
    assert words["engines at work"] == f"1 of 2; {away}; 18 raw stacks were, restore makes them"
    noted = {name for name, one in found.items() if one.tone is Tone.NOTE}
    others = {"rolling motion", "pattern modulation", "pattern alarms", "GPU memory"}
    assert noted == others | {"networks"}
    assert words["networks"] == "0.40 /s of 11.0/s, on the newest stack"


def test_the_terminal_says_why_no_network_runs():
    note = "no network runs: expected the layout 3x3, found hexagonal"
    used = in_use().model_copy(update={"notes": (note,)})
    assert note in printed(engine_status(in_use=used))
    assert note not in printed(everything())


def test_engines_that_are_all_there_are_no_matter_of_concern():
    (found,) = (
        one
        for one in figures_of(engine_status(engines=(engine(1, 0), engine(2, 1))))
        if one.name == "engines at work"
    )
    assert (found.words, found.tone) == ("2 of 2", Tone.QUIET)
    assert "engine 2 of 2, away: times 14 to 31" in printed(everything())


def test_metrics_keep_the_names_that_alerts_use():
    values = samples_of(page_of(everything()))
    assert values["livesim_rolling_updates_per_second",] == 33.3
    assert values["livesim_rolling_time_resolution_seconds",] == pytest.approx(0.09)
    assert values["livesim_rolling_changed_share",] == pytest.approx(0.034)
    assert values["livesim_rolling_motion",] == 1.0
    assert values["livesim_trust", ("word", "do-not-trust")] == 1.0
    assert values["livesim_trust_carried_share", ("channel", "0")] == pytest.approx(0.42)
    assert values["livesim_trust_overruled_sigmas", ("channel", "0")] == 6.0
    assert values["livesim_pattern_swaps_total", ("channel", "0")] == 3.0
    assert values["livesim_pattern_alarms_total", ("channel", "0")] == 1.0
    assert values["livesim_gpu_memory_bytes",] == 39 << 30


def test_what_was_never_measured_is_no_figure():
    used = in_use()
    angle = replace(used.patterns[0].angles[0], mcnr=math.inf)
    unknown = replace(used.patterns[0], angles=(angle,), attainable_resolution_nm=math.nan)
    status = engine_status(in_use=used.model_copy(update={"patterns": {0: unknown}}))
    names = {one.name for one in figures_of(status)}
    assert "pattern angles usable" in names
    assert not names & {"pattern attainable resolution", "pattern contrast to noise"}


def test_what_is_not_looked_for_in_volumes_is_no_figure():
    of_volume = trust_status(plain_denied_percent=None, noise_ratio=None)
    names = {one.name for one in figures_of(engine_status(trust=of_volume))}
    assert "trust carried" in names
    assert not names & {"trust plain denied", "trust noise ratio"}


def test_channels_are_named_where_there_are_several():
    def named(count):
        channels = tuple(ChannelStatus(channel=n, tracking=tracking_status()) for n in range(count))
        return labels(figures_of(engine_status(channels=channels)))

    assert "Pattern swaps" in named(1)
    assert {"Pattern swaps, channel 0", "Pattern swaps, channel 1", "Raw frames"} <= set(named(2))


@pytest.mark.parametrize(
    ("figure", "words"),
    [
        (Figure("a", 0.0, Unit.COUNT), "0"),
        (Figure("a", 1.0), "1.00"),
        (Figure("a", 0.8), "0.80"),
        (Figure("a", 1234.5, Unit.MILLISECONDS), "1234 ms"),
        (Figure("a", -2.0, Unit.DEGREES), "-2.00°"),
        (Figure("a", 1.0, Unit.YES_OR_NO), "yes"),
        (Figure("a", 12.0, Unit.TOTAL), "12"),
    ],
)
def test_numbers_are_written_as_people_write_them(figure, words):
    assert figure.words == words
