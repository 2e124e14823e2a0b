"""Draw worm-like bodies that drift and bend."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from livesim_acquisition.specimens.drawing import STEP_NM, Points, Vector, draw
from livesim_acquisition.specimens.specimen import Density
from livesim_acquisition.specimens.wander import Wander

BENDS = 3
"""Shapes that the bending of a body is made of, as the modes of a rod."""
BEND_RAD = 0.9
"""Standard deviation of the heading that the first of them gives the ends."""
TIGHTEST_WIDTHS = 1.5
"""The smallest radius of a bend, in widths of a body."""
REACH_NM = 700.0
"""How far a body drifts, standard deviation."""
LENGTH_SPREAD = 0.4
"""Standard deviation of the logarithm of a length."""


@dataclass(frozen=True)
class _Body:
    centre_nm: Vector
    heading_rad: float
    length_nm: float
    bends_rad: Vector


@dataclass(frozen=True)
class Mitochondria:
    """Cylinders with round ends around bent lines: labelled in the membrane, or inside."""

    shape: tuple[int, int]
    pixel_nm: float
    count: int = 14
    length_um: float = 3.0
    """Median."""
    width_nm: float = 450.0
    label: Literal["membrane", "matrix"] = "membrane"
    speed_nm_per_s: float = 100.0
    """Of the centres, root mean square; about."""
    seed: int = 0

    def density(self, time_s: float = 0.0) -> Density:
        """Return the density [y, x] at `time_s`."""
        return draw(self.shape, self.pixel_nm, self._clouds(time_s))

    @cached_property
    def _bodies(self) -> tuple[_Body, ...]:
        random = np.random.default_rng(self.seed)
        return tuple(self._born(random) for _ in range(self.count))

    @cached_property
    def _motion(self) -> Wander:
        """Return how every body's y, x, heading and bends change."""
        period_s = 2.0 * np.pi * REACH_NM / max(self.speed_nm_per_s, 1e-9)
        random = np.random.default_rng((self.seed, 1))
        return Wander(random, (3 + BENDS) * self.count, period_s)

    def _born(self, random: np.random.Generator) -> _Body:
        size_nm = np.array(self.shape) * self.pixel_nm
        return _Body(
            random.uniform(0.0, size_nm),
            random.uniform(0.0, 2.0 * np.pi),
            1000.0 * self.length_um * float(np.exp(random.normal(0.0, LENGTH_SPREAD))),
            random.normal(0.0, BEND_RAD, BENDS) / np.arange(1, BENDS + 1),
        )

    def _clouds(self, time_s: float) -> Iterator[Points]:
        changes = self._motion.since_start(time_s).reshape(self.count, -1)
        for body, change in zip(self._bodies, changes, strict=True):
            moved = _Body(
                body.centre_nm + REACH_NM * change[:2],
                body.heading_rad + 0.4 * change[2],
                body.length_nm,
                body.bends_rad + 0.3 * BEND_RAD * change[3:] / np.arange(1, BENDS + 1),
            )
            yield self._cloud(moved)

    def _cloud(self, body: _Body) -> Points:
        """Return points on the membrane, or inside, seen along the optical axis."""
        radius = self.width_nm / 2.0
        count = int(np.ceil((body.length_nm + self.width_nm) / STEP_NM))
        along = (np.arange(count) + 0.5) / count - 0.5
        step = (body.length_nm + self.width_nm) / count
        heading = self._heading(body, along)
        y, x = (np.cumsum(step * wave(heading)) for wave in (np.sin, np.cos))
        y, x = (line - line.mean() + at for line, at in zip((y, x), body.centre_nm, strict=True))
        beyond = (np.abs(along) * step * count - body.length_nm / 2.0).clip(min=0.0)
        here = np.sqrt((radius**2 - beyond**2).clip(min=0.0))
        across, weight = self._section()
        side = here[:, None] * across
        # A body's label is counted per length and circumference, or per volume.
        share = here / radius if self.label == "membrane" else (here / radius) ** 2
        return (
            (y[:, None] + side * np.cos(heading)[:, None]).ravel(),
            (x[:, None] - side * np.sin(heading)[:, None]).ravel(),
            (step * share[:, None] * weight).ravel(),
        )

    def _heading(self, body: _Body, along: Vector) -> Vector:
        """Return the direction of the line at `along`, -0.5 to 0.5; no bend is too tight."""
        modes = np.pi * np.arange(1, BENDS + 1)
        curvature = float(np.abs(body.bends_rad) @ modes) / body.length_nm
        bends = body.bends_rad / max(1.0, TIGHTEST_WIDTHS * self.width_nm * curvature)
        bent: Vector = body.heading_rad + bends @ np.cos(modes[:, None] * (along + 0.5))
        return bent

    def _section(self) -> tuple[Vector, Vector]:
        """Return (places from -1 to 1, weights of sum 1) across a body: its projected section."""
        count = int(np.ceil(np.pi * self.width_nm / 2.0 / STEP_NM))
        turn = np.pi * ((np.arange(count) + 0.5) / count - 0.5)
        weight = np.ones(count) if self.label == "membrane" else np.cos(turn) ** 2
        return np.sin(turn), weight / weight.sum()
