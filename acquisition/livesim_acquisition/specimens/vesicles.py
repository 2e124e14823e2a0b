"""Draw vesicles that run and diffuse."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from livesim_acquisition.specimens.drawing import Points, Vector, draw
from livesim_acquisition.specimens.specimen import Density

TICK_S = 0.02
"""Between two steps of a walk; in between a vesicle moves straight."""
BLOCK = 256
"""Steps that are drawn at once."""
RUN_S, PAUSE_S = 2.0, 3.0
"""Mean durations of directed runs and of diffusion in between."""
MEMBRANE_POINTS = 64


@dataclass(frozen=True)
class _State:
    """Where all vesicles are at the beginning of a block, and what they do."""

    place_nm: Vector
    heading_rad: Vector
    running: NDArray[np.bool_]


@dataclass(frozen=True)
class Vesicles:
    """Small spheres with a labelled membrane: directed runs, and Brownian motion in between."""

    shape: tuple[int, int]
    pixel_nm: float
    count: int = 120
    diameter_nm: float = 120.0
    run_speed_nm_per_s: float = 800.0
    diffusion_um2_per_s: float = 0.02
    seed: int = 0

    def density(self, time_s: float = 0.0) -> Density:
        """Return the density [y, x] at `time_s`."""
        place = self._places(time_s)
        return draw(self.shape, self.pixel_nm, [self._cloud(place)])

    def _cloud(self, place: Vector) -> Points:
        y, x = (place[:, None, :] + self._membrane).reshape(-1, 2).T
        return y, x, 1.0 / MEMBRANE_POINTS

    @cached_property
    def _membrane(self) -> Vector:
        """Return points spread evenly over a sphere, seen from above [points, 2], in nm."""
        # A Fibonacci lattice: equal steps in height, the golden angle in longitude.
        height = 1.0 - (2.0 * np.arange(MEMBRANE_POINTS) + 1.0) / MEMBRANE_POINTS
        turn = np.arange(MEMBRANE_POINTS) * np.pi * (3.0 - np.sqrt(5.0))
        circle = np.stack([np.sin(turn), np.cos(turn)], axis=1)
        return self.diameter_nm / 2.0 * np.sqrt(1.0 - height**2)[:, None] * circle

    @cached_property
    def _blocks(self) -> list[_State]:
        """Return the states at the beginnings of the blocks; grows as later times are asked for."""
        random = np.random.default_rng(self.seed)
        size_nm = np.array(self.shape) * self.pixel_nm
        return [
            _State(
                random.uniform(0.0, size_nm, (self.count, 2)),
                random.uniform(0.0, 2.0 * np.pi, self.count),
                random.random(self.count) < RUN_S / (RUN_S + PAUSE_S),
            )
        ]

    def _places(self, time_s: float) -> Vector:
        """Return where the vesicles are, [count, 2] in nm; not folded into the field."""
        ticks = time_s / TICK_S
        block, tick = int(ticks // BLOCK), int(ticks % BLOCK)
        while len(self._blocks) <= block:
            self._blocks.append(self._walked(len(self._blocks) - 1)[1])
        path, _ = self._walked(block)
        share = ticks - np.floor(ticks)
        between: Vector = path[tick] * (1.0 - share) + path[tick + 1] * share
        return between

    def _walked(self, block: int) -> tuple[Vector, _State]:
        """Return (places [BLOCK + 1, count, 2], state at its end) of one block."""
        random = np.random.default_rng((self.seed, block))
        state = self._blocks[block]
        brownian_nm = 1000.0 * np.sqrt(2.0 * self.diffusion_um2_per_s * TICK_S)
        steps = random.normal(0.0, brownian_nm, (BLOCK, self.count, 2))
        change, turns = random.random((2, BLOCK, self.count))
        heading, running = state.heading_rad, state.running
        for tick in range(BLOCK):
            changed = change[tick] < TICK_S / np.where(running, RUN_S, PAUSE_S)
            heading = np.where(changed, 2.0 * np.pi * turns[tick], heading)
            running = running ^ changed
            run = self.run_speed_nm_per_s * TICK_S * running
            steps[tick] += np.stack([run * np.sin(heading), run * np.cos(heading)], axis=1)
        path = np.concatenate([state.place_nm[None], state.place_nm + np.cumsum(steps, axis=0)])
        return path, _State(path[-1], heading, running)
