"""Hold networks beside each other on unseen objects: `python -m bench.quality.networks_unseen`.

The fields are those of `bench.quality.arbitration`, from seeds of their own. Printed is by how many
decibels each network's own image, and the arbitrated one, are better than the plain image. With
`--layouts` the same objects are lit by patterns of other raw stacks.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from itertools import product

import numpy as np
import torch

from bench.quality.arbitration import FRACTAL, KINDS, KNOWN, scene
from bench.quality.networks import PHOTONS, READ_NOISE
from bench.quality.restored import Restorer, arbiter, arbitrated, passband_of
from bench.report import Row, report
from livesim.commands.train.scenes import simulated_scene
from livesim.reconstruction.forward.projection import Projection
from livesim.reconstruction.otf import Otf
from livesim.values.pattern import Pattern, PatternAngle, PatternLayout
from livesim_models.data.recipe import ScenesRecipe
from livesim_models.data.sample import simulated_sample
from livesim_models.data.scene import Scene, lit
from livesim_models.data.truth import passed, unit_noise_to_signal
from livesim_models.evaluation.similarity import similarity
from livesim_models.trust.fission import noise_variance

DRAWN = ("mitochondria", "vesicles", "beads")
"""Structures of every training beside those of the arbitration."""
LAYOUTS: Mapping[str, tuple[PatternLayout, int, int, int, float]] = {
    "3x3": ("angle-phase", 3, 3, 1, 1.0),
    "3x5": ("angle-phase", 3, 5, 2, 1.0),
    "5x5": ("angle-phase", 5, 5, 2, 1.0),
    "hexagonal": ("hexagonal", 3, 7, 1, 0.4),
}
"""Name -> layout, wave vectors, frames of each, harmonics and the highest modulation."""
LIKE = ("text", FRACTAL)
"""Kinds of which trainings on drawn examples see relatives: other text, noise of other spectra."""


def field(kind: str, number: int, size: int, seed: int) -> Scene:
    """Return a field of a kind."""
    if kind in DRAWN:
        return simulated_scene(ScenesRecipe(seed=seed, size=size), "test", number, kind)
    return scene(kind, number, size, seed)


def lit_as(layout: str, own: Scene, seed: int) -> Scene:
    """Return a field in the light of another layout, its wave vectors and modulation drawn."""
    if layout == "3x3" or own.truth is None:
        return own
    kind, vectors, frames, harmonics, most = LAYOUTS[layout]
    random = np.random.default_rng(seed)
    cutoff = own.optics.cutoff_cycles_per_um
    k = random.uniform(0.75, 0.95) * cutoff / harmonics
    first, modulation = random.uniform(0.0, np.pi), most * random.uniform(0.5, 0.95)
    angles = []
    for number in range(vectors):
        turn = first + np.pi * number / vectors
        steps = 2.0**number if kind == "hexagonal" else 1.0
        phases = random.uniform(0.0, 2.0 * np.pi) + 2.0 * np.pi * steps / frames * np.arange(frames)
        one = PatternAngle((1.0, 0.0), tuple(phases.tolist()), (modulation,) * harmonics)
        angles.append(lit(one, (k * float(np.cos(turn)), k * float(np.sin(turn)))))
    pattern = Pattern(own.pattern.pixel_nm, own.pattern.shape, tuple(angles), layout=kind)
    there = own.truth.float().clamp(min=0.0)
    light = Projection(pattern, Otf.theoretical(own.optics)).frames(there)
    there, light = there / light.mean(dim=0).max(), light / light.mean(dim=0).max()
    noise = unit_noise_to_signal(there, pattern, own.optics)
    return replace(
        own,
        frames=light[None],
        truth=passed(there, pattern, own.optics),
        pattern=replace(pattern, noise_to_signal=noise),
    )


def measure(own: Scene, photons: float, seed: int, names: list[str], fissions: int) -> Row:
    """Return what each network gains on one field in one light, dB."""
    generator = torch.Generator().manual_seed(1000 + seed)
    sample = simulated_sample(own, photons, READ_NOISE, generator)
    truth = sample.target.double().numpy()
    plain = Restorer(sample.plan, READ_NOISE, names[0]).plain(sample.low)
    before = similarity(plain.double().numpy(), truth)
    row: Row = {"plain": before.psnr_db}
    passband = passband_of(sample.plan, sample.pattern, Otf.theoretical(own.optics))
    for name in names:
        restorer = Restorer(sample.plan, READ_NOISE, name, passband)
        images = {name: restorer.network(sample.low)}
        if fissions:
            judge = arbiter(sample.plan, sample.pattern, Otf.theoretical(own.optics))
            variance = noise_variance(sample.low, READ_NOISE)
            ways = restorer.plain, restorer.network
            made = arbitrated(judge, sample.low, variance, *ways, 77 + seed, fissions)
            images[f"{name}, arbitrated"] = made.image
        for title, image in images.items():
            found = similarity(image.double().numpy(), truth)
            row[title] = found.psnr_db - before.psnr_db
            row[f"{title}, SSIM"] = found.ssim - before.ssim
    return row


def summaries(found: list[Row]) -> list[Row]:
    """Return mean gains by layout, light and kind, and of unseen kinds together."""
    kinds = list(dict.fromkeys(row["object"] for row in found))
    unseen = [kind for kind in kinds if kind not in (*KNOWN, *DRAWN)]
    strange = [kind for kind in unseen if kind not in LIKE]
    groups = {kind: [kind] for kind in kinds} | {
        name: one
        for name, one in (("all unseen", unseen), ("unseen, no relatives", strange))
        if len(one) > 1
    }
    cases = dict.fromkeys((row["layout"], row["photons"]) for row in found)
    return [
        _mean(name, [row for row in found if _is(row, case, group)])
        for case in cases
        for name, group in groups.items()
    ]


def _is(row: Row, case: tuple[str, float], kinds: list[str]) -> bool:
    return (row["layout"], row["photons"]) == case and row["object"] in kinds


def _mean(name: str, rows: list[Row]) -> Row:
    means = {
        key: float(np.mean([row[key] for row in rows]))
        for key, value in rows[0].items()
        if key not in ("layout", "object", "photons", "field") and isinstance(value, float)
    }
    first = {"layout": rows[0]["layout"], "photons": rows[0]["photons"]}
    return {**first, "objects": name, "fields": len(rows), **means}


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", nargs="+", default=["pair"])
    parser.add_argument("--fields", type=int, default=10, help="of every kind")
    parser.add_argument("--photons", type=float, nargs="*", default=PHOTONS)
    parser.add_argument("--kinds", nargs="*", default=[*KINDS, *DRAWN])
    parser.add_argument("--size", type=int, default=96, help="raw pixels, both sides")
    parser.add_argument("--layouts", nargs="+", choices=LAYOUTS, default=["3x3"])
    parser.add_argument("--fissions", type=int, default=0, help="0 = nothing is arbitrated")
    parser.add_argument("--seed", type=int, default=57, help="of the scenes")
    parser.add_argument("--name", default="networks_unseen", help="of the file of results")
    options = parser.parse_args()
    torch.set_num_threads(1)
    found: list[Row] = []
    for layout, kind, number in product(options.layouts, options.kinds, range(options.fields)):
        own = field(kind, number, options.size, options.seed)
        own = lit_as(layout, own, options.seed + number)
        for photons in options.photons:
            row = measure(own, photons, number, options.networks, options.fissions)
            case = {"layout": layout, "object": kind, "photons": photons, "field": number}
            found.append({**case, **row})
    report(
        options.name,
        "Gain over the plain image, dB",
        summaries(found),
        each=found,
        fields=options.fields,
        size=options.size,
        seed=options.seed,
        fissions=options.fissions,
        networks=[str(name).rsplit("/", 1)[-1] for name in options.networks],
    )


if __name__ == "__main__":
    main()
