"""Find where two frames of the same angle and phase differ by more than photon noise."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from livesim.config.settings import Camera
from livesim.values.frames import Pixels

BLOCK = 4
"""Rows and columns that are summed: about as large as what the microscope resolves."""
TOLERANCE = 0.03
"""Relative change of the light in a block that is not called motion: bleaching that is not the
same everywhere, fringes that have drifted by some degrees."""
BLOCK_CHANCE_Z = 3.719
"""A block that stays as it is counts as changed with a probability of 1e-4."""
FALSE_ALARMS = 1e-3
"""At most, of the updates of a field in which nothing moves."""
FEWEST = 3
"""Blocks: a cosmic ray is no motion."""

Blocks = NDArray[np.float32]


def block_sums(pixels: Pixels, camera: Camera) -> Blocks:
    """Return the photo-electrons [y / BLOCK, x / BLOCK] of a frame [y, x] in counts."""
    rows, columns = (BLOCK * (length // BLOCK) for length in pixels.shape)
    cut = pixels[:rows, :columns]
    lines = np.add.reduceat(cut, np.arange(0, columns, BLOCK), axis=1, dtype=np.float32)
    sums = np.add.reduceat(lines, np.arange(0, rows, BLOCK), axis=0)
    photons: Blocks = (sums - np.float32(BLOCK**2 * camera.offset)) / np.float32(camera.gain)
    return photons


def squared_z(old: Blocks, new: Blocks, camera: Camera) -> Blocks:
    """Return the squared difference of two frames in units of its own variance.

    Where nothing moves its mean is 1 or, because of the tolerance, less. Light that has become
    weaker everywhere alike is allowed for: the frames are compared at the same brightness s. The
    variance of n - s o, both Poisson with the same mean but for s, is s (n + o); camera noise adds.
    """
    s = max(float(new.sum()), 1.0) / max(float(old.sum()), 1.0)
    photons = np.maximum(old + new, 1.0)
    read = BLOCK**2 * camera.read_noise**2 * (1.0 + s * s)
    mean = photons * (s / (1.0 + s))
    z2: Blocks = (new - s * old) ** 2 / (s * photons + read + (TOLERANCE * mean) ** 2)
    return z2


def changed_blocks(sums: Blocks, places: int) -> int:
    """Return how many blocks have changed, given the sum of `squared_z` over some frames.

    The limit is the quantile of the chi-squared distribution (Wilson and Hilferty, PNAS 17, 1931).
    """
    if not places:
        return 0
    spread = 2.0 / (9.0 * places)
    limit = places * (1.0 - spread + BLOCK_CHANCE_Z * math.sqrt(spread)) ** 3
    return int((sums > limit).sum())


def fewest_of_motion(blocks: int) -> int:
    """Return from how many changed blocks on a field of so many is said to move.

    The number that change by chance is Poisson distributed.
    """
    mean = 1e-4 * blocks
    term = math.exp(-mean)
    count, tail = 0, 1.0
    while tail > FALSE_ALARMS:
        tail -= term
        count += 1
        term *= mean / count
    return max(count, FEWEST)
