"""Measure and draw how the time of a reconstruction grows with size, batch and channels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from livesim.reconstruction.plan import make_plan
from livesim.reconstruction.reconstructor import Reconstructor
from livesim.speed.scene import Scene, make_scene
from livesim.speed.stages import MOST_S
from livesim.speed.timing import Task, Times, clocked, in_turn


@dataclass(frozen=True, slots=True)
class Ranges:
    """What is varied, everything else held."""

    sizes: tuple[int, ...] = (128, 256, 512, 1024, 2048)
    batches: tuple[int, ...] = (1, 2, 4, 8)
    time_points: tuple[int, ...] = (1, 4, 16, 64)
    channels: tuple[int, ...] = (1, 2, 3, 4)
    size: int = 256
    """Of the field, where something else is varied."""


@dataclass(frozen=True, slots=True)
class Point:
    """One measurement of a curve."""

    varied: str
    value: int
    device: str
    times: Times


def curves(ranges: Ranges, device: torch.device, rounds: int) -> list[Point]:
    """Return the time of plain reconstructions against size, batch, time points and channels."""
    points = _points("size", device, in_turn(_sizes(ranges.sizes, device), rounds, MOST_S))
    scene = make_scene(ranges.size)
    for varied, tasks in (
        ("batch", _batches(scene, ranges.batches, device)),
        ("time points", _time_points(scene, ranges.time_points, device)),
        ("channels", _channels(scene, ranges.channels, device)),
    ):
        points += _points(varied, device, in_turn(tasks, rounds, MOST_S))
    return points


def _points(varied: str, device: torch.device, times: dict[str, Times]) -> list[Point]:
    return [Point(varied, int(value), device.type, one) for value, one in times.items()]


def _reconstructor(scene: Scene, device: torch.device) -> Reconstructor:
    settings = scene.settings
    plan = make_plan(
        scene.pattern, scene.otf, settings.camera, settings.reconstruction, device=device
    )
    return Reconstructor(plan)


def _sizes(sizes: Iterable[int], device: torch.device) -> dict[str, Task]:
    tasks = {}
    for size in sizes:
        scene = make_scene(size)
        tasks[str(size)] = _repeated(_reconstructor(scene, device), scene, 1, device)
    return tasks


def _repeated(work: Reconstructor, scene: Scene, count: int, device: torch.device) -> Task:
    """Return a task that reconstructs `count` stacks, one after the other."""
    stack = scene.counts[None].to(device)
    return clocked(lambda: [work(stack) for _ in range(count)], device)


def _batches(scene: Scene, batches: Iterable[int], device: torch.device) -> dict[str, Task]:
    work = _reconstructor(scene, device)
    stacks = {count: scene.counts[None].repeat(count, 1, 1, 1, 1).to(device) for count in batches}
    return {str(count): clocked(partial(work, own), device) for count, own in stacks.items()}


def _time_points(scene: Scene, counts: Iterable[int], device: torch.device) -> dict[str, Task]:
    work = _reconstructor(scene, device)
    return {str(count): _repeated(work, scene, count, device) for count in counts}


def _channels(scene: Scene, counts: Iterable[int], device: torch.device) -> dict[str, Task]:
    """Return tasks that reconstruct one stack of every channel; each has a plan of its own."""
    return {str(count): _one_of_each(scene, count, device) for count in counts}


def _one_of_each(scene: Scene, count: int, device: torch.device) -> Task:
    each = [_repeated(_reconstructor(scene, device), scene, 1, device) for _ in range(count)]
    return lambda: sum(task() for task in each)


def draw(points: list[dict[str, Any]], path: Path) -> None:
    """Draw the curves, given as JSON values; needs matplotlib.

    Raises
    ------
    ModuleNotFoundError
        If matplotlib is not installed.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.2), layout="constrained")
    varied = list(dict.fromkeys(point["varied"] for point in points))
    for axes, name in zip(figure.subplots(1, len(varied)), varied, strict=True):
        for device in dict.fromkeys(point["device"] for point in points):
            own = [p for p in points if p["varied"] == name and p["device"] == device]
            x, y = [p["value"] for p in own], [p["times"]["median_ms"] for p in own]
            axes.loglog(x, y, "o-", label=device)
            power = 2 if name == "size" else 1
            label = f"∝ {name}" + ("²" if power == 2 else "")
            axes.loglog(x, [y[0] * (value / x[0]) ** power for value in x], "k:", label=label)
        axes.set(title=name, xlabel=name, ylabel="ms")
        axes.set_xticks(x, [str(value) for value in x])
        axes.set_xticks([], minor=True)
        axes.legend()
    figure.savefig(path, dpi=110, format="png")
