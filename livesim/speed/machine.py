"""Describe the machine, and measure how fast it multiplies and copies."""

from __future__ import annotations

import datetime
import os
import platform
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn.functional import conv2d

from livesim.pipeline.computing import processor_name
from livesim.speed.timing import clocked, in_turn
from livesim.values.version import VERSION

PRECISIONS = {"cpu": ("float32", "bfloat16"), "cuda": ("float32", "bfloat16", "float16")}
_MATRIX = {"cpu": 1024, "cuda": 8192}
_COPIED_BYTES = {"cpu": 1 << 28, "cuda": 1 << 30}
_ROUNDS = 40  # a second or so: the first ones may find the processor asleep


@dataclass(frozen=True, slots=True)
class Limits:
    """What no program can be faster than on a device, measured in the same run."""

    device: str
    gemm_gflops: dict[str, float]
    """Precision -> matrix products, 10⁹ floating-point operations a second."""
    copy_gb_s: float
    """Memory read and written by a copy, 10⁹ bytes a second."""


def devices() -> list[torch.device]:
    """Return the CPU and, where there is one, the GPU."""
    gpu = [torch.device("cuda")] if torch.cuda.is_available() else []
    return [torch.device("cpu"), *gpu]


def limits(device: torch.device) -> Limits:
    """Measure a device's matrix products and memory copies."""
    rates = {name: _gemm(device, getattr(torch, name)) for name in PRECISIONS[device.type]}
    return Limits(device.type, rates, _copy(device))


def _gemm(device: torch.device, dtype: torch.dtype) -> float:
    """Return the rate of the faster of two libraries."""
    products, operations = matrix_products(device, dtype)
    tasks = {name: clocked(work, device) for name, work in products.items()}
    with torch.inference_mode():
        times = in_turn(tasks, _ROUNDS)
    return operations / min(one.least_ms for one in times.values()) / 1e6


def matrix_products(
    device: torch.device, dtype: torch.dtype
) -> tuple[dict[str, Callable[[], object]], float]:
    """Return a product by two libraries, which can differ by a factor of two; its operations."""
    size = _MATRIX[device.type]
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    pixels, weights = a[None, :, :, None], b[:, :, None, None]
    products: dict[str, Callable[[], object]] = {
        "matrix product": lambda: a @ b,
        "1 x 1 convolution": lambda: conv2d(pixels, weights),
    }
    return products, 2.0 * size**3


def _copy(device: torch.device) -> float:
    size = _COPIED_BYTES[device.type]
    source = torch.ones(size // 4, device=device)
    target = torch.empty_like(source)
    times = in_turn({"copy": clocked(lambda: target.copy_(source), device)}, _ROUNDS)
    return 2.0 * size / times["copy"].least_ms / 1e6


def conditions() -> dict[str, Any]:
    """Return the machine, the versions and the load that the figures depend on."""
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "system": platform.system(),
        "machine": platform.machine(),
        "processor": processor_name(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load_1min": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "livesim": VERSION,
    }
