"""Judge networks from end to end on stacks like their own: `python -m bench.quality.own_stacks`.

Photographs that no training saw, lit and blurred by ML-SIM's first set of parameters, with more and
more noise. PSNR as ML-SIM's authors count it: over the whole picture of 8 bits, nothing fitted. The
widefield image is the mean of the frames between its darkest and its brightest pixel.
"""

from __future__ import annotations

import argparse

import numpy as np
import skimage.data
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.report import Row, report
from livesim_models.checkpoint import read_model
from livesim_models.data.stacks import EDGE, GREYS, StripesRecipe, simulated_frames
from livesim_models.data.varied.photographs import HELD_OUT
from livesim_models.data.varied.textures import scaled
from livesim_models.evaluation.doubled import doubled
from livesim_models.field import FieldRunner
from livesim_models.shipped import ALL, model_file
from livesim_models.steps import EndToEnd

NOISES = (0.0, 0.08, 0.25, 0.5, 1.0, 3.0, 9.0)
"""In standard deviations of a frame."""
_SIDE = 256
"""Pixels of a picture; the frames have half as many."""


def pictures() -> dict[str, NDArray[np.float32]]:
    """Return the middle of every photograph that no training saw, 0 to 1."""
    found = {}
    for name in HELD_OUT:
        whole = getattr(skimage.data, name)()
        top, left = ((n - _SIDE) // 2 for n in whole.shape)
        top, left = max(top, 0), max(left, 0)
        cut = whole[top : top + _SIDE, left : left + _SIDE].astype(np.float32)
        side = min(cut.shape) // 2 * 2
        found[name] = scaled(cut[:side, :side])
    return found


def psnr(found: Tensor, picture: Tensor) -> float:
    """Return the PSNR of 8 bits, dB, the borders left out."""
    inside = slice(2 * EDGE, -2 * EDGE)
    greys = (GREYS * found.clamp(0.0, 1.0)).round() / GREYS
    off = (greys - picture)[inside, inside].square().mean()
    return float(-10.0 * torch.log10(off))


def widefield(frames: Tensor) -> Tensor:
    """Return the mean of frames [frame, y, x] on the doubled grid, 0 to 1."""
    mean = frames.mean(dim=0)
    between = (mean - mean.min()) / (mean.max() - mean.min())
    return torch.from_numpy(np.asarray(doubled(between.numpy()), dtype=np.float32))


def main() -> None:
    """Simulate, measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", nargs="+", default=["ml-sim"])
    parser.add_argument("--draws", type=int, default=3, help="stacks of every photograph")
    options = parser.parse_args()
    torch.set_num_threads(1)
    models = {name: read_model(model_file(name, ALL)) for name in options.networks}
    steps = {n: EndToEnd(FieldRunner(m.network), m.card.kept) for n, m in models.items()}
    rows: list[Row] = []
    for noise in NOISES:
        found: dict[str, list[float]] = {"widefield": []} | {name: [] for name in steps}
        for number, picture in enumerate(pictures().values()):
            for draw in range(options.draws):
                random = np.random.default_rng((77, number, draw))
                frames = simulated_frames(picture, StripesRecipe(), (3, 3), random, noise)
                truth = torch.from_numpy(picture)
                found["widefield"].append(psnr(widefield(frames), truth))
                for name, step in steps.items():
                    found[name].append(psnr(step(frames[None])[0], truth))
        rows.append({"noise": noise} | {name: float(np.mean(one)) for name, one in found.items()})
    report(
        "own_stacks",
        "PSNR on stacks like their own, dB",
        rows,
        photographs=list(HELD_OUT),
        draws=options.draws,
    )


if __name__ == "__main__":
    main()
