"""Connections of nobody keep no stream open, and where they take all files, recording waits."""

from __future__ import annotations

import errno
import sys

import numpy as np
import pytest

from livesim.engine import descriptors
from livesim.engine.descriptors import patiently, raise_limit
from livesim.engine.meters import Faults
from livesim.engine.record.recorder import Track
from livesim.values.frames import RawStack, StackIndex
from livesim.wire.sockets import FramePusher
from tests.support.running_engine import WAIT_S, frames, running, start
from tests.support.stranger import bare

STACK = RawStack("s", StackIndex(), np.zeros((3, 3, 8, 8), np.uint16))


def test_a_connection_of_nobody_does_not_keep_a_stream_open():
    with running(vanished_s=0.2) as engine:
        address = engine.engine.endpoints.frames
        with FramePusher(address) as source:
            source.send(start(), WAIT_S)
            for frame in frames(1):
                source.send(frame, WAIT_S)
            engine.wait_for(lambda s: s.stages[0].done == 9)
        with bare(address), bare(address):
            status = engine.wait_for(lambda s: s.stream is None)
    assert status.faults.vanished_sources == 1


class Crowded:
    """A sink for which there is a descriptor at the third attempt only."""

    def __init__(self, error=errno.EMFILE):
        self.error, self.attempts, self.written = error, 0, []

    def write(self, value):
        self.attempts += 1
        if self.attempts < 3:
            raise OSError(self.error, "none")
        self.written.append(value)

    def close(self):
        pass


def test_a_write_waits_for_a_descriptor():
    sink, faults = Crowded(), Faults()
    track = Track(lambda first: sink, faults)
    track.write(STACK)
    assert (sink.written, track.written, track.fault) == ([STACK], 1, None)
    assert faults.total.unrecorded_stacks == 0


def test_a_full_disk_is_not_waited_for():
    sink, faults = Crowded(errno.ENOSPC), Faults()
    track = Track(lambda first: sink, faults)
    track.write(STACK)
    assert (sink.attempts, track.written, faults.total.unrecorded_stacks) == (1, 0, 1)


def test_nobody_waits_for_ever(monkeypatch):
    monkeypatch.setattr(descriptors, "PATIENCE_S", 0.05)

    def write():
        raise OSError(errno.EMFILE, "none")

    with pytest.raises(OSError, match="none"):
        patiently(write)


def test_a_recording_begins_only_once_there_are_descriptors(monkeypatch):
    """What is half begun cannot be begun again: its folder is there already."""
    attempts = []

    def spare():
        attempts.append(len(opened))
        if len(attempts) < 3:
            raise OSError(errno.EMFILE, "none")

    opened, sink = [], Crowded()
    monkeypatch.setattr("livesim.engine.record.recorder.spare", spare)
    track = Track(lambda first: opened.append(first) or sink, Faults())
    track.write(STACK)
    assert (attempts, opened) == ([0, 0, 0], [STACK])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ((1024, 20_000), (20_000, 20_000)),
        ((256, -1), (65_536, -1)),
        ((1024, 1 << 20), (65_536, 1 << 20)),
        ((100_000, 1 << 20), None),
        ((4096, 4096), None),
    ],
)
def test_as_many_descriptors_as_the_system_allows(found, expected, monkeypatch):
    import resource

    assert resource.RLIM_INFINITY in (-1, 2**64 - 1, 2**63 - 1)
    found = tuple(resource.RLIM_INFINITY if one == -1 else one for one in found)
    asked = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: found)
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: asked.append(limits))
    raise_limit()
    expected = expected and tuple(resource.RLIM_INFINITY if n == -1 else n for n in expected)
    assert asked == ([] if expected is None else [expected])
