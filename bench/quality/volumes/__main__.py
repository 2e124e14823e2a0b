"""Measure three-dimensional SIM against simulated truth: `python -m bench.quality.volumes`.

The dense specimen fills twice the depth of the stack with filaments, shells and beads. Every volume
is compared with the object low-passed as a perfect result would be, after the best linear fit; the
peak is the 99.9th percentile, four planes at either end and 16 fine pixels at the borders are cut.
Photons are those of the brightest pixel of the widefield planes. Times are CPU time of one thread.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch

from bench.quality.volumes.accepted import Accepted
from bench.quality.volumes.beads import beads
from bench.quality.volumes.dense import dense, summed_up
from bench.quality.volumes.fixture import fixture
from bench.quality.volumes.scene import Scene
from bench.quality.volumes.speed import generator_s, same_in_any_order, speed
from bench.report import Row, report, show

PHOTONS = (1000.0, 100.0, 50.0, 20.0, 10.0)


def _measured(seeds: int, kept: Path | None) -> list[Row]:
    """Return the figures of every volume; those in the file `kept` are not measured again."""
    there = kept is not None and kept.exists()
    lines = kept.read_text(encoding="utf-8").splitlines() if kept is not None and there else []
    each = [json.loads(line) for line in lines]
    for seed in range(1, seeds + 1):
        known = {row["photons"] for row in each if row["seed"] == seed}
        missing = [photons for photons in PHOTONS if photons not in known]
        scene = Scene(seed) if missing else None
        for photons in missing:
            assert scene is not None
            each.append(dense(scene, photons))
            print(each[-1], flush=True)
            if kept is not None:
                with kept.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(each[-1]) + "\n")
    return each


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--recordings", type=Path, help="the folder with sim3d/raw.dv")
    parser.add_argument("--rows", type=Path, help="file of volumes measured so far, to go on from")
    parser.add_argument("--bend", type=float, help="beads alone, with this apodization")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.bend is not None:
        show(f"Beads, bend {options.bend:g}", [beads(bend=options.bend)])
        return
    each = _measured(options.seeds, options.rows)
    lines = [summed_up(each, photons) for photons in PHOTONS]
    show("Dense specimen, 128² x 24", lines)
    bead = beads()
    fixed = [
        fixture(options.recordings, own_otf=own)[0] for own in (False, True) if options.recordings
    ]
    fast = [speed(256, 16), speed(128, 32), speed(256, 32)]
    show("CPU time of one thread", fast)
    found = Accepted()
    found.add_beads(bead)
    found.add_dense(lines)
    found.add_pattern(lines[PHOTONS.index(100.0)])
    for one in fixed:
        found.add_fixture(one)
    found.add_order(same_in_any_order(Scene(1)))
    found.add_speed(fast[0], 2.0)
    found.add_speed(fast[1], None)
    end_s = fast[2]["end ms"] / 1e3
    found.add_seconds(f"{fast[2]['volume']}, after the last plane, s", 0.25, end_s)
    found.add_seconds("generator, 256² x 32 x 15, s", 20.0, generator_s())
    report(
        "volumes",
        "Volumes: asked for and found",
        found.rows,
        dense=lines,
        beads=bead,
        speed=fast,
        each=each,
    )


if __name__ == "__main__":
    main()
