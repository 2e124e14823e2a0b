"""A stream that is steered in its middle: what is restored of it later has the same pixels."""

from __future__ import annotations

import shutil
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import zarr

from livesim.commands.steer import steer_engine
from livesim.config.settings import load_settings
from livesim.io.logs import read_settings_log
from livesim.io.read.open import open_recording
from livesim.processes.engine import EngineProcess
from livesim.wire.control_client import ControlClient
from livesim.wire.messages import StreamStart
from livesim_acquisition.sender import Sender
from livesim_models.shipped import model_file
from tests.support.waiting import wait_for
from tests.system.test_live_equals_offline import livesim
from tests.system.test_tracking import TIMES, recording

pytestmark = pytest.mark.slow

WAIT_S = 120.0


class Source:
    """Sends raw stacks of a recording, some at a time, and waits until they are reconstructed."""

    def __init__(self, raw, sender, client):
        self._frames, self._sender, self._client = endless(raw), sender, client
        self._sent = 0

    def send(self, count):
        for _ in range(9 * count):
            self._sender.send(next(self._frames))
        self._sent += count
        wait_for(lambda: self._client.status(WAIT_S).stages[3].done >= self._sent)


def endless(raw):
    """Yield the frames of a recording, and again, as later ones: nobody knows how many it takes."""
    for turn in count():
        for frame in raw.frames():
            axes = replace(frame.axes, time=frame.axes.time + turn * TIMES)
            yield replace(frame, sequence=frame.sequence + 9 * turn * TIMES, axes=axes)


def steered(source, client, *changes):
    """Steer, and send stacks until the engine has taken it in."""
    client.steer(dict(changes), WAIT_S)
    while client.status(WAIT_S).steering.pending:
        source.send(1)


def test_what_was_steered_live_is_restored_with_the_same_pixels(tmp_path):
    raw = recording(tmp_path)
    folder = tmp_path / "recorded"
    mine = Path(shutil.copy(model_file("quick", "two"), tmp_path / "mine.safetensors"))
    config = load_settings(raw.with_suffix(".toml"))
    with (
        EngineProcess("--lossless", f"--record={folder}", "--record-later") as engine,
        Sender(engine.control()) as sender,
        ControlClient(engine.control()) as client,
        open_recording(raw, config.pattern) as opened,
    ):
        settings = config.model_dump(mode="json", exclude_none=True)
        sender.start(StreamStart(stream="s", source="test", settings=settings))
        source = Source(opened, sender, client)
        source.send(5)
        steer_engine(engine.control(), [], record="on")
        source.send(3)
        steered(source, client, ("reconstruction.wiener", 0.3))
        source.send(2)
        steered(source, client, ("steps.one", "pair"), ("steps.two", "none"))
        source.send(2)
        steered(source, client, ("steps.one", "none"), ("steps.two", str(mine)))
        source.send(2)
        client.recalibrate(WAIT_S)
        while client.status(WAIT_S).steering.recalibrating:
            source.send(1)
        source.send(2)
        sender.finish()
        wait_for(lambda: client.status(WAIT_S).stream is None)

    stream = folder / "stream-001"
    changes = read_settings_log(stream / "settings-log.jsonl")
    assert [dict(change.new) for change in changes] == [
        {"reconstruction.wiener": 0.3},
        {"steps.one": "pair", "steps.two": "none"},
        {"steps.one": "none", "steps.two": str(mine)},
    ]
    assert list(changes[2].networks) == ["pair-one.safetensors", mine.name], "swapped"
    assert changes[2].networks[mine.name].card["name"] == "quick"
    assert "asked for; estimated" in (stream / "pattern-log.jsonl").read_text()
    live = zarr.open_array(stream / "results.ome.zarr" / "0", mode="r")[:, 0, 0]
    assert np.isnan(live[:5]).all()
    again = tmp_path / "again.ome.zarr"
    livesim("restore", stream / "raw.zarr", "--out", again)
    offline = zarr.open_array(again / "0", mode="r")[:, 0, 0]
    np.testing.assert_array_equal(live[5:], offline)
