"""How many cores torch uses in the threads of an engine, and that nobody else's number changes."""

from __future__ import annotations

import threading

import pytest
import torch

from livesim.pipeline.build import pipeline_factory
from livesim.pipeline.calibration import calibrate
from livesim.pipeline.computing import TorchComputing
from livesim.pipeline.cores import TorchCores
from tests.support.scenes import simulate

WAIT_S = 60.0


def in_thread(work):
    """Return what `work` returns in a thread that torch does not know yet."""
    found = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


def test_a_worker_leaves_the_cores_of_the_frame_path_alone(monkeypatch):
    before, found = torch.get_num_threads(), {}
    cores = TorchCores(2)
    met, quiet_done = threading.Event(), threading.Event()
    set_threads = torch.set_num_threads

    def slow_set(count):
        set_threads(count)
        if count == 1:  # the moment in which any thread that torch does not know yet gets one
            met.set()
            assert not quiet_done.wait(0.2)

    def quiet():
        cores.use_one()
        found["quiet"] = torch.get_num_threads()
        quiet_done.set()

    def frame_path():
        assert met.wait(WAIT_S)
        found["met"] = torch.get_num_threads()
        cores.use_all()
        found["frame path"] = torch.get_num_threads()

    monkeypatch.setattr(torch, "set_num_threads", slow_set)
    threads = [threading.Thread(target=work) for work in (quiet, frame_path)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        set_threads(before)
    assert found == {"quiet": 1, "met": 1, "frame path": 2}


@pytest.fixture
def three():
    """Let torch use three cores in this process, a number that nothing here sets by itself."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield 3
    torch.set_num_threads(before)


def test_calibrating_and_reconstructing_leave_the_callers_cores_alone(three):
    scene = simulate(4, (96, 96), peak=200.0)
    settings = scene.described()
    stack = scene.stack
    calibrate([stack], settings)
    pipeline = pipeline_factory(settings, scene.pattern)([stack], True)
    try:
        pipeline(stack)
    finally:
        pipeline.close()
        pipeline._background._worker.join(WAIT_S)
    assert torch.get_num_threads() == three
    assert in_thread(torch.get_num_threads) == three


def test_the_engines_pipelines_track_their_pattern_on_one_core():
    scene = simulate(4, (96, 96), peak=200.0)
    settings = scene.described()
    stack = scene.stack
    computing, claimed = TorchComputing(scene.pattern, lambda own: None), threading.Event()
    computing._cores.use_one = claimed.set
    pipeline = computing.factory_for(settings)([stack], True)
    try:
        assert claimed.wait(WAIT_S)
    finally:
        pipeline.close()
