"""Find the pattern of a running stream's volumes, and make its pipeline."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from livesim.config.settings import Settings
from livesim.engine.seams import Pipeline, PipelineFactory
from livesim.pipeline.devices import CPU
from livesim.pipeline.volume.build import OPEN_BYTES, calibrate_volume, memory_refusal
from livesim.pipeline.volume.networks import wants_networks
from livesim.pipeline.volume.pipeline import VolumePipeline
from livesim.reconstruction.volume.memory import volume_network_bytes
from livesim.values.errors import DataError
from livesim.values.frames import RawFrame, RawStack, StackIndex
from livesim.values.pattern import Pattern

MOST_TRIED = 3
"""Volumes in which all angles are looked for; then the last pattern is taken as it is."""
KEPT_RAW = 6
"""Raw volumes of a channel that may be in memory at once: two that lack frames, two that wait for
the processor, two while the pattern is searched for."""
KEPT_FOR_NETWORK = 4
"""And for a network: two that lack planes, one that waits for it, one that it is at."""


def volume_factory(
    settings: Settings, pattern: Pattern | None = None, device: torch.device = CPU
) -> PipelineFactory:
    """Return what makes the pipeline of one channel of a stream of volumes, on a device.

    Without a `pattern` it is found in the first whole volume whose every angle shows fringes; after
    `MOST_TRIED` volumes it is taken as it is.
    """
    if pattern is not None:
        return lambda stacks, ended: VolumePipeline(settings, pattern, device)
    return _Calibration(settings, device)


def live_refusal(settings: Settings, frame: RawFrame, channels: int) -> str | None:
    """Return why volumes of frames of this size cannot be made here, with the figure."""
    assert settings.volumes is not None
    planes, (angles, phases) = settings.volumes.planes or 1, settings.pattern.stack_shape
    y, x = frame.pixels.shape
    network = wants_networks(settings)
    kept = KEPT_RAW + (KEPT_FOR_NETWORK if network else 0)
    raw = kept * channels * planes * angles * phases * frame.pixels.nbytes
    more = volume_network_bytes((y, x), planes) if network else 0
    return memory_refusal((y, x), planes, angles * channels, raw + OPEN_BYTES + more)


class _Calibration:
    """Looks for the pattern in one whole volume after the other, in each of them once."""

    def __init__(self, settings: Settings, device: torch.device) -> None:
        self._settings, self._device = settings, device
        self._tried: set[StackIndex] = set()
        self._found: Pattern | None = None

    def __call__(self, stacks: Sequence[RawStack], ended: bool) -> Pipeline | None:
        """Return the pipeline once a volume shows its pattern, or when no more will come."""
        for volume in self._new(stacks):
            self._tried.add(volume[0].index)
            self._found = calibrate_volume(volume, self._settings)
            if all(angle.usable for angle in self._found.angles):
                break
        if self._found is None:
            if ended:
                raise DataError("expected a volume with all its planes, found none")
            return None
        usable = all(angle.usable for angle in self._found.angles)
        if usable or ended or len(self._tried) >= MOST_TRIED:
            return VolumePipeline(self._settings, self._found, self._device)
        return None

    def _new(self, stacks: Sequence[RawStack]) -> list[list[RawStack]]:
        """Return the planes of whole volumes that have not been looked at, in the order of z."""
        assert self._settings.volumes is not None
        every = set(range(self._settings.volumes.planes or 1))
        found: dict[StackIndex, dict[int, RawStack]] = {}
        for stack in stacks:
            found.setdefault(stack.index.volume, {})[stack.index.z] = stack
        return [
            [planes[z] for z in sorted(planes)]
            for volume, planes in found.items()
            if set(planes) == every and volume not in self._tried
        ]
