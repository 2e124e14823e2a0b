"""What an engine writes beside recordings while a stream goes through a link to it."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest

from livesim.config.changes import steered
from livesim.engine.process import Engine
from livesim.engine.record.beside import BesideRecordings
from livesim.engine.seams import Resolved
from livesim.io.logs import read_settings_log
from livesim.io.recording_files import SETTINGS_LOG_NAME
from livesim.router.link import GoneError, Link
from livesim.router.member import Reach
from livesim.values.frames import RawStack, StackIndex
from tests.support.running_engine import (
    OWN,
    FakePipeline,
    Fakes,
    anywhere,
    at_work,
    start,
    wait_for,
)

OTHER = Resolved(steered(OWN, {"reconstruction.wiener": 0.3}))
"""What recordings are made with here, so that their log says from which stack on others hold."""


@contextmanager
def part(root, gate=None):
    """Run one of several engines, which reconstructs nothing until its gate is open."""
    fakes = Fakes(lambda settings: lambda stacks, ended: FakePipeline(gate=gate))
    recordings = BesideRecordings(root)
    with Engine(anywhere(record_later=True), fakes, None, recordings) as engine, at_work(engine):
        yield engine


def linked(engine, stream="s", there=lambda: True):
    where = engine.endpoints
    return Link(Reach(1, where.frames, where.control), start(stream), there)


def recorder(folder):
    folder.mkdir()
    return SimpleNamespace(folder=folder, resolved=OTHER)


def stack(at):
    return RawStack("s", StackIndex(time=at), np.zeros((3, 3, 16, 12), np.uint16))


def begun(folder):
    """Return the raw stacks from which on the settings are others than those of the recording."""
    log = folder / SETTINGS_LOG_NAME
    return [one.stack.time for one in read_settings_log(log)] if log.exists() else []


def finish(link, engine):
    link.end()
    wait_for(engine, lambda status: status.stream is None)
    link.close()


def test_every_stack_belongs_to_the_recording_that_it_was_sent_for(tmp_path):
    """However far reconstruction is behind."""
    gate = threading.Event()
    first, second = recorder(tmp_path / "first"), recorder(tmp_path / "second")
    with part(tmp_path, gate) as engine:
        link = linked(engine)
        for at, one in enumerate((None, first, first, None, second, second)):
            link.record(one)
            link.send(stack(at))
        gate.set()
        finish(link, engine)
    assert (begun(first.folder), begun(second.folder)) == ([1], [4])


def test_a_stream_that_is_not_recorded_leaves_the_last_recording_alone(tmp_path):
    over = recorder(tmp_path / "over")
    with part(tmp_path) as engine:
        link = linked(engine)
        link.record(over)
        link.send(stack(0))
        finish(link, engine)
        (tmp_path / "over" / SETTINGS_LOG_NAME).unlink()  # what is written now is the next stream's
        link = linked(engine, "next")
        link.send(stack(7))
        finish(link, engine)
    assert begun(over.folder) == []


def test_an_engine_that_has_gone_takes_nothing_and_is_told_nothing(tmp_path):
    there = [True]
    with part(tmp_path) as engine:
        link = linked(engine, there=lambda: there[0])
        there[0] = False
        for work in (link.end, lambda: link.send(stack(0)), lambda: link.record(object())):
            with pytest.raises(GoneError):
                work()
        link.close()
