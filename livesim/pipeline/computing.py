"""What the engine computes with: torch, the networks, and every GPU in turn."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import Any
from weakref import WeakSet

import numpy as np
import torch
from numpy.typing import NDArray

from livesim.config.settings import Settings
from livesim.engine.seams import Computing, Examine, PipelineFactory, Resolved
from livesim.pipeline.build import doctor_for, pipeline_factory
from livesim.pipeline.cores import TorchCores
from livesim.pipeline.cuda import NETWORKS_FIRST
from livesim.pipeline.devices import devices
from livesim.pipeline.locked import LockedMemory
from livesim.pipeline.networks import resolved
from livesim.pipeline.paths import path_for
from livesim.pipeline.preparation import OtfProfile
from livesim.pipeline.volume.build import assumed
from livesim.pipeline.volume.live import live_refusal, volume_factory
from livesim.pipeline.volume.networks import resolved_volumes
from livesim.pipeline.work import FramePath
from livesim.values.frames import RawFrame
from livesim.values.pattern import Pattern
from livesim.wire.status import DeviceStatus


class TorchComputing(Computing):
    """Everything that an engine lets be computed, with torch; one for a process.

    Parameters
    ----------
    pattern
        Of every stream; None estimates it.
    profile_of
        Reads the measured OTF that settings name, if any.
    lanes
        Raw stacks at most that a GPU may be at work on at once, see `path_for`.
    """

    def __init__(
        self,
        pattern: Pattern | None,
        profile_of: Callable[[Settings], OtfProfile | None],
        lanes: int = 1,
    ) -> None:
        self._pattern, self._profile_of, self._lanes = pattern, profile_of, lanes
        self._looked_at: Callable[[], bool] = lambda: True
        self._devices = cycle(devices())
        self._device = devices()[0]
        self._paths: WeakSet[FramePath] = WeakSet()
        self._cores = TorchCores()
        self._memory = LockedMemory() if self._device.type == "cuda" else None

    def factory_for(self, settings: Settings, known: Pattern | None = None) -> PipelineFactory:
        """Return what makes the pipeline of one channel, on the next device."""
        pattern = known or self._pattern
        self._device = next(self._devices)
        if settings.volumes is not None:
            return volume_factory(settings, pattern, self._device)
        profile = self._profile_of(settings)
        return pipeline_factory(
            settings,
            pattern,
            profile,
            self._device,
            claim=self._cores.use_one,
            path_on=self._path_on,
            stages=lambda: self._looked_at(),
        )

    def _path_on(self, device: torch.device, priority: int) -> FramePath:
        lanes = self._lanes if priority == NETWORKS_FIRST else 1
        path = path_for(device, priority, lanes=lanes)
        self._paths.add(path)
        return path

    def examine_for(self, settings: Settings) -> Examine | None:
        """Return the doctor of one stream."""
        return doctor_for(settings)

    def resolve(self, settings: Settings) -> Resolved:
        """Replace "auto" by the shipped networks that fit."""
        if settings.volumes is None:
            return resolved(settings)
        return replace(resolved_volumes(settings), notes=assumed(settings))

    def refusal(self, settings: Settings, frame: RawFrame, channels: int) -> str | None:
        """Return why volumes of such frames do not fit into memory."""
        return None if settings.volumes is None else live_refusal(settings, frame, channels)

    def device(self) -> DeviceStatus | None:
        """Return the GPU that was taken last and how full it is; without one, the processor.

        It says too where something runs in another way than it should.
        """
        notes = dict.fromkeys(path.note for path in tuple(self._paths) if path.note)
        return device_status(self._device, "; ".join(notes))

    def fetch_stages_while(self, looked_at: Callable[[], bool]) -> None:
        """Let GPUs keep the images on the way to those that are shown while nobody looks."""
        self._looked_at = looked_at

    def memory(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return memory that a GPU reads by itself; without one, any."""
        return np.empty(shape, dtype) if self._memory is None else self._memory(shape, dtype)

    def use_all_cores(self) -> None:
        """Let torch work on every core in the calling thread."""
        self._cores.use_all()

    def use_one_core(self) -> None:
        """Let torch work in the calling thread alone."""
        self._cores.use_one()


def device_status(device: torch.device, note: str = "") -> DeviceStatus:
    """Return what networks and transforms run on, and of a GPU how full its memory is."""
    if device.type != "cuda":
        return DeviceStatus(name=processor_name(), note=note)
    free, total = torch.cuda.mem_get_info(device)
    return DeviceStatus(
        name=torch.cuda.get_device_name(device),
        memory_used_bytes=total - free,
        memory_total_bytes=total,
        note=note,
    )


@cache
def processor_name() -> str:
    """Return the processor's name as its maker writes it, where the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next(iter(names), "") or platform.processor() or platform.machine()
