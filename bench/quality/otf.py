"""Find the OTF's damping in simulated recordings: `python -m bench.quality.otf`.

Filaments, photographs and fractal noise, in strong and weak light. Every stack is reconstructed
with the damping that used to be assumed, with the one found, and with the true one.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.quality.arbitration import FRACTAL, specimen
from bench.quality.peers import psnr
from bench.report import Row, report, show
from livesim.config.settings import ASSUMED_DAMPING, Optics, PatternSettings, Reconstruction
from livesim.reconstruction.estimate.estimation import estimate_pattern
from livesim.reconstruction.forward.model import camera_counts
from livesim.reconstruction.forward.projection import Projection
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.otf_damping.estimate import with_otf_damping
from livesim.reconstruction.plan import make_plan
from livesim.reconstruction.reconstructor import Reconstructor
from livesim.values.pattern import Pattern
from livesim_acquisition.specimens.filaments import Filaments
from livesim_models.evaluation.reference import reference
from tests.support.scenes import CAMERA, OPTICS, random_pattern

FILAMENTS = "filaments"
KINDS = (FILAMENTS, "camera", "brick", FRACTAL)
DAMPINGS = (0.1, 0.15, 0.25, 0.4, 0.7, 1.0)
PHOTONS = (1000.0, 100.0, 20.0)
FIELDS = ((128, 1), (128, 16), (256, 1))
"""Size, and raw stacks averaged."""
BACKGROUND = 0.05
SETTINGS = PatternSettings()
DEFAULT = Reconstruction()


@dataclass(frozen=True, eq=False)
class Recording:
    """A simulated recording and what is true of it."""

    optics: Optics
    pattern: Pattern
    truth: Tensor
    """[2 y, 2 x]."""
    counts: Tensor
    """[time, angle, phase, y, x]."""


def recording(
    kind: str, size: int, damping: float, peak: float, stacks: int, seed: int = 0
) -> Recording:
    """Return a recording; what differs in light and damping alone shows the same object."""
    shape, seed = (size, size), seed + KINDS.index(kind)
    optics = OPTICS.model_copy(update={"otf_damping": damping})
    pattern = random_pattern(seed, shape, SETTINGS, optics)
    truth = torch.from_numpy(_object(kind, size, seed)).double()
    projection = Projection(pattern, Otf.theoretical(optics), dtype=torch.float64)
    light = projection.frames(truth).clamp(min=0.0)
    light = peak * (light / light.max() + BACKGROUND).reshape(*SETTINGS.stack_shape, *shape)
    generator = torch.Generator().manual_seed(seed)
    counts = torch.stack([camera_counts(light, CAMERA, generator) for _ in range(stacks)])
    return Recording(optics, pattern, truth, counts)


def _object(kind: str, size: int, seed: int) -> NDArray[np.floating]:
    """Return the object on the doubled grid, [2 y, 2 x]."""
    if kind != FILAMENTS:
        return specimen(kind, 2 * size, np.random.default_rng(seed))
    count = max(round(30 * size**2 / 256**2), 3)
    return Filaments((2 * size, 2 * size), 40.0, count=count, seed=seed).density()


def estimated(one: Recording, damping: float) -> Pattern:
    """Return the pattern under an OTF of this damping."""
    optics = one.optics.model_copy(update={"otf_damping": damping})
    return estimate_pattern(one.counts, optics, SETTINGS, CAMERA, one.pattern.pixel_nm)


def found_with(one: Recording, before: Pattern) -> Pattern:
    """Return the pattern as a calibration finds it, from its estimate with the assumed OTF."""
    optics = one.optics.model_copy(update={"otf_damping": "auto"})
    photons = (one.counts.float().mean(dim=0) - CAMERA.offset) / CAMERA.gain
    return with_otf_damping(before, photons.flatten(0, 1), len(one.counts), optics)


def quality(one: Recording, pattern: Pattern, damping: float) -> float:
    """Return the PSNR in dB of the first stack's image against the ideal one."""
    plan = make_plan(pattern, Otf(one.optics.cutoff_cycles_per_um, damping), CAMERA, DEFAULT)
    image = Reconstructor(plan)(one.counts[:1].float().flatten(1, 2)).image[0].double().numpy()
    otf = Otf.theoretical(one.optics)
    return psnr(image, reference(one.truth.numpy(), one.pattern, otf))


def modulation_error(found: Pattern, true: Pattern) -> float:
    """Return the rms error of the usable angles' modulation."""
    errors = []
    for angle in found.angles:
        if angle.usable:
            k = angle.k_cycles_per_um
            near = min(true.angles, key=lambda other: math.dist(other.k_cycles_per_um, k))
            errors += list(np.subtract(angle.modulation, near.modulation))
    return float(np.sqrt(np.mean(np.square(errors))))


def measure(kind: str, size: int, damping: float, peak: float, stacks: int, seed: int) -> Row:
    """Return the figures of one recording; None where the frames did not tell."""
    one = recording(kind, size, damping, peak, stacks, seed)
    row: Row = {"specimen": kind, "field": size, "photons": peak, "stacks": stacks, "true": damping}
    before = estimated(one, ASSUMED_DAMPING)
    found = found_with(one, before)
    told, usable = found.otf_damping, any(angle.usable for angle in found.angles)
    used = ASSUMED_DAMPING if told is None else told.value
    return row | {
        "found": None if told is None else told.value,
        "error": None if told is None else told.error,
        "modulation before": modulation_error(before, one.pattern) if usable else None,
        "modulation off": modulation_error(found, one.pattern) if usable else None,
        "dB before": quality(one, before, ASSUMED_DAMPING),
        "dB found": quality(one, found, used),
        "dB true": quality(one, estimated(one, damping), damping),
    }


def _cells(rows: list[Row]) -> Iterator[Row]:
    """Yield one line for every light, number of stacks and size."""
    keys = sorted({(r["photons"], r["stacks"], r["field"]) for r in rows}, reverse=True)
    for photons, stacks, field in keys:
        here = [
            r for r in rows if (r["photons"], r["stacks"], r["field"]) == (photons, stacks, field)
        ]
        yield {"photons": photons, "stacks": stacks, "field": field} | _summary(here)


def _summary(rows: list[Row]) -> Row:
    told = [r for r in rows if r["found"] is not None]
    off = np.array([abs(r["found"] / r["true"] - 1.0) for r in told])
    sigmas = np.array([(r["found"] - r["true"]) / r["error"] for r in told])
    loss = {name: [r["dB true"] - r[f"dB {name}"] for r in rows] for name in ("before", "found")}
    return {
        "told": f"{len(told)}/{len(rows)}",
        "median off %": 100.0 * float(np.median(off)) if told else None,
        "within 10 %": f"{np.sum(off <= 0.10)}/{len(told)}",
        "within 25 %": f"{np.sum(off <= 0.25)}/{len(told)}",
        "rms sigmas": float(np.sqrt(np.mean(sigmas**2))) if told else None,
        "m off before": _median([r["modulation before"] for r in told]),
        "m off": _median([r["modulation off"] for r in told]),
        "dB lost before": float(np.mean(loss["before"])),
        "most before": float(np.max(loss["before"])),
        "dB lost": float(np.mean(loss["found"])),
        "most": float(np.max(loss["found"])),
    }


def _median(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kinds", nargs="*", default=KINDS)
    parser.add_argument("--photons", nargs="*", type=float, default=PHOTONS)
    parser.add_argument("--dampings", nargs="*", type=float, default=DAMPINGS)
    parser.add_argument("--seed", type=int, default=0, help="of patterns, places and noise")
    options = parser.parse_args()
    torch.set_num_threads(1)
    cells = product(options.kinds, FIELDS, options.dampings, options.photons)
    rows = []
    for kind, (size, stacks), damping, photons in cells:
        rows.append(measure(kind, size, damping, photons, stacks, options.seed))
        print(*rows[-1].values(), flush=True)
    kinds = [
        {"specimen": k} | _summary([r for r in rows if r["specimen"] == k]) for k in options.kinds
    ]
    show("Damping found, by specimen", kinds)
    lines = list(_cells(rows))
    report(
        "otf",
        "Damping found against true; dB lost to the image with the true OTF",
        lines,
        kinds=kinds,
        each=rows,
        seed=options.seed,
    )


if __name__ == "__main__":
    main()
