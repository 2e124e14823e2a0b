"""Time every stage that a raw stack goes through on a device."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch

from livesim.config.settings import Steps
from livesim.io.recipe import Recipe
from livesim.io.write.output_layout import RawLayout
from livesim.io.write.recorder import RawRecorder
from livesim.pipeline.networks import load_networks, resolved
from livesim.pipeline.paths import path_for
from livesim.pipeline.pipeline import ReconstructionPipeline
from livesim.reconstruction.estimate.estimation import estimate_pattern
from livesim.reconstruction.plan import make_plan
from livesim.reconstruction.reconstructor import Reconstructor
from livesim.reconstruction.track.check import BandCheck
from livesim.speed.floor import RECONSTRUCTION, STEP_ONE, STEP_TWO, traffic_bytes
from livesim.speed.machine import Limits
from livesim.speed.scene import PHOTONS, Scene
from livesim.speed.timing import Task, Times, clocked, in_turn
from livesim.values.frames import RawStack, StackIndex
from livesim.values.pattern import Levels
from livesim.values.results import Result
from livesim.wire.codec import decode, encode
from livesim_models.conditions import Conditions
from livesim_models.flops import flops
from livesim_models.shipped import NONE, TWO_STEP, UNIVERSAL

PATHS = {
    "plain": Steps(one=NONE, two=NONE),
    "universal": Steps(one=NONE, two=UNIVERSAL),
    "two-step": Steps(one=TWO_STEP, two=TWO_STEP),
}
MOST_S = 60.0
"""For the stages of one group; after it the rounds that were done have to do."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage on one device."""

    name: str
    device: str
    times: Times
    of_limit: float | None = None
    """Share of what the device could do at most: of its matrix products for a network, of copying
    what has to be read and written for a reconstruction."""


def reconstruction_stages(
    scene: Scene, device: torch.device, limit: Limits, rounds: int
) -> list[Stage]:
    """Return the stages of the plain reconstruction, and the whole of it."""
    times = in_turn(_reconstruction(scene, device), rounds, MOST_S)
    least_ms = traffic_bytes(scene) / limit.copy_gb_s / 1e6
    return [
        Stage(name, device.type, one, least_ms / one.median_ms if name == RECONSTRUCTION else None)
        for name, one in times.items()
    ]


def _reconstruction(scene: Scene, device: torch.device) -> dict[str, Task]:
    settings = scene.settings
    plan = make_plan(
        scene.pattern, scene.otf, settings.camera, settings.reconstruction, device=device
    )
    work = Reconstructor(plan)
    counts = scene.counts.to(device)
    frames = counts.flatten(0, 1)
    rows, columns = plan.shape
    with torch.inference_mode():
        planes = work.separate(frames)
        bands = work.transform(planes)
        empty = torch.zeros(plan.half_columns, 2 * rows, dtype=torch.complex64, device=device)
        spectrum = work.combine(bands, empty.clone())
        image = torch.empty(2 * rows, 2 * columns, device=device)
    check = BandCheck(scene.pattern, scene.otf, settings.camera, device=device)
    tasks = {
        "upload": lambda: scene.counts.to(device, copy=True),
        "separate": lambda: work.separate(frames),
        "FFT": lambda: work.transform(planes),
        "combine": lambda: work.combine(bands, empty.zero_()),
        "inverse FFT": lambda: work.invert(spectrum, image),
        RECONSTRUCTION: lambda: work(counts[None]),
        "tracking check": lambda: check(bands),
    }
    return {name: clocked(torch.inference_mode()(task), device) for name, task in tasks.items()}


def path_stages(scene: Scene, device: torch.device, rounds: int) -> list[Stage]:
    """Return the whole way of a raw stack to its result: up to a GPU and down again, if it is one.

    Without networks, with the one for every sample, and with the pair.
    """
    tasks: dict[str, Task] = {}
    for words, steps in PATHS.items():
        settings = scene.settings.model_copy(update={"steps": steps})
        networks = load_networks(settings, device)
        known = replace(scene.pattern, levels=Levels(0.0, PHOTONS))
        pipeline = ReconstructionPipeline(settings, known, None, networks, path_for(device))
        work = partial(pipeline, scene.stack())
        tasks[f"raw stack to result, {words}"] = clocked(work, device)
    return [Stage(n, device.type, one) for n, one in in_turn(tasks, rounds, MOST_S).items()]


def network_stages(scene: Scene, device: torch.device, limit: Limits, rounds: int) -> list[Stage]:
    """Return the pair in float32 and in what "auto" chooses here, if that differs."""
    chosen = resolved(scene.settings).settings.steps.precision
    precisions = dict.fromkeys(("float32", chosen))
    return [s for p in precisions for s in _network_stages(scene, device, limit, rounds, p)]


def _network_stages(
    scene: Scene, device: torch.device, limit: Limits, rounds: int, precision: str
) -> list[Stage]:
    steps = Steps.model_validate({"one": TWO_STEP, "two": TWO_STEP, "precision": precision})
    networks = load_networks(scene.settings.model_copy(update={"steps": steps}), device)
    photons = scene.counts.flatten(0, 1).float().to(device)
    rows, columns = (2 * n for n in photons.shape[-2:])
    image = photons.new_full((rows, columns), PHOTONS)
    conditions = Conditions.of_levels(Levels(0.0, PHOTONS), (rows, columns), device)
    work: dict[str, Callable[[], object]] = {
        STEP_ONE: lambda: networks.one(photons),
        STEP_TWO: lambda: networks.two(image, conditions),
    }
    tasks = {name: clocked(torch.inference_mode()(task), device) for name, task in work.items()}
    peak = limit.gemm_gflops.get(precision, math.inf)
    return [
        Stage(
            f"{name}, {precision}",
            device.type,
            one,
            flops(work[name]) / 1e6 / one.median_ms / peak,
        )
        for name, one in in_turn(tasks, rounds, MOST_S).items()
    ]


def host_stages(scene: Scene, rounds: int) -> list[Stage]:
    """Return what the CPU does in any case: estimation, plan, wire and recording."""
    cpu = torch.device("cpu")
    settings = scene.settings
    pixel_nm = scene.pattern.pixel_nm
    image = torch.zeros([2 * n for n in scene.counts.shape[-2:]]).numpy()
    result = Result("bench", StackIndex(), image, image[::2, ::2].copy())
    with _recorder(scene) as recorder:
        times = iter(range(rounds + 2))
        work = {
            "estimation": lambda: estimate_pattern(
                scene.counts[None], settings.optics, settings.pattern, settings.camera, pixel_nm
            ),
            "plan": lambda: make_plan(
                scene.pattern, scene.otf, settings.camera, settings.reconstruction
            ),
            "wire: a result": lambda: decode([bytes(part) for part in encode(result)]),
            "recording: a raw stack": lambda: recorder.write(_at(scene, next(times))),
        }
        found = in_turn({name: clocked(one, cpu) for name, one in work.items()}, rounds, MOST_S)
    return [Stage(name, cpu.type, one) for name, one in found.items()]


@contextmanager
def _recorder(scene: Scene) -> Iterator[RawRecorder]:
    angles, phases, rows, columns = scene.counts.shape
    layout = RawLayout(angles, phases, rows, columns, scene.pattern.pixel_nm)
    with (
        tempfile.TemporaryDirectory() as folder,
        RawRecorder(Path(folder) / "raw.zarr", layout, Recipe(settings=scene.settings)) as recorder,
    ):
        yield recorder


def _at(scene: Scene, time: int) -> RawStack:
    return RawStack("bench", StackIndex(time=time), scene.counts.numpy())
