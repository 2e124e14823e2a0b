"""The events of a SIM time-lapse, and the sentences about those that would go wrong."""

from __future__ import annotations

import copy

import pytest

from livesim.config.settings import PatternSettings, Settings, SettingsError, parse_settings
from livesim_acquisition.hook.event_checks import check_events
from livesim_acquisition.hook.events import make_events, stream_sizes

OPTICS = {"numerical_aperture": 1.4, "emission_nm": 520.0, "pixel_nm": 80.0}
BOTH = {"channels": ["488", "561"], "z_start_um": 10.0, "z_end_um": 9.0, "z_step_um": 0.5}


def settings(pattern=None, **acquisition) -> Settings:
    values = {"optics": OPTICS, "pattern": pattern or {}, "acquisition": acquisition}
    return parse_settings(values, "test")


def test_a_plain_time_lapse_is_one_camera_sequence():
    events = make_events(settings(time_points=2, exposure_ms=5.0))
    assert len(events) == 18
    assert events[0] == {"axes": {"time": 0, "angle": 0, "phase": 0}, "exposure": 5.0}
    assert [event["axes"]["phase"] for event in events[:4]] == [0, 1, 2, 0]
    assert events[9]["axes"] == {"time": 1, "angle": 0, "phase": 0}
    for event in events:
        event.pop("axes")
    assert all(event == events[0] for event in events), "expected nothing that ends the sequence"


def test_interval_channels_and_z():
    own = settings(time_points=3, interval_s=2.0, exposure_ms=[5.0, 20.0], **BOTH)
    assert own.acquisition.z_um == (10.0, 9.5, 9.0)
    assert stream_sizes(own.acquisition) == {"position": 1, "time": 3, "channel": 2, "z": 3}
    events = make_events(own)
    assert len(events) == 9 * 3 * 2 * 3
    assert events[0]["config_group"] == ["Channel", "488"]
    assert (events[0]["exposure"], events[-1]["exposure"]) == (5.0, 20.0)
    assert [events[n]["z"] for n in (0, 9, 18, 27)] == [10.0, 9.5, 9.0, 10.0]  # z is the fastest
    assert [events[n]["axes"]["channel"] for n in (0, 26, 27, 53)] == ["488", "488", "561", "561"]
    assert {event["min_start_time"] for event in events} == {0.0, 2.0, 4.0}
    check_events(events, own.pattern)


@pytest.mark.parametrize(
    ("order", "changes"),
    [
        (["phase", "angle", "channel", "z"], ["phase", "angle", "channel", "z", "time"]),
        (["angle", "phase"], ["angle", "phase", "z", "channel", "time"]),
        (["phase", "angle", "time"], ["phase", "angle", "time", "z", "channel"]),
    ],
)
def test_the_order_is_that_of_the_pattern(order, changes):
    own = settings({"order": order}, time_points=2, **BOTH)
    axes = [event["axes"] for event in make_events(own)]
    first = {name: next(n for n in range(len(axes)) if axes[n][name] != axes[0][name])
             for name in axes[0]}  # fmt: skip
    assert sorted(first, key=first.__getitem__) == changes
    check_events(make_events(own), own.pattern)


def test_seven_frames_of_a_hexagonal_pattern():
    own = settings({"layout": "hexagonal", "order": ["time"]}, time_points=2)
    assert [event["axes"]["phase"] for event in make_events(own)] == [*range(7), *range(7)]
    check_events(make_events(own), own.pattern)


@pytest.mark.parametrize(
    ("pattern", "acquisition", "words"),
    [
        ({}, {"interval_s": 0.04, "exposure_ms": 5.0}, "interval_s of at least 0.045 s"),
        ({"order": ["phase", "angle", "time", "z"]}, {"interval_s": 1.0}, "time as the slowest"),
        ({}, {"z_start_um": 1.0}, "all of z_start_um, z_end_um and z_step_um"),
        ({}, {"channels": ["a", "a"]}, "every channel once"),
        ({}, {"exposure_ms": [1.0, 2.0]}, "expected 1 or 1 values in exposure_ms, found 2"),
        ({}, {"backend": "python"}, "expected system_file and adapters"),
        ({}, {"exposure": 5.0}, "nearest known key is 'exposure_ms'"),
    ],
)
def test_wrong_settings_are_said(pattern, acquisition, words):
    with pytest.raises(SettingsError, match=words):
        make_events(settings(pattern, **acquisition))


def test_without_a_section_there_is_nothing_to_acquire():
    with pytest.raises(SettingsError, match=r"expected \[acquisition\]"):
        make_events(parse_settings({"optics": OPTICS}, "test"))


def _change(number, **more):
    def change(events):
        events[number] = copy.deepcopy(events[number]) | more
        return events

    return change


def _swap_axes(events):
    events[3]["axes"] = dict(events[4]["axes"])
    return events


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda events: (event for event in events), "expected a list of events.* found generator"),
        (lambda events: [events], "event 0: expected a dictionary with axes"),
        (lambda events: [], "found list without events"),
        (_change(2, tags={"angle": 1}), "event 2: expected no tags"),
        (_change(7, properties=[["Laser", "Power", "5"]]), "event 7: expected the same properties"),
        (_change(5, axes={"time": 0, "angle": 1}), "event 5: .*none called phase"),
        (_change(5, axes={"row": 0}), "event 5: .*found row"),
        (_swap_axes, "event 4: expected a place of its own"),
        (lambda events: events[:-1], "time 1, .*expected 9 frames in every raw stack, found 8"),
        (_change(4, exposure=7.0), "time 0, .*the same exposure for all frames"),
        (_change(4, min_start_time=7.0), "the same min_start_time for all frames"),
        (_change(13, config_group=["Channel", "561"]), "time 1, .*the same channel"),
    ],
)
def test_what_pycromanager_takes_without_a_word_is_refused(change, words):
    events = make_events(settings(time_points=2, exposure_ms=5.0))
    check_events(events, PatternSettings())
    with pytest.raises(SettingsError, match=words):
        check_events(change(events), PatternSettings())


def test_the_same_properties_in_all_events_are_fine():
    events = [event | {"properties": [["Laser", "On", "1"]]} for event in make_events(settings())]
    check_events(events, PatternSettings())
