"""Draw specimens in three dimensions: those of the training in new places, and kinds unseen."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import skimage.data
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from livesim.config.simulation import Simulation
from livesim_acquisition.specimens.volumes import Space, draw_volume
from livesim_models.data.volumes.scenery import Grid

Volume = NDArray[np.float32]
Random = np.random.Generator


def _simulated(**own: object) -> Callable[[Grid, Random], Volume]:
    """Return what draws structures of the simulated microscope."""

    def draw(grid: Grid, random: Random) -> Volume:
        chosen = Simulation.model_validate({**own, "seed": int(random.integers(2**31))})
        return draw_volume(chosen, Space(grid.shape, grid.step_nm, grid.pixel_nm))

    return draw


def _smooth(grid: Grid, random: Random, size_nm: float) -> Volume:
    """Return a smooth random field of variance 1."""
    sigma = (size_nm / grid.step_nm, size_nm / grid.pixel_nm, size_nm / grid.pixel_nm)
    field = gaussian_filter(random.standard_normal(grid.shape), sigma, mode="wrap")
    return (field / field.std()).astype(np.float32)


def _steep(field: Volume, grid: Grid) -> Volume:
    """Return how steep a field is, per nm."""
    slopes = np.gradient(field, grid.step_nm, grid.pixel_nm, grid.pixel_nm)
    return np.sqrt(sum(slope**2 for slope in slopes)) + 1e-6


def sheets(grid: Grid, random: Random) -> Volume:
    """Return folded sheets some 70 nm thick, where a random field is zero."""
    field = _smooth(grid, random, random.uniform(250.0, 450.0))
    away_nm = field / _steep(field, grid)
    return np.exp(-0.5 * (away_nm / 35.0) ** 2).astype(np.float32)


def threads(grid: Grid, random: Random) -> Volume:
    """Return a net of threads, where two random fields are zero at once."""
    size_nm = random.uniform(180.0, 320.0)
    fields = [_smooth(grid, random, size_nm) for _ in range(2)]
    away = sum((one / _steep(one, grid)) ** 2 for one in fields)
    return np.exp(-0.5 * away / 45.0**2).astype(np.float32)


def photograph(grid: Grid, random: Random) -> Volume:
    """Return a photograph, lying tilted in the stack as on a thin sheet."""
    name = ("coins", "grass", "brick", "text")[int(random.integers(4))]
    whole = np.asarray(getattr(skimage.data, name)(), dtype=np.float32)
    layers, rows, columns = grid.shape
    while min(whole.shape) < max(rows, columns):
        whole = np.tile(whole, (2, 2))
    top, left = (int(random.integers(n - max(rows, columns) + 1)) for n in whole.shape)
    picture = whole[top : top + rows, left : left + columns]
    picture = (picture - picture.min()) / np.ptp(picture)
    y, x = np.mgrid[:rows, :columns] / rows - 0.5
    tilt = random.uniform(-1.0, 1.0, 2) * 0.4 * layers
    height = layers / 2.0 + tilt[0] * y + tilt[1] * x
    away_nm = (np.arange(layers)[:, None, None] - height) * grid.step_nm
    return (picture * np.exp(-0.5 * (away_nm / 100.0) ** 2)).astype(np.float32)


KNOWN: Mapping[str, Callable[[Grid, Random], Volume]] = {
    "filaments": _simulated(specimen="filaments", filaments={"count": 60, "length_um": 4.0}),
    "shells and beads": _simulated(
        specimen=["vesicles", "beads"],
        vesicles={"count": 14, "diameter_nm": 700.0},
        beads={"count": 80, "diameter_nm": 60.0},
    ),
    "mitochondria": _simulated(specimen="mitochondria", mitochondria={"count": 12}),
}
UNKNOWN: Mapping[str, Callable[[Grid, Random], Volume]] = {
    "sheets": sheets,
    "threads": threads,
    "photographs": photograph,
}
"""Kinds that no training saw."""
KINDS = {**KNOWN, **UNKNOWN}
