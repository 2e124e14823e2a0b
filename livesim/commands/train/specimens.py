"""Draw specimens of the simulated microscope, their parameters far wider than any cell's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from livesim_acquisition.specimens.beads import Beads
from livesim_acquisition.specimens.filaments import Filaments
from livesim_acquisition.specimens.mitochondria import Mitochondria
from livesim_acquisition.specimens.network import Network
from livesim_acquisition.specimens.specimen import Specimen
from livesim_acquisition.specimens.vesicles import Vesicles

Random = np.random.Generator


def drawn_specimen(side: int, random: Random) -> NDArray[np.float32]:
    """Return a specimen [side, side] between 0 and 1."""
    draw = _SPECIMENS[int(random.integers(len(_SPECIMENS)))]
    pixel_nm = _between(25.0, 90.0, random)
    density = draw((side, side), pixel_nm, int(random.integers(2**31)), random).density()
    return density / max(float(density.max()), 1e-6)


def _between(low: float, high: float, random: Random) -> float:
    """Return a number, evenly drawn on a logarithmic scale."""
    return float(np.exp(random.uniform(np.log(low), np.log(high))))


def _count(shape: tuple[int, int], pixel_nm: float, per_100_um2: float) -> int:
    area_um2 = shape[0] * shape[1] * (pixel_nm / 1000.0) ** 2
    return max(2, round(per_100_um2 * area_um2 / 100.0))


def _filaments(shape: tuple[int, int], pixel_nm: float, seed: int, random: Random) -> Specimen:
    count = _count(shape, pixel_nm, _between(3.0, 120.0, random))
    length, persistence = _between(1.0, 20.0, random), _between(0.5, 30.0, random)
    return Filaments(shape, pixel_nm, count, length, persistence, seed=seed)


def _network(shape: tuple[int, int], pixel_nm: float, seed: int, random: Random) -> Specimen:
    mesh, filled = _between(0.4, 2.5, random), random.uniform(0.0, 0.5) * (random.random() < 0.5)
    return Network(shape, pixel_nm, mesh, filled, seed=seed)


def _mitochondria(shape: tuple[int, int], pixel_nm: float, seed: int, random: Random) -> Specimen:
    count = _count(shape, pixel_nm, _between(3.0, 60.0, random))
    length, width = _between(0.4, 6.0, random), _between(120.0, 900.0, random)
    label: Literal["membrane", "matrix"] = "membrane" if random.random() < 0.5 else "matrix"
    return Mitochondria(shape, pixel_nm, count, length, width, label, seed=seed)


def _vesicles(shape: tuple[int, int], pixel_nm: float, seed: int, random: Random) -> Specimen:
    count = _count(shape, pixel_nm, _between(5.0, 300.0, random))
    return Vesicles(shape, pixel_nm, count, _between(40.0, 1500.0, random), seed=seed)


def _beads(shape: tuple[int, int], pixel_nm: float, seed: int, random: Random) -> Specimen:
    count = _count(shape, pixel_nm, _between(5.0, 400.0, random))
    spread = random.uniform(0.0, 1.0)
    return Beads(shape, pixel_nm, count, _between(20.0, 400.0, random), spread, seed)


_Draw = Callable[[tuple[int, int], float, int, Random], Specimen]
_SPECIMENS: tuple[_Draw, ...] = (_filaments, _network, _mitochondria, _vesicles, _beads)
