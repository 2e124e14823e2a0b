"""What the GPU and the host do for one raw stack: calls counted, kernels by time."""

from __future__ import annotations

from collections import Counter
from functools import partial

from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile, record_function

from bench.gpu.cases import PAIR, PLAIN, UNIVERSAL, Machine
from bench.gpu.parts import Found, Parts
from bench.gpu.times import fresh, prepared
from livesim.config.settings import Steps
from livesim.pipeline.graphs import ReplayedPath
from livesim.speed.scene import make_scene

STACKS = 8
RANGE = "stacks"
WAITING = (
    "cudaMalloc",
    "cudaFree",
    "cudaHostAlloc",
    "cudaDeviceSynchronize",
    "cudaStreamSynchronize",
    "cudaMemcpy",
)
"""Calls that allocate, or let the host wait for all that was asked for."""
_MOST_ROWS = 40


def run(parts: Parts, machine: Machine) -> None:
    """Profile some stacks in every way."""
    side = 64 if machine.rehearsal else 512
    with machine.as_on_a_gpu():
        for name, steps in (("plain", PLAIN), ("pair", PAIR), ("universal", UNIVERSAL)):
            parts(f"{side} x {side}, {name}", partial(_profiled, side, steps, machine))


def _profiled(side: int, steps: Steps, machine: Machine) -> Found:
    scene = make_scene(side)
    pipeline, _ = prepared(scene, steps, "auto", ReplayedPath(machine.gpu()))
    stacks = fresh(scene)
    for stack in stacks:
        pipeline.reconstruct(stack)
    kinds = [ProfilerActivity.CPU]
    if not machine.rehearsal:
        kinds.append(ProfilerActivity.CUDA)
    with profile(activities=kinds) as seen:
        with record_function(RANGE):
            for number in range(STACKS):
                pipeline.reconstruct(stacks[number % len(stacks)])
        machine.wait()
    calls = calls_within(seen)
    rows = sorted(seen.key_averages(), key=lambda one: -_microseconds(one))[:_MOST_ROWS]
    return {
        "waiting": {name: calls[name] for name in WAITING if name in calls},
        "calls": {name: count for name, count in calls.items() if name.startswith("cuda")},
        "rows": [[one.key[:80], one.count, round(_microseconds(one), 1)] for one in rows],
    }


def calls_within(seen: profile) -> dict[str, int]:
    """Return how often each call was made within the range alone.

    What ends a profile waits for the GPU itself, which is no fault of what is profiled.
    """
    events = [one for one in seen.events() or [] if one.device_type == DeviceType.CPU]
    (within,) = (one.time_range for one in events if one.name == RANGE)
    return Counter(e.name for e in events if within.start <= e.time_range.start <= within.end)


def _microseconds(row: object) -> float:
    """Return the time on the GPU, or in a rehearsal on the CPU, whatever this torch calls it."""
    for name in ("self_device_time_total", "self_cuda_time_total"):
        if getattr(row, name, 0.0):
            return float(getattr(row, name))
    return float(getattr(row, "self_cpu_time_total", 0.0))
