"""An engine in a process of its own to which a thousand strangers connect while it records."""

from __future__ import annotations

import sys
import threading
from contextlib import ExitStack, suppress
from pathlib import Path

import numpy as np
import pytest
import zarr

from livesim.values.frames import FrameAxes, RawFrame
from livesim.wire.control_client import ControlClient
from livesim.wire.messages import StreamStart
from livesim_acquisition.sender import Sender
from tests.support.processes import LIMIT_S, engine
from tests.support.running_engine import SETTINGS
from tests.support.stranger import bare
from tests.support.waiting import wait_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and what Linux can limit"),
]

STRANGERS = 1500
STACKS = 40
USUAL = ("sh", "-c", 'ulimit -Sn 1024; exec "$@"', "sh")
"""The number of files that a process may open on most systems, unless it asks for more."""


class Flood:
    """Connections that say nothing, at all sockets in turn; who is cut off is replaced."""

    def __init__(self, addresses):
        self._addresses = addresses
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.made = 0

    def _run(self):
        with ExitStack() as held:
            while not self._over.is_set():
                with suppress(OSError):  # there may be no room
                    held.enter_context(bare(self._addresses[self.made % len(self._addresses)]))
                    self.made += 1
                if self.made % STRANGERS == 0:
                    held.close()

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()


def test_recording_survives_a_thousand_strangers(tmp_path):
    with engine(tmp_path, "lossless", within=USUAL) as running, ExitStack() as opened:
        sender = opened.enter_context(Sender(running.control, answer_s=LIMIT_S))
        client = opened.enter_context(ControlClient(running.control))
        endpoints = client.status(LIMIT_S).endpoints
        addresses = [endpoints.frames, endpoints.results, endpoints.control]
        sender.start(StreamStart(stream="s", settings=SETTINGS))
        with Flood(addresses) as flood:
            for time_ in range(STACKS):
                for number, (angle, phase) in enumerate(np.ndindex(3, 3)):
                    axes = FrameAxes(time=time_, angle=angle, phase=phase)
                    pixels = np.full((64, 64), time_, np.uint16)
                    sender.send(RawFrame("s", 9 * time_ + number, axes, pixels, 5.0))
                least = (time_ + 1) * 3 * STRANGERS // STACKS
                wait_for(lambda: flood.made, lambda made, least=least: made >= least)
            assert sender.finish().received == 9 * STACKS
            status = client.status(LIMIT_S)
            files = len(list(Path(f"/proc/{running.process.popen.pid}/fd").iterdir()))
        assert flood.made >= 3 * STRANGERS
        assert status.faults.unrecorded_stacks == 0
        assert files < 3 * STRANGERS
        running.wait_for(lambda s: s.stream is None)
        raw = zarr.open_group(tmp_path / "stream-001" / "raw.zarr", mode="r")
        assert np.asarray(raw["raw"])[0, :, 0, 0, 0, 0, 0, 0].tolist() == list(range(STACKS))
        with ControlClient(running.control) as later:
            later.stop(LIMIT_S)
        assert running.process.wait() == 0, running.process.text
