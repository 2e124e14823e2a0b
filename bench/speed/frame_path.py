"""Time the parts of one plain reconstruction on a CPU: `python -m bench.speed.frame_path`.

`python -m bench.speed.frame_path`: the textbook's order, livesim's with whole arrays
and in the blocks that it works in, the stages of the latter, and what bounds them: the same
transforms alone, and those of rows that stay in the cache.

All take turns in one process. The least of many rounds is what the machine can do; what lies
between that and the median is what else ran on it.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bench.report import Row, report
from bench.speed.page_tables import ALONE, CACHED, OURS, RAMPED, WHOLE
from bench.speed.textbook_order import TextbookOrder
from livesim.config.settings import Reconstruction
from livesim.reconstruction.blocks import blocks
from livesim.reconstruction.plan import Plan, make_plan
from livesim.reconstruction.reconstructor import Reconstructor
from livesim.speed.scene import Scene, make_scene

Work = Callable[[], object]
WIENER = 0.05
MOST_S = 60.0
"""For the rounds on one number of threads; where others use the machine too, a round takes long."""
TEXTBOOK = "textbook order"


@dataclass(frozen=True, slots=True)
class Spent:
    """What one round of a task took."""

    wall_ms: float
    cpu_ms: float
    faults: int
    """Pages of memory that the system had to provide."""


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=512, help="rows and columns of a raw frame")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--threads", type=int, nargs="+", default=[1], help="on so many in turn")
    options = parser.parse_args()
    scene = make_scene(options.size)
    rows = [row for n in options.threads for row in _measured(scene, n, options.rounds)]
    title = f"Plain reconstruction of 9 x {options.size} x {options.size} on a CPU"
    report("frame_path", title, rows, size=options.size, rounds=options.rounds)


def _measured(scene: Scene, threads: int, rounds: int) -> list[Row]:
    torch.set_num_threads(threads)
    spent = _in_turn(_works(scene), rounds)
    textbook = min(one.wall_ms for one in spent[TEXTBOOK])
    return [_row(threads, name, found, textbook) for name, found in spent.items()]


def _row(threads: int, name: str, spent: list[Spent], textbook_ms: float) -> Row:
    least = min(one.wall_ms for one in spent)
    return {
        "threads": threads,
        "method": name,
        "least ms": least,
        "median ms": float(np.median([one.wall_ms for one in spent])),
        "CPU ms": min(one.cpu_ms for one in spent),
        "page faults": int(np.median([one.faults for one in spent])),
        "textbook over it": textbook_ms / least,
    }


def _in_turn(works: Mapping[str, Work], rounds: int) -> dict[str, list[Spent]]:
    """Do every work once a round; the first does not count, and two at the least do."""
    spent: dict[str, list[Spent]] = {name: [] for name in works}
    begin = time.monotonic()
    with torch.inference_mode():
        for number in range(rounds + 1):
            if number > 2 and time.monotonic() - begin > MOST_S:
                break
            for name, work in works.items():
                once = _spent(work)
                if number:
                    spent[name].append(once)
    return spent


def _spent(work: Work) -> Spent:
    faults, cpu, wall = _faults(), time.process_time(), time.perf_counter()
    work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Spent(1000.0 * wall, 1000.0 * cpu, _faults() - faults)


def _faults() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def _works(scene: Scene) -> dict[str, Work]:
    camera = scene.settings.camera
    plan = make_plan(scene.pattern, scene.otf, camera, Reconstruction(wiener=WIENER))
    textbook = TextbookOrder(scene.pattern, scene.otf, camera, WIENER)
    whole = Reconstructor(plan)
    return {
        TEXTBOOK: lambda: textbook(scene.counts),
        WHOLE: lambda: whole.differentiable(scene.counts[None]),
        **_own(plan, scene.counts.flatten(0, 1)),
        ALONE: _transforms(plan),
        CACHED: _cached_transforms(plan),
        RAMPED: _ramped(plan, scene.counts.flatten(0, 1)),
    }


def _own(plan: Plan, frames: Tensor) -> dict[str, Work]:
    """Return livesim's reconstruction and its stages."""
    ours, apart = Reconstructor(plan), Reconstructor(plan)
    rows, columns = (2 * n for n in plan.shape)
    image = torch.zeros(rows, columns)
    with torch.inference_mode():
        planes = apart.separate(frames)
        bands = apart.transform(planes)
        empty = torch.zeros(plan.half_columns, rows, dtype=torch.complex64)
        spectrum = apart.combine(bands, empty.clone())
    return {
        OURS: lambda: ours.make(ours.look(frames)[0], None, image),
        f"{OURS}: separate": lambda: [apart.separate(frames[:, part]) for part in blocks(frames)],
        f"{OURS}: FFT": lambda: apart.transform(planes),
        f"{OURS}: combine": lambda: apart.combine(bands, empty.zero_()),
        f"{OURS}: inverse FFT": lambda: apart.invert(spectrum, image),
    }


def _shapes(plan: Plan) -> list[tuple[Callable[[Tensor], Tensor], Tensor]]:
    """Return every batch of transforms that a stack needs."""
    rows, columns = plan.shape
    box = plan.columns.stop - plan.columns.start
    bands = len(plan.ramps)

    def spectra(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.complex64)

    return [
        (torch.fft.rfft, torch.randn(rows, columns)),
        (torch.fft.fft, spectra(plan.zero_columns, rows)),
        (torch.fft.fft, spectra(bands * rows, columns)),
        (torch.fft.fft, spectra(bands * box, rows)),
        (torch.fft.ifft, spectra(plan.half_columns, 2 * rows)),
        (lambda half: torch.fft.irfft(half, n=2 * columns), spectra(2 * rows, columns + 1)),
    ]


def _transforms(plan: Plan) -> Work:
    batches = _shapes(plan)
    return lambda: [transform(batch) for transform, batch in batches]


def _cached_transforms(plan: Plan) -> Work:
    """Return as many transforms of as many points, but the same block of rows again and again."""
    batches = [
        (transform, batch[part].clone(), len(blocks(batch)))
        for transform, batch in _shapes(plan)
        for part in blocks(batch)[:1]
    ]
    return lambda: [transform(block) for transform, block, n in batches for _ in range(n)]


def _ramped(plan: Plan, frames: Tensor) -> Work:
    """Return what lies between the counts and the first transforms."""
    apart, count = Reconstructor(plan), len(plan.ramps)

    def ramped() -> None:
        for part in blocks(frames):
            planes = apart.separate(frames[:, part])
            torch.complex(planes[1 : 1 + count], planes[1 + count :]).mul_(plan.ramps[:, part])

    return ramped


if __name__ == "__main__":
    main()
