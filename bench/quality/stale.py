"""Use weights of an earlier stack: `python -m bench.quality.stale`.

Live weights are renewed every second or so, and a specimen moves meanwhile. Every specimen is
shifted by some micrometres after its weights were found; shown is what the old weights make of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from bench.quality.arbitration import Belief, images, shifted
from bench.quality.networks import READ_NOISE
from bench.quality.restored import Restorer, arbiter
from bench.quality.sweep import sweep
from bench.report import Row
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
    sweep(
        "stale",
        "Weights of a stack before the specimen moved",
        ("shift, um", "shift", SHIFTS_UM),
        measure,
        summary,
        kinds=KINDS,
        photons=PHOTONS,
        fields=2,
        seed=31,
        words=__doc__,
    )


if __name__ == "__main__":
    main()
