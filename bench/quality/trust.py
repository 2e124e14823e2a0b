"""Hold what a verdict promises against the truth: `python -m bench.quality.trust`.

The share of the structure that photons carry is predicted from the photons alone; here the truth is
known, so it can be computed from the real error too. The words stand for ranges of the prediction:
what the images behind each word are really like is printed, for every kind of specimen and light.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np
import torch

from bench.quality.arbitration import KINDS, Belief, images, scene
from bench.quality.networks import PHOTONS, READ_NOISE
from bench.report import Row, report, show
from livesim.config.settings import Camera as CameraSettings
from livesim.reconstruction.otf import Otf
from livesim_models.data.sample import simulated_sample
from livesim_models.data.scene import Scene
from livesim_models.evaluation.residual import Instrument, Reprojection, inside
from livesim_models.evaluation.similarity import BORDER
from livesim_models.trust.maps import HAZE, Restoration, mean_around, plain_residual
from livesim_models.trust.stripes import find_stripes
from livesim_models.trust.verdict import numbers_of, verdict

CAMERA = CameraSettings(offset=0.0, gain=1.0, read_noise=READ_NOISE)


def measure(own: Scene, photons: float, seed: int, fissions: int) -> Row:
    """Return what is said of one field in one light, and what is true of it."""
    sample = simulated_sample(own, photons, READ_NOISE, torch.Generator().manual_seed(seed))
    found = images(sample, own, seed, fissions, Belief())
    made = Restoration(found.plain, found.network, found.image, found.weights.error)
    otf = Otf.theoretical(own.optics)
    residual = plain_residual(
        Reprojection(Instrument(sample.pattern, otf, CAMERA)), sample.low, found.plain
    )
    said = numbers_of(made, residual)
    true = numbers_of(replace(made, error=(found.image - sample.target).abs()), residual)
    stripes = find_stripes(found.image, sample.low.mean(dim=0))
    doubts = () if stripes is None else (stripes.words,)
    return {
        "word": verdict(said, (), doubts=doubts).word.value,
        "predicted %": said.carried_percent,
        "true %": true.carried_percent,
        "correlation": _correlation(found.image, sample.target),
        "shown %": said.shown_percent,
        "denied %": said.plain_denied_percent,
        "error %": said.error_percent,
        "true error %": true.error_percent,
    }


def _correlation(image: torch.Tensor, truth: torch.Tensor) -> float:
    """Return how the structure of an image goes with that of the truth, -1 ... 1."""
    pair = [inside(one - mean_around(one, HAZE), BORDER).flatten() for one in (image, truth)]
    return float(torch.corrcoef(torch.stack(pair))[0, 1])


def summary(rows: list[Row]) -> Row:
    """Return what the images of some rows have in common."""
    said, true, like = (
        np.array([row[name] for row in rows]) for name in ("predicted %", "true %", "correlation")
    )
    return {
        "fields": len(rows),
        "predicted %": float(said.mean()),
        "true %": float(true.mean()),
        "worst true %": float(true.min()),
        "rms off %": float(np.sqrt(np.mean((said - true) ** 2))),
        "correlation": float(like.mean()),
        "worst correlation": float(like.min()),
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fields", type=int, default=4, help="of every kind")
    parser.add_argument("--photons", type=float, nargs="*", default=PHOTONS)
    parser.add_argument("--kinds", nargs="*", default=KINDS)
    parser.add_argument("--size", type=int, default=128, help="raw pixels, both sides")
    parser.add_argument("--fissions", type=int, default=2)
    parser.add_argument("--seed", type=int, default=33, help="of the scenes")
    options = parser.parse_args()
    torch.set_num_threads(1)
    found: list[Row] = []
    for kind in options.kinds:
        for number in range(options.fields):
            own = scene(kind, number, options.size, options.seed)
            for photons in options.photons:
                row = measure(own, photons, number, options.fissions)
                found.append({"specimen": kind, "photons": photons, "field": number, **row})
        print(kind, flush=True)
    words = [{"word": w} | summary(_of(found, "word", w)) for w in _values(found, "word")]
    kinds = [{"specimen": k} | summary(_of(found, "specimen", k)) for k in options.kinds]
    lights = [{"photons": p} | summary(_of(found, "photons", p)) for p in options.photons]
    for title, rows in (("Words", words), ("Specimens", kinds), ("Photons", lights)):
        show(title, rows)
    report(
        "trust",
        "What a verdict promises, against the truth",
        words,
        kinds=kinds,
        lights=lights,
        each=found,
        fields=options.fields,
        size=options.size,
        seed=options.seed,
    )


def _values(found: list[Row], name: str) -> list[object]:
    return list(dict.fromkeys(row[name] for row in found))


def _of(found: list[Row], name: str, value: object) -> list[Row]:
    return [row for row in found if row[name] == value]


if __name__ == "__main__":
    main()
