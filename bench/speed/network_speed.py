"""Time the networks in turn with matrix products: `python -m bench.speed.network_speed`.

`--compile` times torch.compile as well, which needs a C++ compiler.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from bench.report import Row, report, show
from livesim.speed.machine import matrix_products
from livesim.speed.timing import Task, in_turn
from livesim_models.checkpoint import read_model
from livesim_models.flops import flops
from livesim_models.rcan.frozen import InferenceRcan, fast_dtypes
from livesim_models.rcan.model import Rcan
from livesim_models.rcan.strips import Convolution, StripRcan
from livesim_models.shipped import STEPS, StepName, model_file

Form = Callable[[Tensor], Tensor]
CPU = torch.device("cpu")
SIZES = (128, 512)
"""Of raw frames; step two's images are twice as long."""
BARE = "convolution of a strip"
FEATURES, ROWS, COLUMNS = 32, 32, 512
TITLE = "The networks, least of the rounds"
ROUNDS = 15
MOST_S = 7.0
PROFILES = 7
BEFORE, AFTER = "as trained, autocast", "in strips"
KINDS = {
    "convolution": ("mkldnn_convolution", "_convolution_pointwise"),
    "add, scale, clip": ("addcmul", "add", "add_", "clamp_min", "clamp_min_"),
    "copy, cast": ("copy_", "cat", "_to_copy", "fill_"),
    "sum": ("sum", "mean", "div_"),
}


def timed(work: Callable[[], object]) -> Task:
    """Return a task that takes the time of one thread on its processor; of several, by the clock.

    The first does not count what other programs take.
    """
    clock = time.thread_time if torch.get_num_threads() == 1 else time.perf_counter

    def task() -> float:
        begin = clock()
        work()
        return 1000.0 * (clock() - begin)

    return task


def autocast(network: Rcan, dtype: torch.dtype) -> Form:
    """Return the trained network as it ran before it was frozen."""

    def run(image: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype, enabled=dtype is not torch.float32):
            return network(image).float()

    return run


def forms(network: Rcan, dtype: torch.dtype) -> dict[str, Form]:
    """Return the network's forms, each with one change more than the one before."""
    found: dict[str, Form] = {
        BEFORE: autocast(network, dtype),
        "weights converted once": InferenceRcan(network, dtype),
    }
    if dtype in fast_dtypes():
        found["kept maps, attention in the weights"] = StripRcan(network, dtype, math.inf)
        found[AFTER] = StripRcan(network, dtype)
    if "--compile" in sys.argv:
        found["torch.compile"] = torch.compile(InferenceRcan(network, dtype))
    return found


def shown(step: StepName, size: int) -> tuple[Rcan, Tensor]:
    """Return a shipped network and something to look at."""
    network = read_model(model_file("pair", step)).network
    long = size if step == "one" else 2 * size
    return network, torch.rand(1, network.architecture.inputs, long, long)


def measure(step: StepName, size: int, dtype: torch.dtype) -> list[Row]:
    """Return one row for each form of a network."""
    network, image = shown(step, size)
    own = {name: partial(form, image) for name, form in forms(network, dtype).items()}
    products, operations = matrix_products(CPU, dtype)
    bare, bare_operations = convolution(dtype)
    tasks = {name: timed(work) for name, work in (products | {BARE: bare} | own).items()}
    with torch.inference_mode():
        times = in_turn(tasks, ROUNDS, MOST_S)
    kernel = bare_operations / times[BARE].least_ms / 1e6
    limit = operations / min(times[name].least_ms for name in products) / 1e6
    work = flops(lambda: network(image))
    return [
        {
            "step": step,
            "raw": size,
            "precision": _name(dtype),
            "threads": torch.get_num_threads(),
            "form": name,
            "ms": times[name].least_ms,
            "median ms": times[name].median_ms,
            "GFLOP/s": work / times[name].least_ms / 1e6,
            "of GEMM": work / times[name].least_ms / 1e6 / limit,
            "of convolution": work / times[name].least_ms / 1e6 / kernel,
            "times before": times[BEFORE].least_ms / times[name].least_ms,
        }
        for name in own
    ]


def convolution(dtype: torch.dtype) -> tuple[Callable[[], object], float]:
    """Return the convolution of a strip as the shipped networks have it, and its operations."""
    image = torch.randn(1, FEATURES, ROWS + 2, COLUMNS).to(dtype)
    image = image.to(memory_format=torch.channels_last)
    weight = torch.randn(FEATURES, FEATURES, 3, 3)
    work = Convolution.packed(weight, torch.zeros(FEATURES), dtype)
    return partial(work, image), 2.0 * 9 * FEATURES**2 * ROWS * COLUMNS


def shares(step: StepName, size: int, dtype: torch.dtype) -> list[Row]:
    """Return where the time goes in the first and in the last form."""
    network, image = shown(step, size)
    found = forms(network, dtype)
    return [
        {"step": step, "raw": size, "precision": _name(dtype), "form": name}
        | _profile(partial(found[name], image))
        for name in (BEFORE, AFTER)
        if name in found
    ]


def _profile(work: Callable[[], object]) -> dict[str, float]:
    """Return how many ms every kind of operation took, in the fastest of some calls."""
    with torch.inference_mode():
        work()
        return min((_profiled(work) for _ in range(PROFILES)), key=lambda one: sum(one.values()))


def _profiled(work: Callable[[], object]) -> dict[str, float]:
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        work()
    by_kind = {**dict.fromkeys(KINDS, 0.0), "all else": 0.0}
    for event in profiler.key_averages():
        name = event.key.rpartition("::")[2]
        kind = next((kind for kind, names in KINDS.items() if name in names), "all else")
        by_kind[kind] += event.self_cpu_time_total / 1000.0
    return {f"{kind} ms": spent for kind, spent in by_kind.items()}


def bounds(dtype: torch.dtype) -> list[Row]:
    """Return the rates of a strip's convolution alone, and of the products of a faster algorithm.

    Winograd's F(2 x 2, 3 x 3) multiplies 16 matrices where the direct convolution needs 36 / 16 as
    many operations (Lavin and Gray, CVPR 2016); what turns pixels into them and back is left out.
    """
    tiles = torch.randn(16, ROWS * COLUMNS // 4, FEATURES).to(dtype)
    weights = torch.randn(16, FEATURES, FEATURES).to(dtype)
    products, operations = matrix_products(CPU, dtype)
    bare, direct = convolution(dtype)
    work: dict[str, tuple[Callable[[], object], float]] = {
        name: (product, operations) for name, product in products.items()
    }
    work[BARE] = (bare, direct)
    work["Winograd's products alone"] = (lambda: torch.bmm(tiles, weights), direct)
    work["Winograd's products and tiles"] = (
        lambda: tiles.clone().copy_(torch.bmm(tiles, weights)),
        direct,
    )
    with torch.inference_mode():
        times = in_turn({name: timed(task) for name, (task, _) in work.items()}, 40, 5.0)
    return [
        {
            "precision": _name(dtype),
            "threads": torch.get_num_threads(),
            "work": name,
            "ms": times[name].least_ms,
            "direct GFLOP/s": operations / times[name].least_ms / 1e6,
        }
        for name, (_, operations) in work.items()
    ]


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def main() -> None:
    """Measure, print, write; after every number of threads, since it takes minutes."""
    dtypes = fast_dtypes() or (torch.float32,)
    cores = torch.get_num_threads()
    torch.set_num_threads(1)
    profiles = [row for step in STEPS for row in shares(step, SIZES[-1], dtypes[-1])]
    show("Profile of one call on one thread", profiles)
    rows: list[Row] = []
    limits: list[Row] = []
    for threads in dict.fromkeys((1, cores)):
        torch.set_num_threads(threads)
        limits += [row for dtype in dtypes for row in bounds(dtype)]
        show("Alone", limits)
        rows += [r for d in dtypes for n in SIZES for step in STEPS for r in measure(step, n, d)]
        report("network_speed", TITLE, rows, bounds=limits, profiles=profiles)


if __name__ == "__main__":
    main()
