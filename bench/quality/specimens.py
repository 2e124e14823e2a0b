"""Draw dense specimens that fill the field: photographs, fractal noise, cytosol, tissue.

The simulator's own structures are sparse: most of their field is dark. Dyes in the cytosol, tissue
and bright-field-like stainings are not, and estimates that never saw any fail on them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import skimage.data
from numpy.typing import NDArray
from scipy import ndimage, spatial

from livesim.config.simulation import Simulation
from livesim.config.specimens import SpecimenName
from livesim_acquisition.specimens.registry import make_specimen

Picture = NDArray[np.float64]
Draw = Callable[[int, np.random.Generator], Picture]

PHOTOGRAPHS = ("camera", "coins", "brick", "grass", "gravel", "moon", "cell", "clock")
SPARSE: tuple[SpecimenName, ...] = ("filaments", "network", "vesicles", "mitochondria")
FINE_NM = 40.0
_FRACTAL_EXPONENT = -1.2
_CELL_PIXELS = 60.0
"""Of the doubled grid, across a cell of the tissue."""


def photograph(side: int, random: np.random.Generator) -> Picture:
    """Return a part of a photograph, repeated where it is too small."""
    name = PHOTOGRAPHS[int(random.integers(len(PHOTOGRAPHS)))]
    image = np.asarray(getattr(skimage.data, name)(), dtype=np.float64)
    while min(image.shape) < side:
        image = np.concatenate([image, image[::-1]])
        image = np.concatenate([image, image[:, ::-1]], axis=1)
    top, left = (int(random.integers(n - side + 1)) for n in image.shape)
    return _scaled(image[top : top + side, left : left + side])


def fractal(side: int, random: np.random.Generator) -> Picture:
    """Return noise whose amplitude falls with the frequency."""
    return _scaled(_noise(side, random, _FRACTAL_EXPONENT))


def cytosol(side: int, random: np.random.Generator) -> Picture:
    """Return one thick cell, smooth, with a nucleus that is dark and a few bright organelles."""
    thick = np.clip(_scaled(_noise(side, random, -3.0)) + random.uniform(0.0, 0.4), 0.0, 1.0)
    image = np.sqrt(thick)
    y, x = np.mgrid[:side, :side]
    row, column = random.uniform(0.2, 0.8, 2) * side
    nucleus = np.hypot((y - row) / 1.3, x - column) < random.uniform(0.1, 0.2) * side
    image *= 1.0 - 0.5 * ndimage.gaussian_filter(nucleus.astype(np.float64), 6.0)
    organelles = np.zeros((side, side))
    count = max(2, round(15 * (side / 512) ** 2))
    organelles[tuple(random.integers(0, side, (2, count)))] = random.uniform(0.3, 1.0, count)
    spots = ndimage.gaussian_filter(organelles, 3.0, mode="wrap")
    return _scaled(image + 0.5 * spots / spots.max())


def tissue(side: int, random: np.random.Generator) -> Picture:
    """Return packed cells of different brightness with membranes, under light from above."""
    count = max(4, round((side / _CELL_PIXELS) ** 2))
    centres = random.uniform(-0.1, 1.1, (count, 2)) * side
    place = np.indices((side, side)).reshape(2, -1).T
    distance, cell = spatial.cKDTree(centres).query(place, k=2)
    bright = random.uniform(0.2, 1.0, count)[cell[:, 0]]
    membrane = np.exp(-(((distance[:, 1] - distance[:, 0]) / 4.0) ** 2))
    nucleus = 1.0 - 0.6 * (distance[:, 0] < 0.2 * _CELL_PIXELS)
    sharp = (bright * nucleus + 0.8 * membrane).reshape(side, side)
    return _scaled(ndimage.gaussian_filter(sharp, 1.0) + ndimage.gaussian_filter(sharp, 25.0))


def few_filaments(side: int, random: np.random.Generator) -> Picture:
    """Return two to four thin filaments that cross the field, and darkness."""
    image = np.full((side, side), 1e-6)
    for _ in range(int(random.integers(2, 5))):
        place, bend = random.uniform(0.0, side, 2), random.normal(0.0, 0.01)
        way = random.uniform(0.0, 2.0 * np.pi)
        while np.all((place >= 0.0) & (place < side)) and image.sum() < 20.0 * side:
            image[tuple(place.astype(int))] += 1.0
            place = place + 0.5 * np.array([np.sin(way), np.cos(way)])
            way += bend
    return _scaled(image)


def _sparse(kind: SpecimenName) -> Draw:
    def draw(side: int, random: np.random.Generator) -> Picture:
        seed = int(random.integers(1 << 30))
        own = Simulation(specimen=(kind,), seed=seed, size=(side // 2, side // 2))
        return _scaled(make_specimen(own, 2.0 * FINE_NM).density().astype(np.float64))

    return draw


SPECIMENS: Mapping[str, Draw] = {
    **{kind: _sparse(kind) for kind in SPARSE},
    "photograph": photograph,
    "fractal noise": fractal,
    "cytosol": cytosol,
    "tissue": tissue,
}
"""Kind -> (side, random) to its density [side, side], 0 to 1."""


def _noise(side: int, random: np.random.Generator, exponent: float) -> Picture:
    at = np.fft.fftfreq(side)
    frequency = np.hypot(at[:, None], at[None])
    frequency[0, 0] = np.inf
    spectrum = np.fft.fft2(random.standard_normal((side, side))) * frequency**exponent
    return np.asarray(np.fft.ifft2(spectrum).real)


def _scaled(image: Picture) -> Picture:
    return np.asarray((image - image.min()) / np.ptp(image))
