"""A raw recording of any size, no two of whose stacks are alike; and what was made of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import zarr

from tests.support.scenes import settings_text, simulate

SIDE = 256
FRAMES = 9
STACK_BYTES = FRAMES * SIDE * SIDE * 2
SEED, LIGHTS = 11, 4
SPOT, SPOT_COUNTS = 8, 150
"""Of every stack a square elsewhere is brighter, by so many pixels and counts."""


def write_recording(raw: Path, megabytes: int) -> int:
    """Write raw stacks, a chunk each, and their settings beside; return how many there are."""
    stacks = max(int(megabytes * 1e6) // STACK_BYTES, LIGHTS)
    scene = simulate(SEED, (SIDE, SIDE), peak=1000.0, times=LIGHTS)
    lights = scene.counts.numpy().astype(np.uint16).reshape(LIGHTS, FRAMES, SIDE, SIDE)
    array = zarr.create_array(
        raw,
        shape=(stacks * FRAMES, SIDE, SIDE),
        chunks=(FRAMES, SIDE, SIDE),
        dtype=np.uint16,
        compressors=None,
    )
    across = SIDE // SPOT
    for number in range(stacks):
        stack = lights[number % LIGHTS].copy()
        y, x = divmod(number % across**2, across)
        stack[:, SPOT * y :, SPOT * x :][:, :SPOT, :SPOT] += SPOT_COUNTS
        array[number * FRAMES : (number + 1) * FRAMES] = stack
    raw.with_suffix(".toml").write_text(settings_text(networks=False))
    return stacks


def differing(expected: Path, found: Path) -> int:
    """Return how many images of a result are lost, or differ in any pixel from those expected."""
    one, other = (zarr.open_group(path, mode="r")["0"] for path in (expected, found))
    if one.shape != other.shape:
        return int(one.shape[0])
    return sum(not np.array_equal(one[n], other[n]) for n in range(one.shape[0]))
