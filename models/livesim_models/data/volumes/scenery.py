"""Put volumes of objects together: specimens and textures, several at once, a floor of light."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from livesim_models.data.varied.textures import Random, scaled

Volume = NDArray[np.float32]
"""[layer, 2 y, 2 x]."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The voxels that an object is drawn on."""

    shape: tuple[int, int, int]
    """(layers, 2 y, 2 x)."""
    step_nm: float
    """Distance of two layers."""
    pixel_nm: float


TEXTURES = ("fractal", "cells")
"""Drawn beside specimens."""
Draw = Callable[[Grid, Random], Volume]


class VolumeSceneries:
    """Draws objects of specimens and textures.

    Parameters
    ----------
    specimen
        Draws one of the simulated microscope's, between 0 and 1.
    """

    def __init__(self, specimen: Draw) -> None:
        self._draws: list[Draw] = [specimen, fractal_volume, cell_volume]

    def __call__(self, grid: Grid, random: Random) -> Volume:
        """Return an object, its brightest voxel at 1."""
        whole = np.zeros(grid.shape, dtype=np.float32)
        for number in range(int(random.choice((1, 2, 3), p=(0.55, 0.3, 0.15)))):
            draw = self._draws[int(random.choice(3, p=(0.7, 0.18, 0.12)))]
            bright = 1.0 if number == 0 else random.uniform(0.15, 1.0)
            part = draw(grid, random) ** np.float32(np.exp(random.uniform(-0.4, 0.6)))
            whole += np.float32(bright) * part
        return whole / max(float(whole.max()), 1e-6)


def fractal_volume(grid: Grid, random: Random) -> Volume:
    """Return noise with a power law of random slope and bend, now and then cut at a threshold."""
    size = np.array(grid.shape)
    fz = np.fft.fftfreq(size[0])[:, None, None] * grid.pixel_nm / grid.step_nm
    fy, fx = np.fft.fftfreq(size[1])[None, :, None], np.fft.rfftfreq(size[2])[None, None]
    knee = np.exp(random.uniform(np.log(0.01), np.log(0.2)))
    falls = (1.0 + (fz**2 + fy**2 + fx**2) / knee**2) ** (-0.5 * random.uniform(1.0, 3.5))
    spectrum = np.fft.rfftn(random.standard_normal(grid.shape)) * falls
    noise = np.fft.irfftn(spectrum, s=grid.shape, axes=(0, 1, 2))
    noise = noise / noise.std()
    if random.random() < 0.6:  # blobs in the dark
        return scaled((noise - random.uniform(0.0, 1.8)).clip(min=0.0))
    return scaled(np.exp(noise) if random.random() < 0.4 else noise)


def cell_volume(grid: Grid, random: Random) -> Volume:
    """Return Voronoi cells, filled or outlined."""
    extent = np.array(grid.shape) * (grid.step_nm, grid.pixel_nm, grid.pixel_nm)
    count = int(np.exp(random.uniform(np.log(8), np.log(250))))
    tree = cKDTree(random.uniform(0.0, 1.0, (count, 3)) * extent)
    coarse = (grid.shape[0], *(n // 2 for n in grid.shape[1:]))  # half as dear
    axes = [np.arange(n) * (size / n) for n, size in zip(coarse, extent, strict=True)]
    places = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    distance, nearest = tree.query(places, k=2)
    if random.random() < 0.4:
        found = random.uniform(0.0, 1.0, count)[nearest[:, 0]]
    else:
        wall = np.exp(random.uniform(np.log(60.0), np.log(250.0)))
        found = np.exp(-(((distance[:, 1] - distance[:, 0]) / wall) ** 2))
    return scaled(found.reshape(coarse).repeat(2, axis=1).repeat(2, axis=2))
