"""What the machine is: versions, GPU, compilers, and how fast it copies and multiplies."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from bench.gpu.cases import Machine
from bench.gpu.parts import Found, Parts
from livesim.speed.machine import conditions, limits
from livesim_models.precision import made_for, preferred_precision

_PACKAGES = ("torch", "triton", "numpy", "pydantic", "pyzmq", "zarr", "lightning", "pytest")


def run(parts: Parts, machine: Machine) -> None:
    """Ask everything that the other figures depend on."""
    parts("versions", lambda: {"conditions": conditions(), "packages": _packages()})
    parts("metadata of livesim", _metadata)
    parts("compilers", _compilers)
    if machine.rehearsal:
        return
    parts("GPU", lambda: _gpu(machine.device))
    parts("driver", _driver)
    parts("precision", lambda: {"auto": preferred_precision(machine.device)})
    parts("limits", lambda: vars_of(limits(machine.device)))


def vars_of(value: Any) -> Found:
    """Return the fields of a frozen value."""
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


def _packages() -> dict[str, str | None]:
    return {name: _version(name) for name in _PACKAGES}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _metadata() -> Found:
    return {"version": _version("livesim"), "requires": len(requires("livesim") or ())}


def _compilers() -> Found:
    header = Path(sysconfig.get_path("include")) / "Python.h"
    return {
        "cc": os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang"),
        "Python.h": header.is_file(),
        "triton": find_spec("triton") is not None,
        "python": sys.version,
        "cores": os.cpu_count(),
        "system": platform.platform(),
    }


def _gpu(device: torch.device) -> Found:
    found = torch.cuda.get_device_properties(device)
    return {
        "name": found.name,
        "capability": [found.major, found.minor],
        "made_for": made_for((found.major, found.minor)),
        "memory_gb": found.total_memory / 1e9,
        "multiprocessors": found.multi_processor_count,
        "count": torch.cuda.device_count(),
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
        "tf32": torch.backends.cudnn.allow_tf32,
    }


def _driver() -> Found:
    asked = "driver_version,clocks.sm,clocks.mem,power.limit,memory.used"
    command = ["nvidia-smi", f"--query-gpu={asked}", "--format=csv,noheader"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    return {"nvidia-smi": done.stdout.strip() or done.stderr.strip()}
