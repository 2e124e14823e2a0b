import json
import sys

import pytest
import torch

from bench.speed.peers import Peers, compare, difference_to_textbook_order
from bench.speed.performance_page import PAGE, page, written_page
from bench.speed.published import GTX_1080_TI_GFLOPS, beside
from livesim.config.settings import SettingsError
from livesim.reconstruction.estimate.estimation import estimate_pattern
from livesim.speed.command import BenchOptions, _load_peers, run_bench
from livesim.speed.floor import RECONSTRUCTION, least_work
from livesim.speed.live import Latency
from livesim.speed.machine import Limits, limits
from livesim.speed.scene import make_scene
from livesim.speed.stages import host_stages, reconstruction_stages
from livesim.speed.tables import sheets
from livesim.speed.timing import Times, in_turn
from livesim_models.checkpoint import read_card
from livesim_models.shipped import model_file

CPU = torch.device("cpu")
LIMIT = Limits("cpu", {"float32": 1.0, "bfloat16": 1.0, "float16": 1.0}, 1.0)


def test_the_page_is_what_the_kept_results_make():
    assert PAGE.read_text(encoding="utf-8") == written_page()


def test_tasks_take_turns_and_the_first_round_does_not_count():
    order = []

    def task(name):
        return lambda: order.append(name) or float(len(order))

    times = in_turn({"a": task("a"), "b": task("b")}, rounds=3)
    assert order == ["a", "b"] * 4
    assert times["a"] == Times.of([3.0, 5.0, 7.0])


def test_no_round_begins_after_the_time_is_up():
    assert in_turn({"slow": lambda: 1.0}, rounds=50, most_s=0.0)["slow"].rounds == 2


def test_times_are_median_and_quartiles():
    assert Times.of([1.0, 2.0, 3.0, 4.0, 100.0]) == Times(3.0, 2.0, 1.0, 5)


@pytest.mark.parametrize("size", [192, 520])
def test_the_scene_is_lit_by_its_pattern(size):
    """Larger fields are tiles of a smaller one, whose period does not fit; the first tile does."""
    scene = make_scene(size)
    assert scene.counts.shape == (3, 3, size, size)
    own = scene.settings
    inside = scene.counts[None, ..., :512, :512]
    found = estimate_pattern(inside, own.optics, own.pattern, own.camera, scene.pattern.pixel_nm)
    for one, true in zip(found.angles, scene.pattern.angles, strict=True):
        assert one.usable
        assert one.k_cycles_per_um == pytest.approx(true.k_cycles_per_um, abs=0.01)


def test_every_stage_is_timed_and_only_the_whole_has_a_limit():
    stages = reconstruction_stages(make_scene(64), CPU, LIMIT, rounds=2)
    names = [stage.name for stage in stages]
    assert names == [
        "upload", "separate", "FFT", "combine", "inverse FFT", RECONSTRUCTION, "tracking check",
    ]  # fmt: skip
    assert all(stage.times.median_ms > 0.0 for stage in stages)
    assert [stage.name for stage in stages if stage.of_limit is not None] == [RECONSTRUCTION]


def test_estimation_plan_wire_and_recording_are_timed():
    names = [stage.name for stage in host_stages(make_scene(64), rounds=2)]
    assert names == ["estimation", "plan", "wire: a result", "recording: a raw stack"]


def test_limits_are_those_of_the_device():
    found = limits(CPU)
    assert found.device == "cpu"
    assert found.copy_gb_s > 0.0
    assert all(rate > 0.0 for rate in found.gemm_gflops.values())


def test_the_textbook_order_makes_the_same_image():
    assert difference_to_textbook_order(make_scene(256)) < 0.02


def test_others_are_compared_with_ours():
    rows = compare(make_scene(64), None, rounds=2)
    assert [(row.job, row.program) for row in rows] == [
        ("estimate", "livesim"),
        ("reconstruct", "livesim"),
        ("reconstruct", "textbook order, torch"),
    ]
    assert rows[1].ratio == 1.0


FOUND = {
    "size": 64,
    "run": {
        "processor": "CPU X", "cores": 2, "threads": 2, "gpu": None, "torch": "2", "python": "3",
        "livesim": "0", "date": "2026-01-02T00:00:00", "load_1min": 0.5,
    },
    "limits": [
        {"device": "cpu", "gemm_gflops": {"float32": 1.0, "bfloat16": 2.0}, "copy_gb_s": 3.0},
    ],
    "stages": [
        {
            "name": "FFT", "device": "cpu", "times": {"median_ms": 1.5, "iqr_ms": 0.1},
            "of_limit": 0.5,
        },
    ],
    "live": [], "curves": [], "not_measured": ["no GPU: not measured"],
}  # fmt: skip


def test_tables_hold_what_was_found():
    limits_sheet, stages_sheet = sheets(FOUND)
    assert limits_sheet.rows == (("cpu", "1", "2", "3"),)
    assert stages_sheet.rows == (("FFT", "cpu", "1.5", "0.1", "50%"),)


def test_published_figures_are_scaled_by_the_rates_of_the_machines():
    def stage(name, median_ms):
        return {"name": name, "device": "cpu", "times": {"median_ms": median_ms}}

    names = (RECONSTRUCTION, "step one, float32", "step two, float32", "step one, bfloat16")
    stages = [stage(name, ms) for name, ms in zip(names, (5.0, 20.0, 60.0, 1.0), strict=True)]
    twice = {"device": "cpu", "gemm_gflops": {"float32": 2.0 * GTX_1080_TI_GFLOPS}}
    net, plain = beside({"size": 512, "limits": [twice], "stages": stages})
    assert (net.other.program, net.milliseconds, net.rates) == ("ML-SIM", 85.0, 2.0)
    assert net.times == pytest.approx(1.0)  # 170 ms at half of the rate
    assert (plain.milliseconds, plain.rates, plain.times) == (5.0, None, None)


def test_published_figures_stand_beside_the_same_field_and_job_only():
    assert not list(beside(FOUND))
    assert not list(beside({**FOUND, "size": 512}))


def test_the_page_says_what_was_not_measured():
    text = page(json.loads(json.dumps(FOUND)), {})
    assert "| FFT | cpu | 1.5 | 0.1 | 50% |" in text
    assert text.endswith("## Not measured\n\n- no GPU: not measured\n")


def test_the_least_work_is_that_of_the_networks_layers_and_of_the_transforms_disks():
    scene = make_scene(64)
    plain, one, two = least_work(scene)
    frames, sides = scene.counts.flatten(0, 1).shape, {"one": 64, "two": 128}
    for work, step, inputs in ((one, "one", frames[0]), (two, "two", 1)):
        shape = read_card(model_file("pair", step)).architecture
        area = (sides[step] // shape.space_to_depth) ** 2
        cell, deep = shape.space_to_depth**2, shape.features
        layers = shape.groups * (2 * shape.blocks + 1) + 1
        weights = 9 * (inputs * cell * deep + layers * deep**2 + deep * inputs * cell)
        narrow = shape.groups * shape.blocks * 2 * deep * (deep // shape.reduction)
        assert work.gflop == pytest.approx(2e-9 * (weights * area + narrow), rel=1e-6)
    # All transforms of full length would be these; the disk of the OTF leaves about half of them.
    full = 3 * 2 * 64 * 5 * 64 * 6 + 2 * 64 * 5 * 64 * 6 / 2 + 2 * 128 * 5 * 128 * 7 / 2
    assert 0.3 * full < 1e9 * plain.gflop < full
    assert plain.mb == (9 * 2 + 5 * 4) * 64 * 64 / 1e6


def test_what_separates_a_stage_from_the_floor_is_told_for_every_precision():
    work = {"stage": "step one", "gflop": 2.0, "mb": 1.0}
    limit = {"device": "cpu", "gemm_gflops": {"float32": 100.0, "bfloat16": 400.0}}
    times = {"median_ms": 40.0, "iqr_ms": 1.0, "least_ms": 39.0, "rounds": 5}
    stages = [
        {"name": f"step one, {kind}", "device": "cpu", "times": times, "of_limit": None}
        for kind in ("float32", "bfloat16")
    ]
    found = {"work": [work], "limits": [{**limit, "copy_gb_s": 50.0}], "stages": stages}
    rows = [r for s in sheets({**FOUND, **found}) if s.title.startswith("Where") for r in s.rows]
    assert [row[4:6] for row in rows] == [("20", "2"), ("5", "8")]


def test_latencies_have_a_line_for_each_stream():
    rows = [
        {"method": f"64², 50% of it: {stage}", "p50": p50, "p95": 2.0, "p99": 3.456}
        for stage, p50 in (("wait", 0.5), ("in all", 1.0))
    ]
    latency = {"rows": rows, "stacks": 40, "left_out": 32, "run": FOUND["run"]}
    spins = {"rows": rows[:1], "stacks": 8, "rounds": 2, "run": FOUND["run"]}
    text = page(json.loads(json.dumps(FOUND)), {"latency": latency, "latency_spins": spins})
    assert "| stream | wait | in all |" in text
    assert "| 64², 50% of it | 0.5 / 2 / 3.46 | 1 / 2 / 3.46 |" in text
    assert "| 64², 50% of it: wait | 0.5 / 2 / 3.46 |" in text
    assert "8 raw stacks" in text


def test_latency_is_that_of_a_stream_that_has_settled():
    """The first stacks wait for their pipeline; what they took says nothing of the others."""
    found = Latency.of([900.0] * 20 + [float(n) for n in range(80)])
    assert found == Latency(80, 39.5, pytest.approx(75.05), pytest.approx(78.21))


def test_peers_without_the_repository_are_one_sentence(tmp_path, monkeypatch):
    """As it is where livesim is installed from a wheel, which has no folder bench."""
    monkeypatch.setitem(sys.modules, "bench.speed.peers", None)
    out = tmp_path / "found.json"
    with pytest.raises(SettingsError, match=r"--peers: expected .*found none: clone"):
        run_bench(BenchOptions.quick(peers=True), out)
    assert not list(tmp_path.iterdir())


def test_peers_of_the_repository_are_loaded():
    peers = _load_peers("python-with-the-peer")
    assert isinstance(peers, Peers)
    assert peers.not_measured == []
