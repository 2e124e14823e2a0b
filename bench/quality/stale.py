"""Use weights of an earlier stack: `python -m bench.quality.stale`.

Live weights are renewed every second or so, and a specimen moves meanwhile. Every specimen is
shifted by some micrometres after its weights were found; shown is what the old weights make of it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from bench.quality.arbitration import Belief, images, scene, shifted
from bench.quality.networks import READ_NOISE
from bench.quality.restored import Restorer, arbiter
from bench.report import Row, report
from livesim.reconstruction.otf import Otf
from livesim_models.data.sample import Sample, simulated_sample
from livesim_models.data.scene import Scene
from livesim_models.evaluation.similarity import similarity

KINDS = ("filaments", "network", "siemens_star", "camera", "brick", "text")
PHOTONS = (5.0, 100.0, 1000.0)
SHIFTS_UM = (0.0, 0.1, 0.3, 1.0)
NOTICEABLE_DB = 0.1


def measure(own: Scene, photons: float, number: int, fissions: int) -> list[Row]:
    """Return a row for every shift."""
    rows = []
    first = _sample(own, photons, number)
    weights = images(first, own, number, fissions, Belief()).weights
    for shift in SHIFTS_UM:
        later = shifted(own, round(2000.0 * shift / own.pattern.pixel_nm))
        sample = _sample(later, photons, 500 + number)
        restorer = Restorer(sample.plan, READ_NOISE)
        judge = arbiter(sample.plan, sample.pattern, Otf.theoretical(own.optics))
        plain, network = restorer.plain(sample.low), restorer.network(sample.low)
        shown = judge.image(plain, network, weights)
        values = (_psnr(one, sample) for one in (plain, network, shown))
        rows.append(
            {"shift": shift, **dict(zip(("plain", "network", "stale"), values, strict=True))}
        )
    return rows


def _sample(own: Scene, photons: float, seed: int) -> Sample:
    return simulated_sample(own, photons, READ_NOISE, torch.Generator().manual_seed(seed))


def _psnr(image: Tensor, sample: Sample) -> float:
    return similarity(image.double().numpy(), sample.target.double().numpy()).psnr_db


def summary(rows: Sequence[Row]) -> Row:
    """Return means and counts of rows."""
    plain, network, stale = (np.array([r[n] for r in rows]) for n in ("plain", "network", "stale"))
    return {
        "plain dB": float(plain.mean()),
        "network dB": float(network.mean()),
        "stale dB": float(stale.mean()),
        "least dB": float((stale - plain).min()),
        "below plain": f"{np.sum(stale < plain - NOTICEABLE_DB)}/{len(rows)}",
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fields", type=int, default=2, help="of every kind")
    parser.add_argument("--size", type=int, default=128, help="raw pixels, both sides")
    parser.add_argument("--fissions", type=int, default=2)
    parser.add_argument("--seed", type=int, default=31, help="of the scenes")
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = []
    for kind in KINDS:
        for number in range(options.fields):
            own = scene(kind, number, options.size, options.seed)
            for photons in PHOTONS:
                rows = measure(own, photons, number, options.fissions)
                found += [{"specimen": kind, "photons": photons, **row} for row in rows]
    rows = [
        {"shift, um": shift, "photons": photons}
        | summary([r for r in found if r["shift"] == shift and r["photons"] == photons])
        for shift in SHIFTS_UM
        for photons in PHOTONS
    ]
    report(
        "stale",
        "Weights of a stack before the specimen moved",
        rows,
        each=found,
        fields=options.fields,
        size=options.size,
        seed=options.seed,
        fissions=options.fissions,
    )


if __name__ == "__main__":
    main()
