"""Hold networks beside each other on unseen objects: `python -m bench.quality.networks_unseen`.

The fields are those of `bench.quality.arbitration`, from seeds of their own. Printed is by how many
decibels each network's own image, and the arbitrated one, are better than the plain image.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch

from bench.quality.arbitration import FRACTAL, KINDS, KNOWN, scene
from bench.quality.networks import PHOTONS, READ_NOISE
from bench.quality.restored import Restorer, arbiter, arbitrated
from bench.report import Row, report
from livesim.commands.train.scenes import simulated_scene
from livesim.reconstruction.otf import Otf
from livesim_models.data.recipe import ScenesRecipe
from livesim_models.data.sample import simulated_sample
from livesim_models.data.scene import Scene
from livesim_models.evaluation.similarity import similarity
from livesim_models.trust.fission import noise_variance

DRAWN = ("mitochondria", "vesicles", "beads")
"""Structures of every training beside those of the arbitration."""
LIKE = ("text", FRACTAL)
"""Kinds of which trainings on drawn examples see relatives: other text, noise of other spectra."""


def field(kind: str, number: int, size: int, seed: int) -> Scene:
    """Return a field of a kind."""
    if kind in DRAWN:
        return simulated_scene(ScenesRecipe(seed=seed, size=size), "test", number, kind)
    return scene(kind, number, size, seed)


def measure(own: Scene, photons: float, seed: int, names: list[str], fissions: int) -> Row:
    """Return what each network gains on one field in one light, dB."""
    generator = torch.Generator().manual_seed(1000 + seed)
    sample = simulated_sample(own, photons, READ_NOISE, generator)
    truth = sample.target.double().numpy()
    plain = Restorer(sample.plan, READ_NOISE, names[0]).plain(sample.low)
    before = similarity(plain.double().numpy(), truth)
    row: Row = {"plain": before.psnr_db}
    for name in names:
        restorer = Restorer(sample.plan, READ_NOISE, name)
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


def summary(found: list[Row], photons: float, kinds: tuple[str, ...] | list[str]) -> Row:
    """Return mean and least gains of some kinds in one light."""
    rows = [row for row in found if row["photons"] == photons and row["object"] in kinds]
    names = [name for name in rows[0] if name not in ("object", "photons", "field")]
    means: Row = {name: float(np.mean([row[name] for row in rows])) for name in names}
    return {"photons": photons, "objects": " ".join(kinds), "fields": len(rows)} | means


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", nargs="+", default=["default"])
    parser.add_argument("--fields", type=int, default=10, help="of every kind")
    parser.add_argument("--photons", type=float, nargs="*", default=PHOTONS)
    parser.add_argument("--kinds", nargs="*", default=[*KINDS, *DRAWN])
    parser.add_argument("--size", type=int, default=96, help="raw pixels, both sides")
    parser.add_argument("--fissions", type=int, default=0, help="0 = nothing is arbitrated")
    parser.add_argument("--seed", type=int, default=57, help="of the scenes")
    parser.add_argument("--name", default="networks_unseen", help="of the file of results")
    options = parser.parse_args()
    torch.set_num_threads(1)
    found: list[Row] = []
    for kind in options.kinds:
        for number in range(options.fields):
            own = field(kind, number, options.size, options.seed)
            for photons in options.photons:
                row = measure(own, photons, number, options.networks, options.fissions)
                found.append({"object": kind, "photons": photons, "field": number, **row})
    unseen = [kind for kind in options.kinds if kind not in (*KNOWN, *DRAWN)]
    strange = [kind for kind in unseen if kind not in LIKE]
    groups = [[kind] for kind in options.kinds] + [one for one in (unseen, strange) if len(one) > 1]
    rows = [summary(found, photons, group) for photons in options.photons for group in groups]
    report(
        options.name,
        "Gain over the plain image, dB",
        rows,
        each=found,
        fields=options.fields,
        size=options.size,
        seed=options.seed,
        fissions=options.fissions,
        networks=[str(name).rsplit("/", 1)[-1] for name in options.networks],
    )


if __name__ == "__main__":
    main()
