"""Draw a moving object in 9, 6 and 3 frames: `python -m bench.pictures.few_frames`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bench import IMAGES
from bench.quality.arbitration import scene
from bench.quality.few_frames import KEPT, MOVING_PHOTONS, moved, prepared
from bench.quality.networks import READ_NOISE
from livesim_models.data.sample import simulated_sample
from livesim_models.evaluation.doubled import doubled
from livesim_models.evaluation.similarity import linear_fit, similarity

KIND, SEED, SIZE = "network", 91, 96
SPEEDS = (0, 2)
"""Pixels of the image from frame to frame, to the right."""
CROP = (slice(48, 144), slice(48, 144))
IMAGE = IMAGES / "few-frames.png"

Picture = NDArray[np.float64]


def images(speed: int) -> dict[str, Picture]:
    """Return what each number of frames shows, by its title, and where the object was."""
    own, found = scene(KIND, 0, SIZE, SEED), {}
    for count, frames in KEPT.items():
        generator = torch.Generator().manual_seed(SEED)
        sample = simulated_sample(moved(own, speed, frames), MOVING_PHOTONS, READ_NOISE, generator)
        made = prepared(sample.pattern, own, frames)(sample.low[None, list(frames)])
        truth = sample.target.double().numpy()
        if count == len(KEPT[9]):
            found["object"] = truth
            found["widefield"] = _fitted(doubled(made.widefield[0].double().numpy()), truth)
        image = made.image[0].double().numpy()
        decibels = similarity(image, truth).psnr_db
        found[f"{count} frames, {decibels:.1f} dB"] = _fitted(image, truth)
    return found


def _fitted(image: Picture, truth: Picture) -> Picture:
    scale, offset = linear_fit(image, truth)
    return np.asarray(scale * image + offset)


def draw(path: Path) -> None:
    """Draw a row for each speed, all images of a row between the same limits."""
    figure = Figure(figsize=(11.0, 4.9), layout="constrained")
    for axes, speed in zip(figure.subplots(len(SPEEDS), 5), SPEEDS, strict=True):
        shown = images(speed)
        low, high = 0.0, float(np.percentile(shown["object"][CROP], 99.8))
        for axis, (name, image) in zip(axes, shown.items(), strict=True):
            axis.imshow(image[CROP], cmap="gray", vmin=low, vmax=high, interpolation="nearest")
            axis.set_title(name, fontsize=9)
            axis.set(xticks=[], yticks=[])
        axes[0].set_ylabel(f"{speed} pixels a frame" if speed else "at rest", fontsize=9)
    figure.savefig(path, dpi=80)


if __name__ == "__main__":
    draw(IMAGE)
