"""Find and replace defects in simulated recordings: `python -m bench.quality.defects`.

Every recording has a specimen, optics and a pattern of its own; half of the specimens are
photographs and noise, as dense as tissue. The pattern is estimated and the plain image made of the
frames without defects, with them, and after replacing what was found. Also: what is found where
there is nothing, with four kinds of cameras and pixels that are too coarse.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import torch
from torch import Tensor

from bench.quality.arbitration import FRACTAL, PHOTOGRAPHS, UNKNOWN, scene, specimen
from bench.report import Row, report, show
from livesim.commands.train.scenes import simulated_scene
from livesim.config.settings import Camera, PatternSettings, Reconstruction
from livesim.reconstruction.defects.hits import HitSearch
from livesim.reconstruction.defects.replacement import replaced
from livesim.reconstruction.defects.search import find_defects
from livesim.reconstruction.estimate.estimation import estimate_pattern
from livesim.reconstruction.forward.projection import Projection
from livesim.reconstruction.forward.sensor import Sensor
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.plan import make_plan
from livesim.reconstruction.reconstructor import Reconstructor
from livesim.values.defects import Defects, Hit
from livesim_models.data.recipe import ScenesRecipe
from livesim_models.data.scene import Scene
from livesim_models.evaluation.similarity import similarity

SIMULATED = ("filaments", "network", "beads", "vesicles")
KINDS = (*SIMULATED, *UNKNOWN, *PHOTOGRAPHS, FRACTAL)
PHOTONS = (5.0, 20.0, 100.0, 1000.0)
COUNTS = (1, 12, 100)
WRONG = ("hot", "warm", "dead", "stuck", "ray")
SHARES = (0.3, 0.3, 0.15, 0.15, 0.1)
CAMERA = Camera(offset=100.0, gain=2.0, read_noise=1.5)
COARSE = 1.25
"""Pixels of 110 nm in units of the largest that holds the cut-off."""
NOTICEABLE = 8.0
"""Standard deviations of a pixel's noise from which a defect has to be found."""


@dataclass(frozen=True, slots=True)
class Planted:
    """A defect as it was made."""

    kind: str
    frame: int | None
    """None = all of them."""
    y: int
    x: int
    sigmas: float
    """Root mean square of how far it is off, in the noise of a pixel there."""


def field(kind: str, number: int, size: int, seed: int) -> Scene:
    """Return a field whose optics are known rightly."""
    if kind in SIMULATED:
        return simulated_scene(ScenesRecipe(seed=seed, size=size), "test", number, kind)
    return scene(kind, 2 * number, size, seed)


def planted(
    counts: Tensor, mean: Tensor, number: int, random: np.random.Generator
) -> tuple[Tensor, list[Planted]]:
    """Return frames [frame, y, x] with so many defects, and what was done to them."""
    frames, rows, columns = counts.shape
    changed, found = counts.clone(), []
    peak = float(mean.mean(dim=0).max())
    places = random.choice(rows * columns, number, replace=False)
    kinds = ["hot"] if number == 1 else random.choice(WRONG, number, p=SHARES)
    for place, kind in zip(places, kinds, strict=True):
        y, x = divmod(int(place), columns)
        at = int(random.integers(frames)) if kind == "ray" else None
        where = slice(None) if at is None else slice(at, at + 1)
        wrong = _counts(str(kind), mean[where, y, x], peak, random)
        changed[where, y, x] = wrong.to(counts.dtype)
        sigma = CAMERA.gain * (mean[where, y, x] + CAMERA.read_noise**2).sqrt()
        off = (wrong.double() - CAMERA.offset - CAMERA.gain * mean[where, y, x]) / sigma
        found.append(Planted(str(kind), at, y, x, float(off.square().mean().sqrt())))
    return changed, found


def _counts(kind: str, light: Tensor, peak: float, random: np.random.Generator) -> Tensor:
    """Return the counts [frame] of a defect pixel on which such photo-electrons fall."""
    generator = torch.Generator().manual_seed(int(random.integers(2**31)))
    if kind == "stuck":
        level = CAMERA.offset + CAMERA.gain * peak * float(random.uniform(0.0, 3.0))
        return torch.full_like(light, min(round(level), 65535))
    factors = {"hot": (5.0, 20.0), "warm": (0.5, 5.0), "dead": (0.0, 0.0), "ray": (2.0, 50.0)}
    extra = peak * float(random.uniform(*factors[kind]))
    return Sensor.of(CAMERA).counts(0.0 * light if kind == "dead" else light + extra, generator)


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What becomes of a recording."""

    wrong_angles: int
    modulation: float
    """The largest error over the angles."""
    psnr_db: float


def outcome(counts: Tensor, own: Scene, photons: float) -> Outcome:
    """Return how well pattern and plain image are found from frames [frame, y, x]."""
    assert own.truth is not None
    otf = Otf.theoretical(own.optics)
    settings = PatternSettings()
    stacks = counts.view(1, *own.frames.shape)
    found = estimate_pattern(stacks, own.optics, settings, CAMERA, own.pattern.pixel_nm, otf)
    plan = make_plan(found, otf, CAMERA, Reconstruction())
    image = Reconstructor(plan)(counts[None]).image[0].double().numpy()
    truth = photons * own.truth.double().numpy()
    pairs = list(zip(found.angles, own.pattern.angles, strict=True))
    pixel = 1000.0 / (own.pattern.pixel_nm * max(own.shape))
    wrong = [math.dist(a.k_cycles_per_um, b.k_cycles_per_um) > pixel for a, b in pairs]
    off = [abs(a.modulation[0] - b.modulation[0]) for a, b in pairs]
    return Outcome(sum(wrong), max(off), similarity(image, truth).psnr_db)


def measure(own: Scene, photons: float, number: int, seed: int) -> Row:
    """Return the figures of one field, light and number of defects."""
    mean = photons * own.frames.double().flatten(0, 1)
    generator = torch.Generator().manual_seed(seed)
    right = Sensor.of(CAMERA).counts(mean, generator)
    wrong, made = planted(right, mean, number, np.random.default_rng((seed, number)))
    defects = find_defects(
        wrong.view(1, *own.frames.shape), own.optics, CAMERA, own.pattern.pixel_nm
    )
    mended = replaced(wrong, defects, own.optics, own.pattern.pixel_nm)
    outcomes = [outcome(one, own, photons) for one in (right, wrong, mended)]
    lasting = replace(defects, hits=())
    live = replaced(wrong, lasting, own.optics, own.pattern.pixel_nm).view(own.frames.shape)
    hits = set(HitSearch(own.optics, CAMERA, own.pattern.pixel_nm)(live.numpy()))
    rays = {Hit(one.frame, one.y, one.x) for one in made if one.frame is not None}
    places = {(one.y, one.x) for one in made}
    strange = {hit for hit in hits if (hit.y, hit.x) not in places}
    on_path = {"live": len(hits & rays), "live false": len(strange)}
    return {**_told(defects, made), **on_path, "outcomes": outcomes}


def _told(defects: Defects, made: Sequence[Planted]) -> Row:
    """Return how many were found, by kind, and what else was."""
    places = set(defects.places)
    hits = {(hit.frame, hit.y, hit.x) for hit in defects.hits}
    true = {(one.y, one.x) for one in made}
    row: Row = {"made": Counter(), "found": Counter(), "noticeable": 0, "noticed": 0}
    for one in made:
        seen = (one.y, one.x) in places or (one.frame, one.y, one.x) in hits
        row["made"][one.kind] += 1
        row["found"][one.kind] += seen
        row["noticeable"] += one.sigmas > NOTICEABLE
        row["noticed"] += seen and one.sigmas > NOTICEABLE
    row["false"] = len(places - true) + len({hit[1:] for hit in hits} - true)
    return row


def summary(rows: Sequence[Row]) -> Row:
    """Return counts and means of fields; three numbers: without defects, with, and replaced."""
    made: Counter[str] = sum((row["made"] for row in rows), Counter())
    found: Counter[str] = sum((row["found"] for row in rows), Counter())
    line: Row = {kind: f"{found[kind]}/{made[kind]}" for kind in WRONG}
    line["ray, live"] = f"{sum(row['live'] for row in rows)}/{made['ray']}"
    noticed, noticeable = (sum(row[name] for row in rows) for name in ("noticed", "noticeable"))
    line |= {"noticeable": f"{noticed}/{noticeable}", "false": sum(row["false"] for row in rows)}
    line["false, live"] = sum(row["live false"] for row in rows)
    three = [[row["outcomes"][number] for row in rows] for number in range(3)]
    line["wrong k"] = " ".join(str(sum(one.wrong_angles for one in each)) for each in three)
    off = (float(np.median([one.modulation for one in each])) for each in three)
    line["m off"] = " ".join(f"{one:.3f}" for one in off)
    psnr = (float(np.mean([one.psnr_db for one in each])) for each in three)
    line["dB"] = " ".join(f"{one:.1f}" for one in psnr)
    return line


def cameras(shape: tuple[int, int], photons: float, seed: int) -> Iterator[tuple[str, Sensor]]:
    """Yield cameras without defects: of equal pixels, sCMOS, EMCCD, and one that saturates."""
    offset, gain, noise = torch.tensor([CAMERA.offset, CAMERA.gain, CAMERA.read_noise]).double()
    yield "equal pixels", Sensor(offset, gain, noise)
    yield "sCMOS", Sensor.scmos(CAMERA, shape, seed)
    yield "EMCCD", Sensor(offset, 10.0 * gain, noise / 20.0, electron_multiplying=True)
    yield "saturating", Sensor(offset, gain, noise, full_well=0.6 * photons)


def alarms(fields: Sequence[Scene], photons: float) -> list[Row]:
    """Return what is found where nothing is wrong, for every camera."""
    found: dict[str, list[Defects]] = {}
    for seed, own in enumerate(fields):
        for name, sensor in cameras(own.shape, photons, seed):
            generator = torch.Generator().manual_seed(seed)
            counts = sensor.counts(photons * own.frames.double(), generator)[None]
            seen = find_defects(counts, own.optics, Camera(offset=100.0), own.pattern.pixel_nm)
            found.setdefault(name, []).append(seen)
    return [
        {
            "camera": name,
            "photons": photons,
            "fields": len(all_),
            "with alarms": sum(bool(one.pixels or one.hits) for one in all_),
            "pixels": sum(len(one.pixels) + len(one.hits) for one in all_),
            "doubted": sum(bool(one.doubt) for one in all_),
        }
        for name, all_ in found.items()
    ]


def coarse(kind: str, number: int, size: int, seed: int) -> Scene:
    """Return a field of pixels of 110 nm at an aperture of 1.49: too large for its cut-off."""
    recipe = ScenesRecipe(
        seed=seed,
        size=size,
        numerical_aperture=(1.49, 1.49),
        emission_nm=(525.0, 525.0),
        sampling=(COARSE, COARSE),
    )
    own = simulated_scene(recipe, "test", number, kind if kind in SIMULATED else SIMULATED[0])
    if kind in SIMULATED:
        return own
    there = torch.from_numpy(specimen(kind, 2 * size, np.random.default_rng((seed, number))))
    frames = Projection(own.pattern, Otf.theoretical(own.optics)).frames(there.float())
    return replace(own, frames=(frames / frames.mean(dim=0).max()).reshape(own.frames.shape))


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fields", type=int, default=1, help="of every kind, with defects")
    parser.add_argument("--clean", type=int, default=4, help="of every kind, without any")
    parser.add_argument("--photons", type=float, nargs="*", default=PHOTONS)
    parser.add_argument("--defects", type=int, nargs="*", default=COUNTS)
    parser.add_argument("--kinds", nargs="*", default=KINDS)
    parser.add_argument("--size", type=int, default=128, help="raw pixels, both sides")
    parser.add_argument("--seed", type=int, default=2026, help="of the scenes")
    options = parser.parse_args()
    torch.set_num_threads(1)
    clean = [
        field(kind, number, options.size, options.seed)
        for kind in options.kinds
        for number in range(options.clean)
    ]
    quiet = [row for photons in options.photons for row in alarms(clean, photons)]
    show("Nothing is wrong: what is found", quiet)
    kinds = [kind for kind in options.kinds if kind not in UNKNOWN]
    large = [coarse(kind, 0, options.size, options.seed) for kind in kinds]
    coarsely = [row for photons in options.photons for row in alarms(large, photons)]
    show("Pixels of 110 nm, nothing is wrong: what is found", coarsely)
    rows = []
    for number in options.defects:
        for photons in options.photons:
            each = [
                measure(field(kind, one, options.size, options.seed), photons, number, seed)
                for seed, (kind, one) in enumerate(product(options.kinds, range(options.fields)))
            ]
            rows.append({"defects": number, "photons": photons, **summary(each)})
            print(rows[-1], flush=True)
    report(
        "defects",
        "Found, and the plain image without defects, with them, and with them replaced",
        rows,
        clean=quiet,
        coarse=coarsely,
        kinds=list(options.kinds),
        fields=options.fields,
        size=options.size,
        seed=options.seed,
    )


if __name__ == "__main__":
    main()
