"""Count how often the start of the pattern is found in a live mode that begins anywhere in it.

`python -m bench.quality.start`: simulated frames, three raw stacks' worth from a random frame on,
with phase errors and a specimen that moves; down to light that does not suffice, and some without
any fringes. A start is right where the frames make whole raw stacks from it on.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from bench.report import Row, report
from livesim.reconstruction.doctor.start import SURE_ENOUGH, find_start
from livesim.values.pattern import Pattern
from tests.support.faults import SETTINGS, Light, expected_angles, sequence

STACKS = 3
PEAKS = (1000.0, 100.0, 20.0, 6.0, 3.0, 1.5)
FRAMES, PHASES = SETTINGS.pattern.stack_frames, SETTINGS.pattern.phases


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="sequences of every kind")
    parser.add_argument("--size", type=int, default=128, help="rows and columns of a frame")
    parser.add_argument("--first", type=int, default=3000, help="seed")
    options = parser.parse_args()
    torch.set_num_threads(1)
    seeds = range(options.first, options.first + options.seeds)
    light = Light(100.0, options.size)
    rows = [_row(Light(peak, options.size), seeds) for peak in PEAKS]
    rows += [_row(light, seeds, angles=True), _row(light, seeds, fringes=False)]
    title = f"Start of the pattern found from {STACKS} raw stacks (sure: {SURE_ENOUGH:.0%} or more)"
    report("start", title, rows, seeds=[seeds.start, seeds.stop])


def _row(light: Light, seeds: range, *, angles: bool = False, fringes: bool = True) -> Row:
    """Return how often the start was right, wrong and refused.

    With `angles`, the settings name the angles, so the first angle has to be right, too.
    """
    said, spent = Counter[str](), []
    for seed in seeds:
        first = int(np.random.default_rng(seed).integers(FRAMES))
        frames = _frames(seed, light, first, fringes=fringes)
        settings = expected_angles(seed, light) if angles else SETTINGS
        begun = time.process_time()
        start = find_start(frames, settings)
        spent.append(time.process_time() - begun)
        right = fringes and (start.place - first) % (FRAMES if angles else PHASES) == 0
        said["refused" if not start.is_sure else "right" if right else "wrong"] += 1
    row = {
        "photons": light.peak,
        "field": f"{light.size} x {light.size}",
        "kind": "no fringes" if not fringes else "angles named" if angles else "sound",
        "sequences": len(seeds),
        **{name: said[name] for name in ("right", "wrong", "refused")},
        "CPU s each": round(float(np.median(spent)), 2),
    }
    print(row, flush=True)
    return row


def _frames(seed: int, light: Light, first: int, *, fringes: bool) -> Tensor:
    """Return frames that begin at frame `first` of the pattern."""
    whole = sequence(
        seed,
        light,
        STACKS + 1,
        shift_px=1.0,
        phase_error_deg=3.0,
        change=(lambda pattern: pattern) if fringes else _flat,
    )
    return whole[first : first + STACKS * FRAMES]


def _flat(pattern: Pattern) -> Pattern:
    return replace(pattern, angles=tuple(replace(one, modulation=(0.0,)) for one in pattern.angles))


if __name__ == "__main__":
    main()
