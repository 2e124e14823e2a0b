"""Draw the structures of the simulator: `python -m bench.pictures.specimens`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from bench import IMAGES
from livesim.config.settings import parse_settings
from livesim_acquisition.specimens.registry import make_specimen
from livesim_acquisition.specimens.specimen import Density

SHOWN = (
    ("filaments",),
    ("network",),
    ("mitochondria",),
    ("vesicles",),
    ("beads",),
    ("line_pairs",),
    ("siemens_star",),
    ("network", "vesicles"),
)
SIZE = 128
"""Rows and columns of a raw frame; the density has twice as many."""
PIXEL_NM = 80.0
SEED = 4
BRIGHTEST = 99.8
"""Per cent of the pixels of a structure that are darker than white."""
IMAGE = IMAGES / "specimens.png"


def density(names: tuple[str, ...]) -> Density:
    """Return the structures on top of each other, [2 y, 2 x]."""
    simulation = {"specimen": list(names), "size": [SIZE, SIZE], "seed": SEED}
    optics = {"numerical_aperture": 1.4, "emission_nm": 520.0, "pixel_nm": PIXEL_NM}
    settings = parse_settings({"optics": optics, "simulation": simulation}, "picture")
    assert settings.simulation is not None
    return make_specimen(settings.simulation, PIXEL_NM).density()


def draw(path: Path) -> None:
    """Draw every structure, its brightest pixels white, and a bar of 2 um."""
    figure = Figure(figsize=(10.4, 5.6), layout="constrained")
    axes = figure.subplots(2, 4).flatten()
    for axis, names in zip(axes, SHOWN, strict=True):
        image = density(names)
        lit = image[image > 0.0]
        axis.imshow(image, cmap="gray", vmin=0.0, vmax=np.percentile(lit, BRIGHTEST))
        axis.set_title(" + ".join(names), fontsize=10)
        axis.set_axis_off()
    axes[0].plot([12, 12 + 2000.0 / (PIXEL_NM / 2.0)], [244, 244], color="white", linewidth=3.0)
    figure.savefig(path, dpi=100)


if __name__ == "__main__":
    draw(IMAGE)
