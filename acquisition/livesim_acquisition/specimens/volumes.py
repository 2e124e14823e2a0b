"""Draw structures in three dimensions for volumes of the simulated microscope; they stand still."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from livesim.config.settings import SettingsError
from livesim.config.simulation import Simulation
from livesim.values.errors import DataError
from livesim_acquisition.specimens.drawing import BLUR_NM, STEP_NM, Vector, soften
from livesim_acquisition.specimens.movie import resample

Volume = NDArray[np.float32]
"""Fluorophores [layer, 2 y, 2 x], non-negative."""
Cloud = tuple[Vector, Vector | float]
"""(places [point, 3] as (z, y, x) in nm, weights)."""


@dataclass(frozen=True)
class Space:
    """Where structures are drawn: layers of the doubled grid, y and x on a torus."""

    shape: tuple[int, int, int]
    """(layers, 2 y, 2 x)."""
    step_nm: float
    """Distance of two layers."""
    pixel_nm: float
    """Of the doubled grid."""

    @property
    def size_nm(self) -> Vector:
        """(z, y, x)."""
        return np.array(self.shape) * self.voxel_nm

    @property
    def voxel_nm(self) -> Vector:
        """(z, y, x)."""
        return np.array([self.step_nm, self.pixel_nm, self.pixel_nm])

    def count(self, given: int | None, per_100_um3: float) -> int:
        """Return how many of something there are: as given, or by the volume."""
        return given or max(3, round(per_100_um3 * float(np.prod(self.size_nm)) * 1e-11))

    def places(self, random: np.random.Generator, count: int) -> Vector:
        """Return random places [count, 3] in nm."""
        return random.uniform(0.0, 1.0, (count, 3)) * self.size_nm


def draw_volume(own: Simulation, space: Space) -> Volume:
    """Return the structures that `[simulation] specimen` names, each as bright as the others.

    Raises
    ------
    SettingsError
        If a structure exists in single planes only.
    DataError
        If a file that the settings name is no volume.
    """
    parts = []
    for number, name in enumerate(own.specimen):
        if name not in STRUCTURES:
            raise SettingsError(
                f"simulation.specimen: expected for volumes some of {', '.join(STRUCTURES)}, "
                f"found {name}"
            )
        part = STRUCTURES[name](own, space, np.random.default_rng((own.seed, 5, number)))
        parts.append(part / max(float(part.max()), 1e-30))
    return np.sum(parts, axis=0, dtype=np.float32)


def drawn(space: Space, clouds: Iterator[Cloud]) -> Volume:
    """Draw clouds of points, each shared between its eight voxels; what lies above is cut off."""
    layers, rows, columns = space.shape
    image = np.zeros(space.shape)
    flat = image.reshape(-1)
    for places, weight in clouds:
        voxels = places / space.voxel_nm
        low = np.floor(voxels).astype(np.int64)
        high_share = voxels - low
        for corner in np.ndindex(2, 2, 2):
            share = np.prod(np.where(corner, high_share, 1.0 - high_share), axis=1) * weight
            z, y, x = (low + corner).T
            inside = (z >= 0) & (z < layers)
            index = (z * rows + y % rows) * columns + x % columns
            np.add.at(flat, index[inside], share[inside])
    for layer in image:
        layer[:] = soften(layer, BLUR_NM / space.pixel_nm)
    return image.astype(np.float32)


def _filaments(own: Simulation, space: Space, random: np.random.Generator) -> Volume:
    """Draw worm-like chains that bend in all directions."""
    chosen = own.filaments
    points = int(1000.0 * chosen.length_um / STEP_NM)
    bend = np.sqrt(STEP_NM / (1000.0 * chosen.persistence_um))

    def clouds() -> Iterator[Cloud]:
        for place in space.places(random, space.count(chosen.count, 6.0)):
            turns = random.normal(0.0, bend, (points, 3))
            turns[0] = random.normal(size=3)
            turns[0] /= np.linalg.norm(turns[0])
            heading = np.cumsum(turns, axis=0)
            heading /= np.linalg.norm(heading, axis=1, keepdims=True)
            yield place + STEP_NM * (np.cumsum(heading, axis=0) - points / 2.0 * turns[0]), 1.0

    return drawn(space, clouds())


def _mitochondria(own: Simulation, space: Space, random: np.random.Generator) -> Volume:
    """Draw bent tubes with round ends, labelled in the membrane or inside."""
    chosen = own.mitochondria

    def clouds() -> Iterator[Cloud]:
        for place in space.places(random, space.count(chosen.count, 1.5)):
            length_nm = 1000.0 * chosen.length_um * float(np.exp(random.normal(0.0, 0.4)))
            line = _bent_line(random, length_nm, chosen.width_nm)
            count = int(np.pi * chosen.width_nm / STEP_NM)
            across = _around(random, line, count)
            if chosen.label == "matrix":
                across *= np.sqrt(random.uniform(0.0, 1.0, (len(across), 1)))
            yield place + np.repeat(line, count, axis=0) + chosen.width_nm / 2.0 * across, 1.0

    return drawn(space, clouds())


def _bent_line(random: np.random.Generator, length_nm: float, width_nm: float) -> Vector:
    """Return points [point, 3] of an arc around 0, mostly flat, as organelles in spread cells."""
    along = np.arange(0.0, length_nm, STEP_NM) - length_nm / 2.0
    radius = max(length_nm / max(abs(random.normal(0.0, 1.0)), 0.1), 2.0 * width_nm)
    heading = random.uniform(0.0, 2.0 * np.pi) + along / radius
    slope = 0.3 * random.normal()
    y, x = (np.cumsum(STEP_NM * wave(heading)) for wave in (np.sin, np.cos))
    return np.stack([slope * along, y - y.mean(), x - x.mean()], axis=1)


def _around(random: np.random.Generator, line: Vector, count: int) -> Vector:
    """Return `count` random unit vectors [point, 3] across each point of a line; round its ends."""
    tangent = np.repeat(np.gradient(line, axis=0), count, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    directions = _directions(random, len(tangent))
    along = np.sum(directions * tangent, axis=1, keepdims=True)
    across = directions - along * tangent
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    across[:count] = (directions - (along + np.abs(along)) * tangent)[:count]
    across[-count:] = (directions - (along - np.abs(along)) * tangent)[-count:]
    return across


def _directions(random: np.random.Generator, count: int) -> Vector:
    """Return random unit vectors [count, 3]."""
    vectors = random.normal(size=(count, 3))
    unit: Vector = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def _vesicles(own: Simulation, space: Space, random: np.random.Generator) -> Volume:
    """Draw spherical shells."""
    radius = own.vesicles.diameter_nm / 2.0
    points = max(64, int(4.0 * np.pi * (radius / STEP_NM) ** 2))

    def clouds() -> Iterator[Cloud]:
        for place in space.places(random, space.count(own.vesicles.count, 10.0)):
            yield place + radius * _directions(random, points), 1.0

    return drawn(space, clouds())


def _beads(own: Simulation, space: Space, random: np.random.Generator) -> Volume:
    """Draw full spheres of one size."""
    chosen, points = own.beads, 64

    def clouds() -> Iterator[Cloud]:
        for place in space.places(random, space.count(chosen.count, 8.0)):
            inside = np.cbrt(random.uniform(0.0, 1.0, (points, 1))) * _directions(random, points)
            bright = float(np.exp(random.normal(0.0, chosen.brightness_spread))) / points
            yield place + chosen.diameter_nm / 2.0 * inside, bright

    return drawn(space, clouds())


def _file(own: Simulation, space: Space, random: np.random.Generator) -> Volume:
    """Take the pages of a TIFF as layers."""
    del random
    if own.file.path is None:
        raise SettingsError("expected simulation.file.path for the specimen 'file', found none")
    volume = _read(own.file.path)
    given = (own.file.page_step_nm, own.file.pixel_nm, own.file.pixel_nm)
    for axis, (size, voxel, own_nm) in enumerate(
        zip(space.shape, space.voxel_nm, given, strict=True)
    ):
        width = volume.shape[axis] / size if own_nm is None else float(voxel) / own_nm
        volume = resample(volume, axis, size, width)
    return volume.astype(np.float32)


def _read(path: Path) -> Vector:
    """Read a volume [z, y, x] of grey values; negative ones are 0."""
    try:
        volume = np.squeeze(tifffile.imread(path)).astype(np.float64)
    except (OSError, tifffile.TiffFileError, ValueError, TypeError) as error:
        raise DataError(f"{path}: expected a TIFF of a volume, found: {error}") from error
    if volume.ndim != 3 or not np.isfinite(volume).all() or volume.max() <= 0.0:
        raise DataError(
            f"{path}: expected finite values [z, y, x] with light in them, found the shape "
            f"{volume.shape}"
        )
    return volume.clip(min=0.0)


STRUCTURES: Mapping[str, Callable[[Simulation, Space, np.random.Generator], Volume]] = {
    "filaments": _filaments,
    "mitochondria": _mitochondria,
    "vesicles": _vesicles,
    "beads": _beads,
    "file": _file,
}
"""By the name in the settings."""
