"""Draw specimens of the simulated microscope, their parameters far wider than any cell's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from livesim.config.simulation import Simulation
from livesim_acquisition.specimens.beads import Beads
from livesim_acquisition.specimens.filaments import Filaments
from livesim_acquisition.specimens.mitochondria import Mitochondria
from livesim_acquisition.specimens.network import Network
from livesim_acquisition.specimens.specimen import Specimen
from livesim_acquisition.specimens.vesicles import Vesicles
from livesim_acquisition.specimens.volumes import STRUCTURES, Space
from livesim_models.data.varied.textures import Random, log_uniform
from livesim_models.data.volumes.scenery import Grid


def drawn_specimen(side: int, random: Random) -> NDArray[np.float32]:
    """Return a specimen [side, side] between 0 and 1."""
    draw = _SPECIMENS[int(random.integers(len(_SPECIMENS)))]
    pixel_nm = log_uniform(25.0, 90.0, random)
    density = draw((side, side), pixel_nm, int(random.integers(2**31)), random).density()
    return density / max(float(density.max()), 1e-6)


def _count(shape: tuple[int, int], pixel_nm: float, per_100_um2: float) -> int:
    area_um2 = shape[0] * shape[1] * (pixel_nm / 1000.0) ** 2
    return max(2, round(per_100_um2 * area_um2 / 100.0))


def _filaments(shape: tuple[int, int], pixel_nm: float, seed: int, random: Random) -> Specimen:
    count = _count(shape, pixel_nm, log_uniform(3.0, 120.0, random))
    length, persistence = log_uniform(1.0, 20.0, random), log_uniform(0.5, 30.0, random)
    return Filaments(shape, pixel_nm, count, length, persistence, seed=seed)


def _network(shape: tuple[int, int], pixel_nm: float, seed: int, random: Random) -> Specimen:
    mesh, filled = log_uniform(0.4, 2.5, random), random.uniform(0.0, 0.5) * (random.random() < 0.5)
    return Network(shape, pixel_nm, mesh, filled, seed=seed)


def _mitochondria(shape: tuple[int, int], pixel_nm: float, seed: int, random: Random) -> Specimen:
    count = _count(shape, pixel_nm, log_uniform(3.0, 60.0, random))
    length, width = log_uniform(0.4, 6.0, random), log_uniform(120.0, 900.0, random)
    label: Literal["membrane", "matrix"] = "membrane" if random.random() < 0.5 else "matrix"
    return Mitochondria(shape, pixel_nm, count, length, width, label, seed=seed)


def _vesicles(shape: tuple[int, int], pixel_nm: float, seed: int, random: Random) -> Specimen:
    count = _count(shape, pixel_nm, log_uniform(5.0, 300.0, random))
    return Vesicles(shape, pixel_nm, count, log_uniform(40.0, 1500.0, random), seed=seed)


def _beads(shape: tuple[int, int], pixel_nm: float, seed: int, random: Random) -> Specimen:
    count = _count(shape, pixel_nm, log_uniform(5.0, 400.0, random))
    spread = random.uniform(0.0, 1.0)
    return Beads(shape, pixel_nm, count, log_uniform(20.0, 400.0, random), spread, seed)


_Draw = Callable[[tuple[int, int], float, int, Random], Specimen]
_SPECIMENS: tuple[_Draw, ...] = (_filaments, _network, _mitochondria, _vesicles, _beads)


def drawn_volume(grid: Grid, random: Random) -> NDArray[np.float32]:
    """Return a specimen in three dimensions, [layer, 2 y, 2 x] between 0 and 1."""
    kind = VOLUMES[int(random.integers(len(VOLUMES)))]
    space = Space(grid.shape, grid.step_nm, grid.pixel_nm)
    own = Simulation.model_validate({"specimen": kind, kind: _volume_settings(kind, space, random)})
    density = STRUCTURES[kind](own, space, random)
    return density / max(float(density.max()), 1e-6)


def _volume_settings(kind: str, space: Space, random: Random) -> dict[str, float | int | str]:
    """Return settings of a structure in three dimensions; nothing takes long to draw."""

    def count(least: float, most: float) -> int:
        return space.count(None, log_uniform(least, most, random))

    if kind == "filaments":
        length, bend = log_uniform(1.0, 8.0, random), log_uniform(0.5, 30.0, random)
        return {"count": count(6.0, 300.0), "length_um": length, "persistence_um": bend}
    if kind == "mitochondria":
        label = "membrane" if random.random() < 0.5 else "matrix"
        length, width = log_uniform(0.5, 3.0, random), log_uniform(150.0, 700.0, random)
        return {"count": count(2.0, 25.0), "length_um": length, "width_nm": width, "label": label}
    if kind == "vesicles":
        return {"count": count(5.0, 200.0), "diameter_nm": log_uniform(60.0, 1500.0, random)}
    spread = random.uniform(0.0, 1.0)
    wide = log_uniform(20.0, 400.0, random)
    return {"count": count(10.0, 1500.0), "diameter_nm": wide, "brightness_spread": spread}


VOLUMES = ("filaments", "mitochondria", "vesicles", "beads")
"""Structures that exist in three dimensions."""
