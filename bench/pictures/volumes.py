"""Draw what SIM in three dimensions makes: `python -m bench.pictures.volumes RECORDINGS`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from bench import IMAGES
from bench.quality.volumes.fixture import fixture
from bench.quality.volumes.scene import STEP_NM, Scene, plane_by_plane, volume, widefield
from livesim.reconstruction.volume.estimate import estimate_volume_pattern

PHOTONS = 100.0


def draw(columns: dict[str, Tensor], fine_nm: float, out: Path) -> None:
    """Draw the middle plane of each volume, and below it the section along z through its middle."""
    figure = Figure(figsize=(3.2 * len(columns), 4.4), layout="constrained")
    axes = figure.subplots(2, len(columns), height_ratios=(3.0, 1.0))
    for number, (name, values) in enumerate(columns.items()):
        image = values.double().numpy()
        middle = image[len(image) // 2]
        section = image[:, image.shape[1] // 2]
        for axis, shown, aspect in (
            (axes[0, number], middle, 1.0),
            (axes[1, number], section, STEP_NM / fine_nm),
        ):
            low, high = np.percentile(middle, (2.0, 99.7))
            axis.imshow(shown, cmap="gray", vmin=low, vmax=high, aspect=aspect)
            axis.set_axis_off()
        axes[0, number].set_title(name)
    figure.savefig(out, dpi=100)


def main() -> None:
    """Draw the dense specimen and the reference program's own volume."""
    torch.set_num_threads(1)
    scene = Scene(1)
    counts = scene.counts(PHOTONS)
    found = estimate_volume_pattern(counts, scene.known, scene.camera)
    dense = {
        "widefield": widefield(counts),
        "plane by plane": plane_by_plane(scene, counts),
        "volume": volume(scene, counts, found),
        "truth, low-passed": scene.truth,
    }
    draw(dense, 40.0, IMAGES / "volumes-dense.png")
    folder = Path(sys.argv[1])
    fixed = {
        f"OTF: {row['otf']}": image
        for row, image in (fixture(folder, own_otf=own) for own in (False, True))
    }
    draw(fixed, 40.0, IMAGES / "volumes-fixture.png")


if __name__ == "__main__":
    main()
