"""Settings, processing and files of several channels."""

from __future__ import annotations

import numpy as np
import pytest

from livesim.config.settings import SettingsError, parse_settings
from livesim.config.step_choice import with_steps
from livesim.engine.meters import Gauges
from livesim.engine.processing import Processor
from livesim.engine.queue import BoundedQueue
from livesim.io.settings_beside import own_pattern_files, pattern_for
from livesim.pipeline.networks import resolved
from livesim.values.frames import RawStack, StackIndex
from livesim.values.pattern import Pattern, PatternAngle
from livesim.values.results import Result
from livesim.wire.sockets import Keep
from tests.support.running_engine import FakeChannels

OPTICS = {"numerical_aperture": 1.4, "emission_nm": 520.0, "pixel_nm": 80.0}
RED = {"optics": {"emission_nm": 610.0}, "steps": {"two": "none"}}
ANGLE = PatternAngle((5.0, 0.0), (0.0, 2.0, 4.0), (0.8,))
PATTERN = Pattern(80.0, (4, 4), (ANGLE, ANGLE, ANGLE), 110.0)


def settings(*changes, **channels):
    values = {"optics": dict(OPTICS), "channels": {k[1:]: v for k, v in channels.items()}}
    return parse_settings(values, "test", changes=changes)


def test_a_channel_differs_in_what_its_table_says_and_in_nothing_else():
    own = settings("channels.1.reconstruction.wiener = 0.1", c1=RED)
    green, red = own.of_channel(0), own.of_channel(1)
    assert (green.optics.emission_nm, red.optics.emission_nm) == (520.0, 610.0)
    assert (red.optics.numerical_aperture, red.optics.pixel_nm) == (1.4, 80.0)
    assert (green.steps.two, red.steps.one, red.steps.two) == ("auto", "auto", "none")
    assert (green.reconstruction.wiener, red.reconstruction.wiener) == ("auto", 0.1)
    assert own.of_channel(7) == green


def test_settings_with_channels_travel_as_json():
    own = settings(c1=RED)
    for dumped in (own.model_dump(mode="json"), own.model_dump(mode="json", exclude_none=True)):
        assert parse_settings(dumped, "sent") == own


@pytest.mark.parametrize(
    ("channel", "words"),
    [
        (
            {"optics": {"emision_nm": 1.0}},
            "unknown key 'channels.1.optics.emision_nm'; the nearest",
        ),
        ({"optic": {}}, "the nearest known key is 'optics'"),
        ({"optics": {"numerical_aperture": 1.7}}, "channels.1: optics: expected numerical_apert"),
        ({"pattern": {"expected_angles_deg": [1.0]}}, "expected 3 values in expected_angles_deg"),
        ({"optics": {"emission_nm": "red"}}, "channels.1.optics.emission_nm: expected a number"),
    ],
)
def test_what_is_wrong_in_a_channel_is_said(channel, words):
    with pytest.raises(SettingsError) as raised:
        settings(c1=channel)
    assert words in str(raised.value)


def test_networks_are_named_for_every_channel():
    own = resolved(settings(c1=RED, c2={"steps": {"two": "auto"}}))
    assert own.settings.steps.two == "universal"
    assert own.settings.channels[1].steps.two == "none"
    assert own.settings.channels[2].steps.two == "universal"
    assert own.settings.of_channel(1).steps.one == "none", "nobody has asked for one"
    plain = with_steps(settings(c1={"steps": {"one": "pair", "two": "pair"}}), "reconstruct")
    assert plain.of_channel(1).steps.one == plain.of_channel(1).steps.two == "none"


class Lit:
    """A pipeline of one channel."""

    pattern = PATTERN

    def __call__(self, stack):
        image = np.zeros((8, 8), np.float32)
        return Result(stack.stream, stack.index, image, image[:4, :4])


class NoNetworks:
    """Beside a stream that has none."""

    def offer(self, made):
        assert made.later is None

    def catch_up(self, hurried):
        pass


def processed(needed, channels):
    """Process stacks of these channels, one after another; return results, faults, order ready."""
    stacks, results = BoundedQueue(8, Keep.DROP_OLDEST), BoundedQueue(1000, Keep.BLOCK)
    gauges = Gauges()

    class Needy(FakeChannels):
        def factory(self, channel):
            return lambda seen, ended: Lit() if len(seen) >= needed[channel] else None

    known = Needy()
    processor = Processor(stacks, results, known, gauges, NoNetworks())
    pixels = np.zeros((3, 3, 4, 4), np.uint16)
    counts = dict.fromkeys(needed, 0)
    for channel in channels:
        stacks.put(RawStack("s", StackIndex(time=counts[channel], channel=channel), pixels))
        counts[channel] += 1
    stacks.close()
    processor.run()
    results.close()
    order = [(one.result.index.channel, one.result.index.time) for one in results]
    return order, gauges.faults, known.ready


def test_no_channel_waits_for_the_pattern_of_another():
    order, faults, ready = processed({0: 1, 1: 3}, [0, 1] * 3)
    assert ready == [0, 1]
    assert [time for channel, time in order if channel == 0] == [0, 1, 2]
    assert [time for channel, time in order if channel == 1] == [0, 1, 2]
    assert faults.last is None


def test_a_channel_without_fringes_costs_only_itself():
    order, faults, ready = processed({0: 1, 1: 100}, [0, 1] * 3)
    assert (ready, len(order)) == ([0], 3)
    assert faults.last == "expected a pattern in 3 raw stack(s), found none: too little signal"


def test_every_channel_has_its_own_files_and_old_recordings_one_for_all(tmp_path):
    raw = tmp_path / "raw.zarr"
    assert pattern_for(raw) is None
    names = ("pattern.json", "pattern-log.jsonl", "pattern-channel-2.json")
    for name in names:
        (tmp_path / name).touch()
    first, log, third = (tmp_path / name for name in names)
    assert pattern_for(raw) == first
    assert pattern_for(tmp_path / "raw.zarr.partial") == first  # of a run that was killed
    assert own_pattern_files(raw, first, 0) == (first, log)
    assert own_pattern_files(raw, first, 1) == (first, log)
    assert own_pattern_files(raw, first, 2) == (third, None)
    assert own_pattern_files(raw, tmp_path / "other.json", 2) == (tmp_path / "other.json", None)
    first.unlink()
    assert pattern_for(raw) == third
