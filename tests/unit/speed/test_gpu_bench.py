"""What a machine with a GPU is asked first: a part that fails costs no other one, and is found."""

import json
from functools import cache

import pytest
import torch
from torch.profiler import ProfilerActivity, profile, record_function

from bench.gpu.arithmetic import counted
from bench.gpu.captures import at_once_off, channels_off, failing_capture, section_off
from bench.gpu.cases import CASES, QUICK, Case, Machine
from bench.gpu.parts import Parts
from bench.gpu.profiled import RANGE, calls_within
from bench.gpu.sections import images
from livesim.pipeline.sections import Sections
from livesim.speed.scene import make_scene
from livesim_models.checkpoint import read_model
from livesim_models.flops import flops
from livesim_models.shipped import model_file

REHEARSAL = Machine(rehearsal=True)


def test_a_part_that_fails_is_written_and_the_next_one_runs(tmp_path):
    out = tmp_path / "step.jsonl"
    parts = Parts(out, most_s=60.0)

    def failing():
        raise torch.OutOfMemoryError("CUDA out of memory")

    parts("first", failing)
    parts("second", lambda: {"ok": True, "ms": 2.0})
    parts("third", lambda: {"ok": False})
    late = Parts(out, most_s=-1.0)
    late("fourth", failing)
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [line["part"] for line in lines] == ["first", "second", "third", "fourth"]
    assert lines[0]["error"] == "OutOfMemoryError: CUDA out of memory"
    assert lines[1]["ms"] == 2.0
    assert "left_out" in lines[3]
    assert (parts.failed, late.failed) == (2, 0)


def test_calls_are_counted_within_the_range_alone():
    """What a profile itself asks for comes after the range."""
    values = torch.ones(4)
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        with record_function(RANGE):
            values.mul(2.0)
            values.mul(3.0)
        values.mul(4.0)
        values.add(1.0)
    calls = calls_within(seen)
    assert calls["aten::mul"] == 2
    assert "aten::add" not in calls


@pytest.mark.parametrize("name", ["plain 3 x 3", "plain 7 frames", "plain two harmonics"])
def test_sections_of_every_layout_take_fresh_inputs(name):
    small = Case(pattern=CASES[name].pattern, shape=(40, 48))
    assert images(small, REHEARSAL)["ok"]
    for section in ("look", "judge", "combine"):
        assert section_off(small, section, REHEARSAL)["ok"]


def test_a_section_that_keeps_what_it_found_before_is_noticed(monkeypatch):
    """Outputs are poisoned before a replay, so what nothing writes to shows."""
    once = cache(Sections.look)
    monkeypatch.setattr(Sections, "look", lambda self, counts: once(self, self._kept))
    monkeypatch.setattr(Sections, "_kept", torch.ones(9, 40, 48), raising=False)
    assert not section_off(Case(shape=(40, 48)), "look", REHEARSAL)["ok"]


@pytest.mark.parametrize(
    "off", [at_once_off, lambda case, machine: channels_off((40, 48), machine)]
)
def test_how_many_are_under_way_changes_no_image(off):
    with REHEARSAL.as_on_a_gpu():
        found = off(Case(shape=(40, 48)), REHEARSAL)
    assert found["ok"], found


def test_a_capture_that_fails_does_not_keep_the_next_one_from_running():
    assert failing_capture(REHEARSAL)["ok"]


def test_what_is_counted_of_a_stack_is_its_network_s_operations_and_little_more():
    found = counted(make_scene(64), QUICK)
    network = read_model(model_file("quick", "two")).network
    image = torch.rand(1, network.architecture.inputs, 128, 128)
    with torch.inference_mode():
        own = flops(lambda: network(image))
    assert own < found.flop < 1.01 * own
    assert found.ms["H100"] < found.ms["RTX 4090"] < found.ms["RTX 3060"]
    assert found.bytes > 2 * image.nbytes
    image_bytes, frame_bytes = 4 * 128**2, 4 * 64**2
    assert found.up == 9 * 2 * 64**2
    assert found.down == 2 * image_bytes + frame_bytes
    assert found.stages_down == 3 * image_bytes + frame_bytes
