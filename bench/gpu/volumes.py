"""Whether the GPU's volumes are those of the CPU, and how fast they come."""

from __future__ import annotations

import time
from functools import partial
from statistics import median

import torch

from bench.gpu.cases import PLAIN, Machine, off
from bench.gpu.parts import Found, Parts
from bench.gpu.sections import CPU, MOST_OFF
from livesim.config.settings import Settings, Steps
from livesim.pipeline.volume.channel import VolumeChannel
from livesim.pipeline.volume.restorer import RestoredVolume
from livesim.reconstruction.volume.reconstructor import VolumeReconstructor
from livesim_acquisition.microscope.volume_microscope import VolumeMicroscope
from tests.support.volume_microscope import volume_settings

MOST_RESTORED = 1e-3
"""Of a restored volume's brightest voxel: its network multiplies what rounding leaves."""
NETWORK = Steps(one="none", two="volumes", precision="float32")


def run(parts: Parts, machine: Machine) -> None:
    """Compare a volume and a restored one, then time both."""
    small, planes = (32, 16) if machine.rehearsal else (128, 16)
    parts("volume", partial(_plain, small, planes, machine))
    parts("volume, network", partial(_restored, small, planes, machine))
    for side in (32,) if machine.rehearsal else (256, 512):
        parts(f"{side} x {side} x 32", partial(_timed, side, 32, machine))
    parts(f"{small} x {small} x {planes}, network", partial(_timed_network, small, planes, machine))


def _plain(side: int, planes: int, machine: Machine) -> Found:
    settings = volume_scene(side, planes)
    microscope = VolumeMicroscope(settings)
    counts = torch.from_numpy(microscope.take(0).counts)
    images = [_make(microscope, settings, device)(counts).cpu() for device in (machine.device, CPU)]
    found = off(*images)
    return {"ok": found["most"] <= MOST_OFF, **found}


def _restored(side: int, planes: int, machine: Machine) -> Found:
    settings = volume_scene(side, planes, NETWORK)
    microscope = VolumeMicroscope(settings)
    counts = torch.from_numpy(microscope.take(0).counts)
    made = [
        _restore(VolumeChannel.of(microscope.pattern.pattern, settings, device), counts)
        for device in (machine.device, CPU)
    ]
    found = {name: off(*(getattr(one, name) for one in made)) for name in ("network", "image")}
    return {"ok": all(one["most"] <= MOST_RESTORED for one in found.values()), "off": found}


def _restore(channel: VolumeChannel, counts: torch.Tensor) -> RestoredVolume:
    make = VolumeReconstructor(channel.plan)
    begun = make.begin()
    widefield = [make.add(begun, z, frames).clone() for z, frames in enumerate(counts)]
    assert channel.restorer is not None, channel.refusal
    spectrum, read = make.spectrum(begun), lambda z: counts[z].float()
    return channel.restorer(spectrum, torch.stack(widefield), read)


def _timed(side: int, planes: int, machine: Machine) -> Found:
    """Time a plane as it arrives from the host, and what is left after the last one."""
    settings = volume_scene(side, planes)
    make = _make(VolumeMicroscope(settings), settings, machine.device)
    begun, counts = make.begin(), torch.randint(0, 500, (3, 5, side, side), dtype=torch.uint16)
    adding, ending = [], []
    for _ in range(2 if machine.rehearsal else 20):
        for z in range(planes):
            adding.append(_seconds(partial(make.add, begun, z, counts), machine))
        ending.append(_seconds(lambda: make.finish(begun).cpu(), machine))
    memory = None if machine.rehearsal else torch.cuda.max_memory_allocated(machine.device) / 1e9
    ms = {"plane_ms": 1e3 * median(adding), "after_the_last_ms": 1e3 * median(ending)}
    return {"ok": True, **ms, "memory_gb": memory}


def _timed_network(side: int, planes: int, machine: Machine) -> Found:
    settings = volume_scene(side, planes, NETWORK)
    microscope = VolumeMicroscope(settings)
    channel = VolumeChannel.of(microscope.pattern.pattern, settings, machine.device)
    counts = torch.from_numpy(microscope.take(0).counts)
    times = [_seconds(partial(_restore, channel, counts), machine) for _ in range(3)]
    return {"ok": True, "first_s": times[0], "further_s": min(times)}


def _seconds(work: object, machine: Machine) -> float:
    machine.wait()
    begin = time.perf_counter()
    work()  # type: ignore[operator]
    machine.wait()
    return time.perf_counter() - begin


def _make(
    microscope: VolumeMicroscope, settings: Settings, device: torch.device
) -> VolumeReconstructor:
    channel = VolumeChannel.of(microscope.pattern.pattern, settings, device)
    return VolumeReconstructor(channel.plan)


def volume_scene(side: int, planes: int, steps: Steps = PLAIN) -> Settings:
    """Return the settings of a microscope of volumes."""
    settings: Settings = volume_settings(
        planes,
        ["phase", "angle", "z"],
        volumes={"planes": planes, "z_step_nm": 125.0},
        simulation={
            "specimen": ["filaments", "beads"],
            "size": [side, side],
            "peak_photons": 500.0,
            "volume": {},
        },
    )
    return settings.model_copy(update={"steps": steps})
