"""Recordings from the disk, streamed to an engine."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest
import tifffile

from livesim.config.settings import Settings
from livesim.io.read.open import open_recording
from livesim_acquisition.replay.pace import Pace
from livesim_acquisition.replay.rate import Rate, due_times, parse_rate, states_times
from livesim_acquisition.replay.replay import replay
from livesim_acquisition.sender import Sender
from tests.support.running_engine import SETTINGS, running


def write_recording(path, times=3, **metadata):
    """Write an OME-TIFF whose time axis holds angles and phases, phase fastest."""
    pixels = np.repeat(np.arange(times, dtype=np.uint16), 9)[:, None, None]
    pixels = pixels * np.ones((16, 12), np.uint16)
    tifffile.imwrite(path, pixels, ome=True, metadata={"axes": "TYX", **metadata})
    return path


PHYSICAL = {"PhysicalSizeX": 0.08, "PhysicalSizeY": 0.08}


@pytest.mark.parametrize("rate", [Rate.MAX, 1000.0])
def test_a_recording_is_replayed(tmp_path, rate):
    settings = Settings.model_validate(SETTINGS)
    path = write_recording(tmp_path / "a.ome.tif", **PHYSICAL)
    seen = []
    with (
        running(lossless=True) as engine,
        open_recording(path, settings.pattern) as recording,
        Sender(engine.control) as sender,
    ):
        delivery = replay(recording, sender, settings, Pace(rate), lambda *at: seen.append(at))
        assert engine.times() == [0, 1, 2]
    assert delivery.received == 27
    assert seen == [(count, 27) for count in range(1, 28)]


def test_an_interrupted_replay_ends_its_stream(tmp_path):
    settings = Settings.model_validate(SETTINGS)
    path = write_recording(tmp_path / "a.ome.tif", **PHYSICAL)

    def interrupt(sent, total):
        if sent == 13:
            raise KeyboardInterrupt

    with (
        running(lossless=True) as engine,
        open_recording(path, settings.pattern) as recording,
        Sender(engine.control) as sender,
    ):
        with pytest.raises(KeyboardInterrupt):
            replay(recording, sender, settings, Pace(Rate.MAX), interrupt)
        got = engine.messages()
    assert [one.index.time for one in got[1:-1]] == [0]
    assert (got[-1].aborted, got[-1].sent) == (True, 13)


def test_a_file_without_times_is_as_recorded_at_20_raw_stacks_a_second(tmp_path):
    path = write_recording(tmp_path / "a.ome.tif", **PHYSICAL)
    with open_recording(path, Settings.model_validate(SETTINGS).pattern) as recording:
        assert not states_times(recording)
        due = due_times(recording, Rate.REAL)
        moments = [due(frame) for frame in recording.frames()]
        frames = prod(recording.stack_shape)
    assert moments == pytest.approx([n / (20.0 * frames) for n in range(len(moments))])


def test_a_file_that_states_its_times_is_replayed_by_them(tmp_path):
    path = write_recording(tmp_path / "a.ome.tif", **PHYSICAL | {"TimeIncrement": 2.0})
    with open_recording(path, Settings.model_validate(SETTINGS).pattern) as recording:
        assert states_times(recording)
        due = due_times(recording, Rate.REAL)
        later = [due(frame) for frame in recording.frames() if frame.axes.time == 1]
        assert later[0] == pytest.approx(recording.interval_s)


@pytest.mark.parametrize(("text", "rate"), [("real", Rate.REAL), ("max", Rate.MAX), ("25", 25.0)])
def test_rates_are_read(text, rate):
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["fast", "0", "-1", "nan", "inf"])
def test_other_rates_are_refused(text):
    with pytest.raises(ValueError, match="expected a rate of real, max or raw frames"):
        parse_rate(text)
