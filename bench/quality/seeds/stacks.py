"""Make raw stacks of pictures with the simulator that networks are trained on.

Frames lie on the grid of the picture, as ML-SIM's do.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from livesim_models.data.stacks import GREYS, StripesRecipe, simulated_frames

Picture = NDArray[np.float64]
"""[y, x]."""
ANGLES, PHASES = 3, 3


def simulate(picture: Picture, light: StripesRecipe, seed: int) -> NDArray[np.float32]:
    """Return the raw stack [angle, phase, y, x] of a picture from 0 to 255, in whole counts."""
    random, unit = np.random.default_rng(seed), (picture / GREYS).astype(np.float32)
    frames = simulated_frames(unit, light, (ANGLES, PHASES), random, finer=1)
    return np.asarray((GREYS * frames).round().unflatten(0, (ANGLES, PHASES)))


def cutoff_of(light: StripesRecipe) -> float:
    """Return the nominal cut-off, cycles per pixel."""
    return light.psf_scale[0] / math.pi


def eight_bits(values: Picture) -> Picture:
    """Return values scaled min to max to whole numbers from 0 to 255."""
    span = np.ptp(values)
    return np.round(255.0 * (values - values.min()) / (span if span > 0.0 else 1.0))
