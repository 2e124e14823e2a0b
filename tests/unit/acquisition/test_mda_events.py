"""Events of useq, made from sequences and settings, against those that pycromanager gets."""

from __future__ import annotations

import pytest
from pymmcore_plus.mda._generator_sequence import GeneratorMDASequence
from useq import HardwareAutofocus, MDAEvent, MDASequence, v2

from livesim.config.settings import PatternSettings, Settings, SettingsError
from livesim.values.frames import FrameAxes
from livesim_acquisition.hook.event_axes import EventAxes
from livesim_acquisition.hook.events import make_events
from livesim_acquisition.mda.events import (
    axes_of,
    check_mda_events,
    interval_s,
    mda_sequence,
    sequence_sizes,
    settings_with_sequence,
    sim_events,
)

PATTERN = PatternSettings()


def settings(**tables):
    optics = {"numerical_aperture": 1.4, "emission_nm": 520.0, "pixel_nm": 80.0}
    return Settings.model_validate({"optics": optics, **tables})


@pytest.mark.parametrize(
    ("event", "place"),
    [
        (MDAEvent(index={"t": 4, "angle": 1, "phase": 2}), FrameAxes(time=4, angle=1, phase=2)),
        (
            MDAEvent(index={"t": 1, "c": 2, "z": 3, "p": 4, "angle": 0, "phase": 0}),
            FrameAxes(time=1, channel=2, z=3, position=4),
        ),
        (MDAEvent(index={"t": 2, "sim": 5}), FrameAxes(time=2, angle=1, phase=2)),
        (MDAEvent(index={"t": 2}, metadata={"sim": 5}), FrameAxes(time=2, angle=1, phase=2)),
        (
            MDAEvent(index={"z": 2}, metadata={"angle": 1, "phase": 0, "note": "x"}),
            FrameAxes(z=2, angle=1),
        ),
        (
            MDAEvent(index={"angle": 2, "phase": 0}, metadata={"angle": 1}),
            FrameAxes(angle=2),
        ),
        (MDAEvent(index={"g": 3, "sim": 0}), FrameAxes(position=3)),
        (MDAEvent(index={"c": 1, "sim": 0}, channel="561"), FrameAxes(channel=1)),
    ],
)
def test_where_an_event_belongs(event, place):
    assert EventAxes(PATTERN).place(axes_of(event)) == place


def test_what_has_no_number_is_numbered_as_it_comes():
    axes = EventAxes(PATTERN)
    channels = [MDAEvent(index={"sim": 0}, channel=name) for name in ("561", "488", "561")]
    assert [axes.place(axes_of(event)).channel for event in channels] == [0, 1, 0]
    tiles = [MDAEvent(index={"p": p, "g": g, "sim": 0}) for p in range(2) for g in range(3)]
    assert [axes.place(axes_of(event)).position for event in tiles] == list(range(6))


@pytest.mark.parametrize(
    ("order", "first_two"),
    [
        (("phase", "angle"), [(0, 0), (0, 1)]),
        (("angle", "phase"), [(0, 0), (1, 0)]),
    ],
)
def test_every_event_becomes_a_raw_stack(order, first_two):
    planned = MDASequence(time_plan={"interval": 1, "loops": 2}, z_plan={"range": 2, "step": 1})
    events = sim_events(planned, PatternSettings(order=order))
    assert len(events) == 2 * 3 * 9
    places = [(event.index["angle"], event.index["phase"]) for event in events]
    assert places[:2] == first_two
    assert [event.index["t"] for event in events] == [0] * 27 + [1] * 27
    assert events[26].z_pos == events[18].z_pos == 1.0
    assert sum(event.reset_event_timer for event in events) == 1
    check_mda_events(events, PATTERN)


def test_seven_frames_of_a_hexagonal_pattern():
    events = sim_events([MDAEvent(index={"t": 0})], PatternSettings(layout="hexagonal"))
    assert [dict(event.index) for event in events] == [
        {"t": 0, "angle": 0, "phase": phase} for phase in range(7)
    ]


def test_what_takes_no_image_stays_single_and_the_setup_comes_first():
    focus = MDAEvent(action=HardwareAutofocus(autofocus_motor_offset=1.0))
    assert sim_events([focus, MDAEvent()], PATTERN)[0] is focus
    planned = MDASequence(channels=["488"], setup=MDAEvent(exposure=7.0))
    events = sim_events(planned, PATTERN)
    assert len(events) == 10
    assert events[0].exposure == 7.0
    check_mda_events([focus, *events], PATTERN)


def test_an_axis_of_a_later_useq_is_taken_as_it_is_called():
    planned = v2.MDASequence(
        axes=(
            v2.TIntervalLoops(interval=0, loops=2),
            v2.SimpleValueAxis(axis_key="angle", values=[0, 60, 120]),
            v2.SimpleValueAxis(axis_key="phase", values=[0, 1, 2]),
        )
    )
    check_mda_events(list(planned), PATTERN)
    assert sequence_sizes(planned) is None


ACQUISITION = {
    "time_points": 3,
    "interval_s": 4.0,
    "channels": ["488", "561"],
    "channel_group": "Laser",
    "exposure_ms": [5.0, 10.0],
    "z_start_um": 100.0,
    "z_end_um": 101.0,
    "z_step_um": 0.5,
}


@pytest.mark.parametrize("order", [["phase", "angle"], ["angle", "phase", "channel", "z", "time"]])
@pytest.mark.parametrize("changes", [{}, {"channels": [], "exposure_ms": 5.0}])
def test_a_sequence_acquires_what_pycromanager_would(order, changes):
    own = settings(pattern={"order": order}, acquisition=ACQUISITION | changes)
    events = sim_events(mda_sequence(own), own.pattern)
    if changes:
        setup = events.pop(0)
        assert setup.exposure == 5.0
    expected = make_events(own)
    assert len(events) == len(expected)
    placing, expecting = EventAxes(own.pattern), EventAxes(own.pattern)
    for event, wanted in zip(events, expected, strict=True):
        assert placing.place(axes_of(event)) == expecting.place(wanted["axes"])
        assert event.z_pos == wanted["z"]
        assert event.min_start_time == wanted["min_start_time"]
        if not changes:
            assert event.exposure == wanted["exposure"]
            assert [event.channel.group, event.channel.config] == wanted["config_group"]


def test_sizes_and_settings_of_a_sequence():
    own = settings(acquisition=ACQUISITION)
    planned = mda_sequence(own)
    assert sequence_sizes(planned) == {"time": 3, "channel": 2, "z": 3, "position": 1}
    assert interval_s(planned) == 4.0
    told = settings_with_sequence(planned, settings()).acquisition
    assert (told.time_points, told.interval_s, told.channels) == (3, 4.0, ("488", "561"))
    assert told.z_um == (100.0, 100.5, 101.0)


def test_positions_and_grids_are_counted_together():
    planned = MDASequence(
        stage_positions=[(0, 0), (50, 0)], grid_plan={"rows": 2, "columns": 3}, channels=["488"]
    )
    assert sequence_sizes(planned)["position"] == 12
    assert interval_s(planned) is None


def test_what_a_sequence_does_not_say_is_not_invented():
    planned = MDASequence(
        time_plan=[{"interval": 1, "loops": 2}, {"interval": 5, "loops": 2}],
        z_plan={"absolute": [1.0, 2.0, 4.0]},
        channels=[{"config": "488"}, {"config": "488", "group": "Other"}],
    )
    told = settings_with_sequence(planned, settings()).acquisition
    assert (told.z_um, told.channels, told.interval_s) == ((), (), 0.0)
    unknown = GeneratorMDASequence()
    assert (sequence_sizes(unknown), interval_s(unknown)) == (None, None)
    assert settings_with_sequence(unknown, settings()) == settings()


def frames(**changes):
    """Return the nine events of a raw stack, all with some fields changed."""
    return [event.replace(**changes) for event in sim_events([MDAEvent()], PATTERN)]


@pytest.mark.parametrize(
    ("events", "words"),
    [
        (list(MDASequence(channels=["488"])), "event 0: expected angle and phase in every event"),
        (frames()[:8], "expected 9 frames in every raw stack, found 8"),
        (frames() + frames(), "event 9: expected a place of its own"),
        (frames()[:8] + frames(exposure=3.0)[8:], "expected the same exposure for all frames"),
        (frames()[:8] + frames(z_pos=3.0)[8:], "expected the same z for all frames"),
        (frames(index={"angle": 0, "phase": 0, "cam": 1}), "event 0: .* found cam"),
    ],
)
def test_events_that_make_no_stacks_are_refused(events, words):
    with pytest.raises(SettingsError, match=words):
        check_mda_events(events, PATTERN)


def test_an_order_that_a_sequence_cannot_take_is_refused():
    pattern = PatternSettings(order=("phase", "z", "angle"))
    with pytest.raises(SettingsError, match="expected angle and phase as the fastest axes"):
        sim_events([MDAEvent()], pattern)


def test_without_an_acquisition_there_is_no_sequence():
    with pytest.raises(
        SettingsError, match=r"expected \[acquisition\] in the settings, found none"
    ):
        mda_sequence(settings())
