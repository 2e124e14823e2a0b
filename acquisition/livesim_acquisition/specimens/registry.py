"""Make the specimen that the settings of a simulation name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from livesim.config.settings import SettingsError
from livesim.config.simulation import Simulation
from livesim_acquisition.specimens.beads import Beads
from livesim_acquisition.specimens.filaments import Filaments
from livesim_acquisition.specimens.line_pairs import LinePairs
from livesim_acquisition.specimens.mitochondria import Mitochondria
from livesim_acquisition.specimens.movie import Movie
from livesim_acquisition.specimens.network import Network
from livesim_acquisition.specimens.siemens_star import SiemensStar
from livesim_acquisition.specimens.specimen import Density, Specimen
from livesim_acquisition.specimens.vesicles import Vesicles


@dataclass(frozen=True)
class Field:
    """Where a structure is drawn."""

    shape: tuple[int, int]
    """(2 y, 2 x) of the doubled grid."""
    pixel_nm: float
    """Of the doubled grid."""
    seed: int

    def count(self, given: int | None, per_100_um2: float) -> int:
        """Return how many of something there are: as given, or by the area."""
        area_um2 = self.shape[0] * self.shape[1] * (self.pixel_nm / 1000.0) ** 2
        return given or max(3, round(per_100_um2 * area_um2 / 100.0))


def _filaments(own: Simulation, field: Field) -> Specimen:
    values = own.filaments.model_dump()
    values["count"] = field.count(own.filaments.count, 9.0)
    return Filaments(field.shape, field.pixel_nm, seed=field.seed, **values)


def _network(own: Simulation, field: Field) -> Specimen:
    return Network(field.shape, field.pixel_nm, seed=field.seed, **own.network.model_dump())


def _mitochondria(own: Simulation, field: Field) -> Specimen:
    values = own.mitochondria.model_dump()
    values["count"] = field.count(own.mitochondria.count, 5.0)
    return Mitochondria(field.shape, field.pixel_nm, seed=field.seed, **values)


def _vesicles(own: Simulation, field: Field) -> Specimen:
    values = own.vesicles.model_dump()
    values["count"] = field.count(own.vesicles.count, 40.0)
    return Vesicles(field.shape, field.pixel_nm, seed=field.seed, **values)


def _beads(own: Simulation, field: Field) -> Specimen:
    values = own.beads.model_dump()
    values["count"] = field.count(own.beads.count, 35.0)
    return Beads(field.shape, field.pixel_nm, seed=field.seed, **values)


def _line_pairs(own: Simulation, field: Field) -> Specimen:
    return LinePairs(field.shape, field.pixel_nm, own.line_pairs.spacings_nm)


def _siemens_star(own: Simulation, field: Field) -> Specimen:
    return SiemensStar(field.shape, field.pixel_nm, own.siemens_star.spokes)


def _file(own: Simulation, field: Field) -> Specimen:
    if own.file.path is None:
        raise SettingsError("expected simulation.file.path for the specimen 'file', found none")
    return Movie(
        field.shape,
        field.pixel_nm,
        own.file.path,
        own.file.pixel_nm,
        own.file.frame_interval_s,
    )


SPECIMENS: Mapping[str, Callable[[Simulation, Field], Specimen]] = {
    "filaments": _filaments,
    "network": _network,
    "mitochondria": _mitochondria,
    "vesicles": _vesicles,
    "beads": _beads,
    "line_pairs": _line_pairs,
    "siemens_star": _siemens_star,
    "file": _file,
}
"""By the name in the settings."""


@dataclass(frozen=True)
class Mixture:
    """Structures on top of each other; the brightest pixel of each is 1 at time 0."""

    parts: tuple[Specimen, ...]

    @property
    def shape(self) -> tuple[int, int]:
        """(2 y, 2 x) of the density."""
        return self.parts[0].shape

    @property
    def pixel_nm(self) -> float:
        """Of the doubled grid."""
        return self.parts[0].pixel_nm

    def density(self, time_s: float = 0.0) -> Density:
        """Return the sum of the densities [y, x] at `time_s`."""
        scaled = zip(self.parts, self._brightest, strict=True)
        return np.sum([part.density(time_s) / most for part, most in scaled], axis=0)

    @cached_property
    def _brightest(self) -> tuple[np.float32, ...]:
        return tuple(part.density(0.0).max() for part in self.parts)


def make_specimen(simulation: Simulation, pixel_nm: float) -> Specimen:
    """Return what the microscope looks at, drawn on the doubled grid.

    Parameters
    ----------
    pixel_nm
        Of the camera, in the sample.

    Raises
    ------
    SettingsError
        If the structure `file` names no file.
    """
    rows, columns = simulation.size
    field = Field((2 * rows, 2 * columns), pixel_nm / 2.0, simulation.seed)
    parts = [SPECIMENS[name](simulation, field) for name in simulation.specimen]
    return parts[0] if len(parts) == 1 else Mixture(tuple(parts))
