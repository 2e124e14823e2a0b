"""Draw textures: photographs cut and warped, fractal noise, cells, labyrinths."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from scipy.spatial import cKDTree

from livesim_models.data.varied.photographs import TRAINING, Picture, photograph

Random = np.random.Generator
_NAMES = tuple(TRAINING)
_LABYRINTH_STEPS = 6


def log_uniform(low: float, high: float, random: Random) -> float:
    """Return a number, evenly drawn on a logarithmic scale."""
    return float(np.exp(random.uniform(np.log(low), np.log(high))))


def scaled(values: NDArray[np.floating]) -> Picture:
    """Return values shifted and scaled to 0 ... 1; what is constant becomes 0."""
    low, high = float(values.min()), float(values.max())
    return ((values - low) / max(high - low, 1e-9)).astype(np.float32)


def cut_photograph(side: int, random: Random) -> Picture:
    """Return a part of a photograph [side, side], turned, zoomed and warped."""
    whole = photograph(_NAMES[int(random.integers(len(_NAMES)))])
    zoom = log_uniform(0.6, 2.5, random)
    zoom = min(zoom, 0.7 * min(whole.shape) / side)
    turn = random.uniform(0.0, 2.0 * np.pi)
    y, x = np.mgrid[:side, :side].astype(np.float32) - side / 2.0
    if random.random() < 0.5:
        y, x = y + _bend(side, random), x + _bend(side, random)
    down = zoom * (np.cos(turn) * y - np.sin(turn) * x)
    across = zoom * (np.sin(turn) * y + np.cos(turn) * x)
    centre = [random.uniform(0.0, n) for n in whole.shape]
    found = map_coordinates(whole, [down + centre[0], across + centre[1]], order=1, mode="mirror")
    return scaled(found)


def _bend(side: int, random: Random) -> Picture:
    """Return a smooth displacement [side, side] of some pixels."""
    y, x = np.mgrid[:side, :side].astype(np.float32) / side
    fy, fx = random.uniform(0.5, 2.5, 2)
    wave = np.sin(2.0 * np.pi * (fy * y + fx * x) + random.uniform(0.0, 2.0 * np.pi))
    return (random.uniform(0.0, 0.05) * side * wave).astype(np.float32)


def _frequencies(side: int) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    return np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :]


def fractal(side: int, random: Random) -> Picture:
    """Return noise [side, side] with a power law of random slope, bend and direction."""
    fy, fx = _frequencies(side)
    turn, stretch = random.uniform(0.0, np.pi), np.exp(random.uniform(0.0, 1.2))
    along = np.cos(turn) * fy + np.sin(turn) * fx
    across = stretch * (np.cos(turn) * fx - np.sin(turn) * fy)
    knee = np.exp(random.uniform(np.log(0.005), np.log(0.3)))
    falls = (1.0 + (along**2 + across**2) / knee**2) ** (-0.5 * random.uniform(0.5, 3.0))
    spectrum = np.fft.rfft2(random.standard_normal((side, side))) * falls
    noise = np.fft.irfft2(spectrum, s=(side, side))
    return scaled(np.exp(noise / noise.std()) if random.random() < 0.3 else noise)


def cells(side: int, random: Random) -> Picture:
    """Return a mosaic [side, side] of Voronoi cells: filled, outlined, or shaded."""
    count = int(np.exp(random.uniform(np.log(6), np.log(300))))
    tree = cKDTree(random.uniform(0.0, side, (count, 2)))
    places = np.mgrid[:side, :side].reshape(2, -1).T
    distance, nearest = tree.query(places, k=2)
    style = random.random()
    if style < 0.4:
        found = random.uniform(0.0, 1.0, count)[nearest[:, 0]]
    elif style < 0.8:
        wall = np.exp(random.uniform(np.log(0.7), np.log(4.0)))
        found = np.exp(-(((distance[:, 1] - distance[:, 0]) / wall) ** 2))
    else:
        found = np.exp(-distance[:, 0] / random.uniform(1.0, 8.0))
    return scaled(found.reshape(side, side))


def labyrinth(side: int, random: Random) -> Picture:
    """Return stripes and spots [side, side] as reactions and diffusion leave them.

    Noise whose one wavelength grows while its height is limited: Swift & Hohenberg, Phys. Rev. A
    15, 319 (1977), in a few long steps.
    """
    fy, fx = _frequencies(side)
    favoured = 1.0 / np.exp(random.uniform(np.log(4.0), np.log(24.0)))
    width = random.uniform(0.1, 0.4) * favoured
    grows = np.exp(-(((np.hypot(fy, fx) - favoured) / width) ** 2))
    field, bias = random.standard_normal((side, side)), random.uniform(-0.5, 0.5)
    for _ in range(_LABYRINTH_STEPS):
        field = np.fft.irfft2(np.fft.rfft2(field) * grows, s=(side, side))
        field = np.tanh(3.0 * field / field.std() + bias)
    return scaled(field)
