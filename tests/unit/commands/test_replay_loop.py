"""A recording replayed without end: one stream whose time goes on."""

from __future__ import annotations

import json
from itertools import islice, pairwise

import numpy as np
import pytest
import tifffile

from livesim.commands.replay.command import replay_files, states_as_json
from livesim.config.settings import PatternSettings, SettingsError
from livesim.io.read.open import open_recording
from livesim_acquisition.replay import replay as replay_module
from livesim_acquisition.replay.pace import Pace
from livesim_acquisition.replay.rate import Rate, due_times
from livesim_acquisition.replay.replay import looped_frames, replay


@pytest.fixture
def recording(tmp_path):
    """Two raw stacks whose every frame says its number."""
    path = tmp_path / "cells.ome.tif"
    pixels = np.arange(18, dtype=np.uint16)[:, None, None] * np.ones((16, 12), np.uint16)
    tifffile.imwrite(path, pixels, ome=True, metadata={"axes": "TYX"})
    with open_recording(path, PatternSettings()) as opened:
        yield opened


def test_every_round_continues_the_time(recording):
    frames = list(islice(looped_frames(recording), 5 * 9))
    assert [frame.sequence for frame in frames] == list(range(45))
    assert [frame.axes.time for frame in frames] == np.repeat(np.arange(5), 9).tolist()
    assert [int(frame.pixels[0, 0]) for frame in frames] == [n % 18 for n in range(45)]
    assert len({frame.axes for frame in frames}) == 45


def test_the_pace_goes_on_and_the_stream_has_no_end(recording, monkeypatch):
    told = {}

    def stream(frames, sender, start, sent):
        told.update(start=start, frames=list(islice(frames, 40)))

    monkeypatch.setattr(replay_module, "stream_frames", stream)
    replay(recording, None, None, Pace(1000.0), loop=True)
    assert told["start"].sizes is None
    assert [frame.sequence for frame in told["frames"]] == list(range(40))
    due = due_times(recording, 1000.0)
    np.testing.assert_allclose([due(frame) for frame in told["frames"]], np.arange(40) / 1000.0)
    replay(recording, None, None, Pace(Rate.MAX))
    assert told["start"].sizes["time"] == 2
    assert len(told["frames"]) == 18


def test_only_one_recording_is_repeated(tmp_path):
    with pytest.raises(SettingsError, match="--loop: expected one recording, found 2"):
        replay_files([tmp_path, tmp_path], None, Pace(Rate.MAX), "tcp://127.0.0.1:9", loop=True)


def test_a_program_is_told_how_far_it_is_and_of_every_pause(capsys):
    pace = Pace(20.0)
    with states_as_json("a.tif", pace) as progressed:
        progressed(3, 18)
        pace.pause()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[-1] == {"recording": "a.tif", "sent": 3, "total": 18, "paused": True, "rate": "20"}
    assert all(one != other for one, other in pairwise(lines))
