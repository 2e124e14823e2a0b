"""Draw a moving network like the endoplasmic reticulum."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Voronoi

from livesim_acquisition.specimens.drawing import BLUR_NM, STEP_NM, Points, Vector, draw
from livesim_acquisition.specimens.specimen import Density
from livesim_acquisition.specimens.wander import Wander

MARGIN_CELLS = 4.0
"""How far beyond the borders the mesh is computed, in widths of a mesh."""
REACH_CELLS = 0.25
"""How far a point of the mesh wanders, standard deviation, in widths of a mesh."""
GAPS = 0.12
"""Share of the mesh's edges that are no tubule."""
SHEET_STEP_NM = 30.0
SHEET_BRIGHTNESS = 0.35
"""Of a sheet seen face on, of that of a tubule."""
UNDULATION_NM = 130.0
UNDULATION_UM = (2.3, 3.1)
"""Wavelength of what bends the tubules, along y and x."""

Indices = NDArray[np.intp]


@dataclass(frozen=True)
class Network:
    """Tubules along the edges of a planar mesh that moves; some meshes are filled as sheets.

    The mesh is the Voronoi diagram of points that wander, so that tubules slide, grow, shrink and
    change partners at three-way junctions without ever jumping; a travelling undulation bends them.
    """

    shape: tuple[int, int]
    pixel_nm: float
    mesh_um: float = 1.2
    """Typical width of a mesh."""
    sheets: float = 0.06
    """Share of the meshes that are filled."""
    speed_nm_per_s: float = 150.0
    """Of the points of the mesh, root mean square; about."""
    seed: int = 0

    def density(self, time_s: float = 0.0) -> Density:
        """Return the density [y, x] at `time_s`."""
        centres, names = self._around_the_torus(self._centres(time_s))
        mesh = Voronoi(centres)
        ends = np.asarray(mesh.ridge_vertices)
        whole = (ends >= 0).all(axis=1)
        start, end = mesh.vertices[ends[whole, 0]], mesh.vertices[ends[whole, 1]]
        sides = np.asarray(mesh.ridge_points)[whole]
        kept = self._is_tubule(names[sides])
        clouds = [
            self._tubules(start[kept], end[kept]),
            self._sheets(centres, sides, start, end),
        ]
        return draw(self.shape, self.pixel_nm, [self._bent(one, time_s) for one in clouds])

    @cached_property
    def _size_nm(self) -> Vector:
        return np.array(self.shape) * self.pixel_nm

    @cached_property
    def _random(self) -> tuple[Vector, Wander, Indices]:
        """Return (where the points of the mesh rest [n, 2], how they wander, which are sheets)."""
        random = np.random.default_rng(self.seed)
        rows, columns = np.maximum(np.round(self._size_nm / (1000.0 * self.mesh_um)), 3).astype(int)
        grid = np.stack(np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"), axis=-1)
        jittered = grid.reshape(-1, 2) + random.uniform(-0.75, 0.75, (rows * columns, 2))
        rest = jittered * self._size_nm / (rows, columns)
        reach_nm = REACH_CELLS * 1000.0 * self.mesh_um
        period_s = 2.0 * np.pi * reach_nm / max(self.speed_nm_per_s, 1e-9)
        count = len(rest)
        filled = random.permutation(count)[: round(self.sheets * count)]
        return rest, Wander(random, 2 * count, period_s), filled

    def _centres(self, time_s: float) -> Vector:
        """Return the points whose Voronoi diagram is the mesh, [n, 2] in nm."""
        rest, wander, _ = self._random
        gone = REACH_CELLS * 1000.0 * self.mesh_um * wander.since_start(time_s)
        centres: Vector = (rest + gone.reshape(-1, 2)) % self._size_nm
        return centres

    def _around_the_torus(self, centres: Vector) -> tuple[Vector, Indices]:
        """Return the centres and their copies in the margin around the field, with numbers."""
        margin = np.minimum(MARGIN_CELLS * 1000.0 * self.mesh_um, self._size_nm)
        steps = [(0, 0), (0, 1), (1, 0), (1, 1), (0, -1), (-1, 0), (-1, -1), (1, -1), (-1, 1)]
        copies = np.concatenate([centres + np.array(step) * self._size_nm for step in steps])
        near = ((copies > -margin) & (copies < self._size_nm + margin)).all(axis=1)
        return copies[near], np.tile(np.arange(len(centres)), len(steps))[near]

    def _is_tubule(self, names: Indices) -> NDArray[np.bool_]:
        """Say which edges [n, 2] of the mesh are tubules: a pair of neighbours is one for ever."""
        low, high = names.min(axis=1), names.max(axis=1)
        mixed = (low * 73856093 ^ high * 19349663) % 1009
        return mixed >= 1009 * GAPS

    def _tubules(self, start: Vector, end: Vector) -> Points:
        """Put points on the edges; of the copies of an edge the one with its middle inside."""
        middle = (start + end) / 2.0
        own = ((middle >= 0) & (middle < self._size_nm)).all(axis=1)
        middle, half = middle[own], (end - start)[own] / 2.0
        length = np.hypot(*half.T)
        counts = np.ceil(length / STEP_NM).astype(np.intp)
        which = np.repeat(np.arange(len(counts)), counts)
        before = STEP_NM * (np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts))
        # From the middle outwards, the last step as short as it takes: nothing jumps.
        weight = np.minimum(STEP_NM, length[which] - before)
        out = ((before + weight / 2.0) / length[which])[:, None] * half[which]
        points = np.concatenate([middle[which] + out, middle[which] - out])
        return points[:, 0], points[:, 1], np.tile(weight, 2)

    def _sheets(self, centres: Vector, sides: Indices, start: Vector, end: Vector) -> Points:
        """Fill some meshes: a fan of triangles from the mesh's centre to each of its edges."""
        filled = self._random[2]
        clouds = []
        for side in (0, 1):
            own = np.isin(sides[:, side], filled)
            centre = centres[sides[own, side]]
            clouds.append(self._triangles(centre, start[own] - centre, end[own] - centre))
        y, x, weight = (np.concatenate(parts) for parts in zip(*clouds, strict=True))
        return y, x, weight

    def _triangles(self, corner: Vector, one: Vector, other: Vector) -> tuple[Vector, ...]:
        """Fill triangles with points that move with their corners."""
        count = int(np.ceil(800.0 * self.mesh_um / SHEET_STEP_NM))
        middles = (np.arange(count) + 0.5) / count
        out, across = (part.ravel()[:, None, None] for part in np.meshgrid(middles, middles))
        points = corner + out * ((1.0 - across) * one + across * other)
        area = np.abs(one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]) / 2.0
        per_area = SHEET_BRIGHTNESS / (np.sqrt(2.0 * np.pi) * BLUR_NM)
        weight = per_area * area * 2.0 * out[:, :, 0] / count**2
        return points[..., 0].ravel(), points[..., 1].ravel(), weight.ravel()

    def _bent(self, cloud: Points, time_s: float) -> Points:
        """Displace points by a wave that travels through the field, whole waves on the torus."""
        y, x, weight = cloud
        waves = np.maximum(np.round(self._size_nm / np.multiply(1000.0, UNDULATION_UM)), 1)
        ky, kx = 2.0 * np.pi * waves / self._size_nm
        travelled = self.speed_nm_per_s * time_s
        return (
            y + UNDULATION_NM * np.sin(kx * (x - travelled)),
            x + UNDULATION_NM * np.sin(ky * (y + travelled)),
            weight,
        )
