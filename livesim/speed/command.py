"""`livesim bench`: how fast this machine reconstructs, as tables, a JSON file and a picture."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from livesim.config.settings import Steps
from livesim.io.write.placement import Placement
from livesim.speed.curves import Ranges, curves, draw
from livesim.speed.curves import values as curve_values
from livesim.speed.floor import least_work
from livesim.speed.live import run_live
from livesim.speed.machine import conditions, devices, limits
from livesim.speed.machine import values as limit_values
from livesim.speed.peers import (
    compare,
    difference_to_textbook_order,
    peer_python,
)
from livesim.speed.peers import values as peer_values
from livesim.speed.scene import make_scene
from livesim.speed.stages import (
    Stage,
    host_stages,
    network_stages,
    path_stages,
    reconstruction_stages,
)
from livesim.speed.tables import show

FORMAT = "livesim-bench/1"
_WIDTH = 110  # of the widest table
NO_GPU = "no GPU: not measured"


@dataclass(frozen=True, slots=True)
class BenchOptions:
    """How much is measured."""

    size: int = 512
    rounds: int = 20
    stacks: int = 200
    """Raw stacks streamed through the processes."""
    live_sizes: tuple[int, ...] = (128, 512)
    ranges: Ranges = field(default_factory=Ranges)
    peers: bool = False
    python: str | None = None
    """That has napari-sim-processor."""

    @classmethod
    def quick(cls, *, peers: bool = False, python: str | None = None) -> BenchOptions:
        """Return what takes seconds, to see that it runs; its figures mean little."""
        ranges = Ranges((32, 64), (1, 2), (1, 2), (1, 2), 32)
        return cls(64, 2, 4, (64,), ranges, peers, python)


def run_bench(options: BenchOptions, out: Path, *, overwrite: bool = False) -> None:
    """Measure, print tables, write the JSON file `out` and, beside it, the curves as a PNG.

    Raises
    ------
    DataError
        If `out` exists already, or a process that is measured ends.
    """
    console = Console(highlight=False, width=_WIDTH)
    picture = out.with_suffix(".png")
    with (
        Placement(out, overwrite=overwrite) as document,
        Placement(picture, overwrite=overwrite) as drawn,
    ):
        found = measured(options, lambda words: console.print(f"measuring {words} …", style="dim"))
        document.partial.write_text(
            json.dumps(found, indent=1, allow_nan=False) + "\n", encoding="utf-8"
        )
        document.commit()
        show(found, console)
        console.print(f"wrote {out}", soft_wrap=True)
        try:
            draw(found["curves"], drawn.partial)
        except ModuleNotFoundError:
            console.print("no picture of the curves: pip install 'livesim[train]' draws it")
        else:
            drawn.commit()
            console.print(f"wrote {picture}", soft_wrap=True)


def measured(options: BenchOptions, tell: Callable[[str], None]) -> dict[str, Any]:
    """Return all that `options` ask for as JSON values; `tell` is told what is going on."""
    found: dict[str, Any] = {"format": FORMAT, "size": options.size, "run": conditions()}
    tell("limits of the machine")
    peaks = [limits(device) for device in devices()]
    found["limits"] = [limit_values(peak) for peak in peaks]
    scene = make_scene(options.size)
    found["work"] = [asdict(work) for work in least_work(scene)]
    stages: list[Stage] = []
    for device, peak in zip(devices(), peaks, strict=True):
        tell(f"stages on {device.type}")
        stages += reconstruction_stages(scene, device, peak, options.rounds)
        stages += network_stages(scene, device, peak, max(options.rounds // 4, 2))
        stages += path_stages(scene, device, max(options.rounds // 4, 2))
    stages += host_stages(scene, options.rounds)
    found["stages"] = [asdict(stage) for stage in stages]
    points = []
    for device in devices():
        tell(f"curves on {device.type}")
        points += curves(options.ranges, device, max(options.rounds // 2, 2))
    found["curves"] = curve_values(points)
    found["live"] = [_live(options, size, steps, tell) for size, steps in _streams(options)]
    if options.peers:
        tell("peers")
        found["difference_to_textbook_order"] = difference_to_textbook_order(scene)
        found["peers"] = peer_values(compare(scene, peer_python(options.python), options.rounds))
    found["not_measured"] = _not_measured(options)
    return found


def _streams(options: BenchOptions) -> list[tuple[int, str]]:
    return [(size, steps) for size in options.live_sizes for steps in ("none", "auto")]


def _live(
    options: BenchOptions, size: int, steps: str, tell: Callable[[str], None]
) -> dict[str, Any]:
    tell(f"a stream of {size} x {size}, steps {steps}")
    scene = make_scene(size, Steps(one=steps, two=steps))
    stacks = options.stacks if steps == "none" else max(options.stacks // 8, 3)
    return asdict(run_live(scene, "two-step" if steps == "auto" else "plain", stacks))


def _not_measured(options: BenchOptions) -> list[str]:
    missing = [] if torch.cuda.is_available() else [NO_GPU]
    if options.peers and peer_python(options.python) is None:
        missing.append("napari-sim-processor is not installed: not measured")
    return missing
