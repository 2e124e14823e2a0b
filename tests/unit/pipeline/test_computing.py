"""What an engine computes on: which device is taken and said, and what is ready at the start."""

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from livesim.cli import app
from livesim.pipeline import computing
from livesim.pipeline.build import pipeline_factory
from livesim.pipeline.computing import TorchComputing
from livesim.pipeline.cpu import EagerPath
from livesim.pipeline.cuda import NETWORKS_FIRST, PLAIN_FIRST
from livesim.pipeline.graphs import ReplayedPath
from livesim.pipeline.lanes import MOST_LANES
from livesim_models.rcan import frozen
from tests.doubles.gpu import LateGpu
from tests.unit.pipeline.test_frame_path import CPU, PLAIN, STEPS, Stream

SECOND = torch.device("cuda", 1)


@pytest.fixture
def two_gpus(monkeypatch):
    both = (torch.device("cuda", 0), SECOND)
    names = {both[0]: "an old one", SECOND: "a new one"}
    monkeypatch.setattr(computing, "devices", lambda: both)
    monkeypatch.setattr(torch.cuda, "get_device_name", names.__getitem__)
    memory = {both[0]: (1 << 30, 8 << 30), SECOND: (3 << 30, 4 << 30)}
    monkeypatch.setattr(torch.cuda, "mem_get_info", memory.__getitem__)


def test_the_status_is_that_of_the_gpu_that_was_taken(two_gpus, monkeypatch):
    taken = []
    monkeypatch.setattr(
        computing, "pipeline_factory", lambda *arguments, **_: taken.append(arguments[3])
    )
    own = TorchComputing(None, lambda settings: None)
    assert own.device().name == "an old one"
    for _ in range(2):
        own.factory_for(Stream().settings)
    assert taken[-1] == SECOND
    assert own.device().name == "a new one"
    assert own.device().memory_used_bytes == 1 << 30


def test_the_status_says_where_nothing_could_be_captured():
    own = TorchComputing(None, lambda settings: None)
    path = own._path_on(CPU, 0)
    assert own.device().note == ""
    path.note = "nothing could be captured on cpu: no memory"
    assert own.device().note == path.note
    del path
    assert own.device().note == "", "of streams that run alone"


@pytest.mark.parametrize("steps", ["plain", "both"])
def test_with_a_known_pattern_a_gpu_has_captured_everything_before_the_first_frame(
    steps, monkeypatch
):
    monkeypatch.setattr(frozen, "fast_dtypes", lambda: ())
    stream, gpus = Stream(STEPS[steps]), []

    def late_path(device, priority):
        gpus.append(LateGpu(priority))
        return ReplayedPath(gpus[-1])

    factory = pipeline_factory(stream.settings, stream.pattern, None, CPU, path_on=late_path)
    before = [gpu.captures for gpu in gpus]
    assert before == ([3, 0] if steps == "plain" else [6, 3])
    pipeline = factory(stream.stacks[:1], True)
    try:
        if steps == "both":
            pipeline.begin_plain(stream.stacks[0]).take().later.run()
        else:
            pipeline.begin(stream.stacks[0]).take()
        assert [gpu.captures for gpu in gpus] == before
    finally:
        pipeline.close()


def test_a_cpu_prepares_nothing_ahead(monkeypatch):
    prepared = []
    monkeypatch.setattr(EagerPath, "prepare", lambda self, sections: prepared.append(sections))
    stream = Stream(PLAIN)
    pipeline_factory(stream.settings, stream.pattern, None, CPU)
    assert not prepared


def test_only_networks_have_more_than_one_lane(monkeypatch):
    asked = []

    def path(device, priority, *, lanes):
        asked.append((priority, lanes))
        return EagerPath(device)

    monkeypatch.setattr(computing, "path_for", path)
    own = TorchComputing(None, lambda settings: None, lanes=8)
    for priority in (NETWORKS_FIRST, PLAIN_FIRST):
        own._path_on(CPU, priority)
    assert asked == [(NETWORKS_FIRST, 8), (PLAIN_FIRST, 1)]


def test_stages_come_down_while_somebody_looks_at_them(monkeypatch):
    monkeypatch.setattr(frozen, "fast_dtypes", lambda: ())
    monkeypatch.setattr(computing, "path_for", lambda *_, lanes: ReplayedPath(LateGpu(1)))
    stream, looked_at = Stream(STEPS["step one"]), [False]
    own = TorchComputing(stream.pattern, lambda settings: None)
    own.fetch_stages_while(lambda: looked_at[0])
    pipeline = own.factory_for(stream.settings)(stream.stacks[:1], True)
    try:
        assert pipeline.begin(stream.stacks[0]).take().network is None
        looked_at[0] = True
        assert pipeline.begin(stream.stacks[1]).take().network is not None
        looked_at[0] = False
        later = pipeline.begin_plain(stream.stacks[2]).take().later
        assert [one.network for one in later.run()] == [None]
    finally:
        pipeline.close()


def test_raw_stacks_are_assembled_in_page_locked_memory_where_there_is_a_gpu(monkeypatch):
    shape, kind = (3, 3, 4, 4), np.dtype(np.uint16)
    anywhere = TorchComputing(None, lambda settings: None).memory(shape, kind)
    assert (anywhere.shape, anywhere.dtype) == (shape, kind)
    locked = np.empty(shape, kind)
    monkeypatch.setattr(computing, "devices", lambda: (SECOND,))
    monkeypatch.setattr(computing, "LockedMemory", lambda: lambda shape, dtype: locked)
    assert TorchComputing(None, lambda settings: None).memory(shape, kind) is locked


@pytest.mark.parametrize(("options", "lanes"), [((), 1), (("--lossless",), MOST_LANES)])
def test_an_engine_that_may_skip_no_stack_works_on_several_at_once(options, lanes, monkeypatch):
    given = []
    monkeypatch.setattr(
        "livesim.commands.engine.run_engine", lambda _, own, *__, **___: given.append(own._lanes)
    )
    assert CliRunner().invoke(app, ["engine", *options]).exit_code == 0
    assert given == [lanes]
