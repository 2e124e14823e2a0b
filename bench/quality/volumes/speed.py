"""Measure the processor time of volumes, and that planes may come in any order."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor

from bench.quality.volumes.scene import Scene, settings
from bench.report import Row
from livesim.config.settings import Reconstruction
from livesim.reconstruction.volume.plan import make_volume_plan
from livesim.reconstruction.volume.reconstructor import VolumeReconstructor
from livesim_acquisition.microscope.volume_microscope import VolumeMicroscope


def seconds(work: Callable[[], object], times: int = 9) -> float:
    """Return the least CPU time of `work`."""
    work()
    taken = []
    for _ in range(times):
        begin = time.process_time()
        work()
        taken.append(time.process_time() - begin)
    return min(taken)


def speed(size: int, planes: int) -> Row:
    """Return the CPU time of a volume, of its end, and of the transforms that others need."""
    scene_settings = settings(size, planes, 0)
    pattern = VolumeMicroscope(scene_settings).pattern
    plan = make_volume_plan(pattern, scene_settings.optics, scene_settings.camera, Reconstruction())
    make = VolumeReconstructor(plan)
    begun = make.begin()
    frames = torch.rand(planes, 3, 5, size, size) * 500.0
    whole = seconds(lambda: make(frames))

    def fill() -> None:
        for z, plane in enumerate(frames):
            make.add(begun, z, plane)

    ends = []
    for _ in range(9):
        fill()
        begin = time.process_time()
        make.finish(begun)
        ends.append(time.process_time() - begin)
    one = seconds(partial(_transform, torch.rand(planes, size, size).to(torch.complex64)))
    four = seconds(partial(_transform, torch.rand(planes, 2 * size, 2 * size).to(torch.complex64)))
    floor = 6.0 * one + 0.5 * one + 0.5 * four
    return {
        "volume": f"{size}² x {planes}",
        "ms": 1e3 * whole,
        "end ms": 1e3 * min(ends),
        "floor ms": 1e3 * floor,
        "of floor": whole / floor,
        "textbook": (15.0 * one + 25.0 * four) / whole,
        "cudasirecon's order": (7.5 * one + 9.0 * four) / whole,
    }


def _transform(values: Tensor) -> Tensor:
    """Transform in three dimensions, one axis after the other as livesim does."""
    spectrum: Tensor = torch.fft.fft(torch.fft.fft2(values), dim=0)
    return spectrum


def generator_s() -> float:
    """Return the CPU seconds of a volume of 256² x 32 planes x 15 frames, noise included."""
    begin = time.process_time()
    chosen = settings(256, 32, 1)
    own = chosen.simulation
    assert own is not None
    assert own.volume is not None
    thinner = own.model_copy(update={"volume": own.volume.model_copy(update={"beyond_um": 1.0})})
    VolumeMicroscope(chosen.model_copy(update={"simulation": thinner})).take(0)
    return time.process_time() - begin


def same_in_any_order(scene: Scene) -> float:
    """Return the greatest difference between planes in any order and the whole, in its peak."""
    counts = scene.counts(1000.0)
    plan = make_volume_plan(scene.pattern, scene.optics, scene.camera, Reconstruction(wiener=0.1))
    make = VolumeReconstructor(plan)
    whole, begun = make(counts), make.begin()
    for z in np.random.default_rng(0).permutation(scene.planes):
        make.add(begun, int(z), counts[int(z)])
    return float((make.finish(begun) - whole).abs().max() / whole.abs().max())
