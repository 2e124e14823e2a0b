"""What the GPU and the host do for one raw stack: calls counted, kernels by time."""

from __future__ import annotations

from functools import partial

import torch
from torch.profiler import ProfilerActivity, profile, record_function

from bench.gpu.cases import PAIR, PLAIN, UNIVERSAL, Machine
from bench.gpu.parts import Found, Parts
from bench.gpu.times import fresh, prepared
from livesim.config.settings import Steps
from livesim.speed.scene import make_scene

STACKS = 8
RANGE = "stacks"
WAITING = ("cudaMalloc", "cudaFree", "cudaHostAlloc", "Synchronize", "cudaMemcpy")
_MOST_ROWS = 40


def run(parts: Parts, machine: Machine) -> None:
    """Profile some stacks in every way."""
    side = 64 if machine.rehearsal else 512
    with machine.as_on_a_gpu():
        for name, steps in (("plain", PLAIN), ("pair", PAIR), ("universal", UNIVERSAL)):
            parts(f"{side} x {side}, {name}", partial(_profiled, side, steps, machine))


def _profiled(side: int, steps: Steps, machine: Machine) -> Found:
    scene = make_scene(side)
    pipeline, _, _ = prepared(scene, steps, "auto", machine)
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
    rows = sorted(seen.key_averages(), key=lambda one: -_microseconds(one))[:_MOST_ROWS]
    return {
        "waiting": waiting_calls(seen),
        "rows": [[one.key[:80], one.count, round(_microseconds(one), 1)] for one in rows],
    }


def waiting_calls(seen: profile) -> dict[str, int]:
    """Return calls that allocate or wait, within the range alone.

    What ends a profile waits for the GPU itself, which is no fault of what is profiled.
    """
    events = seen.events() or []
    (within,) = [
        e.time_range
        for e in events
        if e.name == RANGE and e.device_type == torch.autograd.DeviceType.CPU
    ]
    found: dict[str, int] = {}
    for event in events:
        inside = within.start <= event.time_range.start <= within.end
        if inside and any(name in event.name for name in WAITING):
            found[event.name] = found.get(event.name, 0) + 1
    return found


def _microseconds(row: object) -> float:
    """Return the time on the GPU, or in a rehearsal on the CPU, whatever this torch calls it."""
    for name in ("self_device_time_total", "self_cuda_time_total"):
        if getattr(row, name, 0.0):
            return float(getattr(row, name))
    return float(getattr(row, "self_cpu_time_total", 0.0))
