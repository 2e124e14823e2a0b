"""Draw two specimens that the networks alone get wrong: `python -m bench.pictures.arbitration`.

No training saw anything like them, and the networks turn both into what they know. Shown beside it
is what the photons leave of that, and how far the restored image may be off.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from torch import Tensor

from bench import IMAGES
from bench.quality.arbitration import Belief, images, scene
from bench.quality.networks import READ_NOISE
from livesim_models.data.sample import simulated_sample

SIZE = 128
"""Rows and columns of a raw frame; the images have twice as many."""
SEED, FISSIONS = 11, 4
PART = slice(60, 220)
"""Rows and columns of the images that are drawn."""
BAR_UM = 1.0
RANGE = (0.5, 99.8)
"""Percentiles of the specimen that are black and white in every picture but the error's."""


@dataclass(frozen=True, slots=True)
class Case:
    """One specimen, its light, and the file of its picture."""

    file: str
    kind: str
    """Of `bench.quality.arbitration.KINDS`."""
    field: int
    photons: float
    """Of the brightest pixel, in all raw frames on average."""


CASES = (
    Case("arbitration-erased", "coins", 2, 1000.0),
    Case("arbitration-invented", "grass", 0, 1000.0),
)


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """What is drawn of one specimen, [2 y, 2 x] in photo-electrons per raw pixel."""

    specimen: Tensor
    """As an instrument without noise would show it."""
    plain: Tensor
    network: Tensor
    restored: Tensor
    error: Tensor
    pixel_um: float


def images_of(case: Case) -> Shown:
    """Simulate a specimen, reconstruct it with and without networks, and let the photons decide."""
    own = scene(case.kind, case.field, SIZE, SEED)
    generator = torch.Generator().manual_seed(case.field)
    sample = simulated_sample(own, case.photons, READ_NOISE, generator)
    made = images(sample, own, case.field, FISSIONS, Belief())
    pixel_um = own.pattern.pixel_nm / 2000.0
    return Shown(sample.target, made.plain, made.network, made.image, made.weights.error, pixel_um)


def draw(found: Shown, path: Path) -> None:
    """Draw the images beside each other, with one range of grey levels and a scale bar."""
    figure = Figure(figsize=(12.4, 2.9), layout="constrained")
    *grey, coloured = figure.subplots(1, 5)
    low, high = np.percentile(found.specimen.numpy(), RANGE)
    shown = {
        "specimen, free of noise": found.specimen,
        "plain": found.plain,
        "networks alone": found.network,
        "restored": found.restored,
    }
    for axis, (title, image) in zip(grey, shown.items(), strict=True):
        axis.imshow(image[PART, PART], cmap="gray", vmin=low, vmax=high)
        _entitle(axis, title)
    drawn = coloured.imshow(found.error[PART, PART], cmap="plasma", vmin=0.0)
    _entitle(coloured, "error of restored")
    figure.colorbar(drawn, ax=coloured, label="± photo-electrons", shrink=0.84)
    _scale_bar(grey[0], BAR_UM / found.pixel_um)
    figure.savefig(path, dpi=100)


def _entitle(axis: Axes, title: str) -> None:
    axis.set_title(title, fontsize=10)
    axis.set_axis_off()


def _scale_bar(axis: Axes, length: float) -> None:
    bottom = PART.stop - PART.start - 8
    dark = [withStroke(linewidth=5.0, foreground="black")]
    axis.plot([8, 8 + length], [bottom, bottom], color="white", linewidth=3.0, path_effects=dark)
    words, above = f"{BAR_UM:g} µm", bottom - 6
    dark = [withStroke(linewidth=2.5, foreground="black")]
    axis.text(8, above, words, color="white", fontsize=9, path_effects=dark)


def main() -> None:
    """Draw all."""
    torch.set_num_threads(1)
    for case in CASES:
        path = IMAGES / f"{case.file}.png"
        draw(images_of(case), path)
        print(path)


if __name__ == "__main__":
    main()
