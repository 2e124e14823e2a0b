"""Name what torch computes on, and say how full the memory of a GPU is."""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path

import torch

from livesim.pipeline.networks import preferred_device
from livesim.wire.in_use import DeviceStatus


def device_status() -> DeviceStatus:
    """Return what the engine's networks and transforms run on."""
    if preferred_device().type != "cuda":
        return DeviceStatus(name=processor_name())
    free, total = torch.cuda.mem_get_info()
    return DeviceStatus(
        name=torch.cuda.get_device_name(), memory_used_bytes=total - free, memory_total_bytes=total
    )


@cache
def processor_name() -> str:
    """Return the processor's name as its maker writes it, where the system knows it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next(iter(names), "") or platform.processor() or platform.machine()
