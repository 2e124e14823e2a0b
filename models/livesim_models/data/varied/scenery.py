"""Put objects together: several pictures, shadows, haze, a floor of light."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from livesim_models.data.varied.drawings import (
    bodies,
    bundles,
    chart,
    leaves,
    sheets,
    spots,
    writing,
)
from livesim_models.data.varied.photographs import Picture
from livesim_models.data.varied.textures import (
    Random,
    cells,
    cut_photograph,
    fractal,
    labyrinth,
    log_uniform,
)

Draw = Callable[[int, Random], Picture]
"""(side, random) -> picture [side, side] between 0 and 1."""

PICTURES: Mapping[Draw, float] = {
    cut_photograph: 0.20,
    leaves: 0.10,
    fractal: 0.08,
    cells: 0.05,
    labyrinth: 0.03,
    bundles: 0.08,
    bodies: 0.05,
    sheets: 0.02,
    spots: 0.03,
    writing: 0.03,
    chart: 0.03,
}
"""How often each is drawn; what is left to 1 are specimens."""


@dataclass(frozen=True, slots=True, eq=False)
class Scenery:
    """What lies under the microscope, the brightest part of its picture at 1."""

    focused: Picture
    """[2 y, 2 x]"""
    haze: Picture
    """[2 y, 2 x] light of what is out of focus; the pattern does not reach it."""
    floor: float
    """Uniform light."""


class Sceneries:
    """Draws objects of pictures and specimens.

    Parameters
    ----------
    specimen
        Draws one of the simulated microscope's.
    """

    def __init__(self, specimen: Draw) -> None:
        rest = 1.0 - sum(PICTURES.values())
        self._draws = [*PICTURES, specimen]
        self._shares = np.array([*PICTURES.values(), rest])

    def __call__(self, side: int, random: Random) -> Scenery:
        """Return an object on a grid of `side` x `side` pixels."""
        focused = self._picture(side, random)
        for _ in range(int(random.choice(3, p=(0.7, 0.2, 0.1)))):
            focused = focused + random.uniform(0.1, 1.0) * self._picture(side, random)
        if random.random() < 0.3:
            focused = focused * _uneven(side, random)
        focused = focused / max(float(focused.max()), 1e-6)
        return Scenery(focused.astype(np.float32), self._haze(side, random), _floor(random))

    def _picture(self, side: int, random: Random) -> Picture:
        draw = self._draws[int(random.choice(len(self._draws), p=self._shares))]
        picture = draw(side, random)
        if draw in (cut_photograph, writing, cells) and random.random() < 0.5:
            picture = np.float32(1.0) - picture
        return picture ** np.float32(log_uniform(0.5, 2.0, random))

    def _haze(self, side: int, random: Random) -> Picture:
        if random.random() > 0.35:
            return np.zeros((side, side), dtype=np.float32)
        sigma = log_uniform(6.0, 30.0, random)
        layer = gaussian_filter(self._picture(side, random), sigma, mode="wrap")
        return random.uniform(0.1, 1.5) * layer / max(float(layer.max()), 1e-6)


def _uneven(side: int, random: Random) -> Picture:
    """Return light [side, side] that falls off from a bright place."""
    y, x = np.mgrid[:side, :side] / side - random.uniform(0.0, 1.0, 2)[:, None, None]
    return np.exp(-(y * y + x * x) / random.uniform(0.2, 1.5)).astype(np.float32)


def _floor(random: Random) -> float:
    """Return uniform light: 0 to 90 % of all of it."""
    share = 0.1 * random.random() if random.random() < 0.7 else random.uniform(0.1, 0.9)
    return float(share / (1.0 - share)) if random.random() < 0.8 else 0.0
