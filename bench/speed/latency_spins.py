"""Measure the latency against how long torch's threads spin: `python -m bench.speed.latency_spins`.

The streams of `bench.speed.latency`, all at the same rate, a share of the highest; the engine's
threads spin for each other longer or shorter (`livesim.engine.threads`). In rounds, so that all
see the same machine.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

import numpy as np
from rich.console import Console
from rich.progress import track

from bench.report import Row, report
from bench.speed.latency import AT_FIRST, SIDES, Heard, Stacks, raw_stacks, stream
from livesim.engine.threads import SPINS

TURNS = ("10000", SPINS, "0")
ROUNDS = 3
STACKS = AT_FIRST + 300
SHARE = 0.5


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stacks", type=int, default=STACKS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--sides", type=int, nargs="+", default=list(SIDES))
    parser.add_argument("--turns", nargs="+", default=list(TURNS))
    asked = parser.parse_args()
    rows = [
        row
        for side in asked.sides
        for row in measure(side, raw_stacks(side), asked.stacks, asked.turns, asked.rounds)
    ]
    title = "From the last raw frame sent to the result heard, at one rate for all, ms"
    report("latency_spins", title, rows, stacks=asked.stacks - AT_FIRST, rounds=asked.rounds)


def measure(side: int, pixels: Stacks, stacks: int, turns: Sequence[str], rounds: int) -> list[Row]:
    """Stream once as fast as possible, then in turn at a share of the rate that was reached."""
    fastest = _with(SPINS, pixels, stacks, None)
    per_s = SHARE * fastest.results / fastest.seconds
    ends: dict[str, list[float]] = {spins: [] for spins in turns}
    order = [spins for _ in range(rounds) for spins in turns]
    for spins in track(order, f"{side}²", console=Console(stderr=True)):
        ends[spins] += _with(spins, pixels, stacks, per_s).ends_ms.tolist()
    return [
        {
            "method": f"{side}², {per_s:.0f} stacks/s: {spins} turns",
            **{f"p{one}": float(np.percentile(ends[spins], one)) for one in (50, 95, 99)},
        }
        for spins in turns
    ]


def _with(spins: str, pixels: Stacks, stacks: int, per_s: float | None) -> Heard:
    """Stream to an engine whose threads spin that long."""
    os.environ["GOMP_SPINCOUNT"] = spins  # the engine is a child
    return stream(pixels, stacks, per_s)


if __name__ == "__main__":
    main()
