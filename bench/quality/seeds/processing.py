"""Measure the MPhil report's pre- and post-processing: `python -m bench.quality.seeds.processing`.

Its section 2.3: before the reconstruction the frames of a raw stack are given one total intensity,
the lowest 10 % of the pixel values are subtracted as background and the brightest 0.1 % clipped,
and what is left is scaled to 16 bits; after it negative values are clipped, and the image is scaled
likewise. livesim does nothing of that: a camera's offset is known, and what is clipped counts no
photons.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bench.quality.arbitration import scene
from bench.quality.networks import READ_NOISE
from bench.report import Row, report
from livesim.reconstruction.reconstructor import Reconstructor
from livesim.reconstruction.report_processing import equalised, finished, prepared
from livesim_models.data.sample import simulated_sample
from livesim_models.evaluation.similarity import similarity

KINDS = ("filaments", "network", "siemens_star", "camera")
PHOTONS = (20.0, 100.0, 1000.0)


@dataclass(frozen=True, slots=True)
class Processing:
    """What is done before and after a reconstruction."""

    before: Callable[[Tensor], Tensor] = lambda frames: frames
    after: Callable[[Tensor], Tensor] = lambda image: image


PRESETS: Mapping[str, Processing] = {
    "livesim": Processing(),
    "one total intensity": Processing(before=equalised),
    "negative values clipped": Processing(after=finished),
    "report": Processing(prepared, finished),
}


def scores(kind: str, number: int, size: int, photons: float) -> Row:
    """Return the PSNR of every preset on one field, dB."""
    own = scene(kind, 2 * number, size, 91)
    generator = torch.Generator().manual_seed(number)
    sample = simulated_sample(own, photons, READ_NOISE, generator)
    reconstruct, truth = Reconstructor(sample.plan), sample.target.double().numpy()
    found: Row = {}
    for name, preset in PRESETS.items():
        image = preset.after(reconstruct(preset.before(sample.low)[None]).image[0])
        found[name] = similarity(image.double().numpy(), truth).psnr_db
    return found


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fields", type=int, default=3, help="of every kind")
    parser.add_argument("--size", type=int, default=128, help="raw pixels, both sides")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows: list[Row] = []
    for kind in KINDS:
        for photons in PHOTONS:
            found = [scores(kind, n, options.size, photons) for n in range(options.fields)]
            means = {name: float(np.mean([one[name] for one in found])) for name in PRESETS}
            rows.append({"objects": kind, "photons": photons, **means})
    report("processing", "The report's processing, PSNR in dB", rows, fields=options.fields)


if __name__ == "__main__":
    main()
