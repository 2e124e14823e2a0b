"""Run `livesim bench`: measure how fast this machine reconstructs, and show and keep it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from rich.console import Console

from livesim.config.settings import SettingsError, Steps
from livesim.io.write.placement import Placement
from livesim.speed.curves import Ranges, curves, draw
from livesim.speed.floor import least_work
from livesim.speed.live import run_live
from livesim.speed.machine import conditions, devices, limits
from livesim.speed.scene import make_scene
from livesim.speed.stages import (
    Stage,
    host_stages,
    network_stages,
    path_stages,
    reconstruction_stages,
)
from livesim.speed.tables import show
from livesim.values.extras import install_command
from livesim_models.shipped import NONE, TWO_STEP

if TYPE_CHECKING:
    from bench.speed.peers import Peers

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
    SettingsError
        If other programs are to be timed, and what times them is not here.
    DataError
        If `out` exists already, or a process that is measured ends.
    """
    peers = _load_peers(options.python) if options.peers else None
    console = Console(highlight=False, width=_WIDTH)
    picture = out.with_suffix(".png")
    with (
        Placement(out, overwrite=overwrite) as document,
        Placement(picture, overwrite=overwrite) as drawn,
    ):
        found = measure(
            options, peers, lambda words: console.print(f"measuring {words} …", style="dim")
        )
        document.partial.write_text(
            json.dumps(found, indent=1, allow_nan=False) + "\n", encoding="utf-8"
        )
        document.commit()
        show(found, console, peers.sheets(found) if peers else ())
        console.print(f"wrote {out}", soft_wrap=True)
        try:
            draw(found["curves"], drawn.partial)
        except ModuleNotFoundError:
            console.print(f"no picture of the curves: {install_command('train')} brings what draws")
        else:
            drawn.commit()
            console.print(f"wrote {picture}", soft_wrap=True)


def _load_peers(python: str | None) -> Peers:
    """Return what times other programs: a part of the repository that is not installed."""
    try:
        from bench.speed.peers import Peers
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "bench":
            raise
        raise SettingsError(
            "--peers: expected the repository's folder bench, found none: clone the repository "
            "and run `python -m livesim bench --peers` in it"
        ) from error
    return Peers(python)


def measure(
    options: BenchOptions, peers: Peers | None, say: Callable[[str], None]
) -> dict[str, Any]:
    """Return all that `options` ask for as JSON values; calls `say` with what is measured next."""
    found: dict[str, Any] = {"format": FORMAT, "size": options.size, "run": conditions()}
    say("limits of the machine")
    peaks = [limits(device) for device in devices()]
    found["limits"] = [asdict(peak) for peak in peaks]
    scene = make_scene(options.size)
    found["work"] = [asdict(work) for work in least_work(scene)]
    stages: list[Stage] = []
    for device, peak in zip(devices(), peaks, strict=True):
        say(f"stages on {device.type}")
        stages += reconstruction_stages(scene, device, peak, options.rounds)
        stages += network_stages(scene, device, peak, max(options.rounds // 4, 2))
        stages += path_stages(scene, device, max(options.rounds // 4, 2))
    stages += host_stages(scene, options.rounds)
    found["stages"] = [asdict(stage) for stage in stages]
    points = []
    for device in devices():
        say(f"curves on {device.type}")
        points += curves(options.ranges, device, max(options.rounds // 2, 2))
    found["curves"] = [asdict(point) for point in points]
    found["live"] = [_live(options, size, steps, say) for size, steps in _streams(options)]
    if peers is not None:
        say("peers")
        found |= peers.measure(scene, options.rounds)
    found["not_measured"] = [] if torch.cuda.is_available() else [NO_GPU]
    found["not_measured"] += peers.not_measured if peers else []
    return found


def _streams(options: BenchOptions) -> list[tuple[int, str]]:
    return [(size, steps) for size in options.live_sizes for steps in (NONE, TWO_STEP)]


def _live(
    options: BenchOptions, size: int, steps: str, say: Callable[[str], None]
) -> dict[str, Any]:
    say(f"a stream of {size} x {size}, steps {steps}")
    scene = make_scene(size, Steps(one=steps, two=steps))
    stacks = options.stacks if steps == NONE else max(options.stacks // 8, 3)
    return asdict(run_live(scene, "two-step" if steps == TWO_STEP else "plain", stacks))
