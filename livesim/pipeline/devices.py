"""Choose what to compute on: every GPU there is, or the CPU."""

from __future__ import annotations

import os

import torch

from livesim.config.settings import SettingsError

CPU = torch.device("cpu")
GPUS = "CUDA_VISIBLE_DEVICES"
"""Which GPUs a process sees; read when the first tensor goes there."""


def devices() -> tuple[torch.device, ...]:
    """Return every GPU; where there is none, the CPU."""
    if not torch.cuda.is_available():
        return (CPU,)
    return tuple(torch.device("cuda", number) for number in range(torch.cuda.device_count()))


def visible_gpus() -> tuple[str | None, ...]:
    """Return what CUDA_VISIBLE_DEVICES is to be for a process on each GPU; None = as it is."""
    stated = os.environ.get(GPUS, "")
    named = [name.strip() for name in stated.split(",") if name.strip()]
    there = torch.cuda.device_count()
    return tuple(named[:there] or map(str, range(there))) or (None,)


def preferred_device() -> torch.device:
    """Return the first of `devices`."""
    return devices()[0]


def device_named(name: str | torch.device | None) -> torch.device:
    """Return a device by its name; None = the first of `devices`.

    Raises
    ------
    SettingsError
        If there is none of that name here.
    """
    if name is None:
        return preferred_device()
    try:
        found = torch.device(name)
    except RuntimeError:
        found = None
    if found is None or found.type not in ("cpu", "cuda"):
        raise SettingsError(f"device: expected 'cpu' or 'cuda:N', found {name!r}")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if found.type == "cuda" and (found.index or 0) >= count:
        raise SettingsError(f"device: expected one of {count} GPU(s), found {name!r}")
    return found
