"""Sort the planes of a file into livesim's axes, by what the file and the settings say of them.

A file that names both angle and phase is taken at its word; in any other one `hosts` finds the
frames of the raw stacks.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livesim.config.settings import PatternSettings
from livesim.io.read.axes import (
    FRAMES,
    SIM,
    addresses,
    frames_in_words,
    order_of,
    quoted,
    shape_in_words,
    size_of,
    split_axis,
)
from livesim.io.read.hosts import find_frames
from livesim.io.read.planes import UNNAMED, PlaneGrid
from livesim.values.errors import DataError

AXES = ("position", "time", "channel", "z", "angle", "phase")


def arrange(
    grid: PlaneGrid, pattern: PatternSettings, source: Path, *, fewest_whole: int | None = None
) -> NDArray[np.int64]:
    """Sort plane numbers by position, time, channel, z, angle and phase.

    Parameters
    ----------
    fewest_whole
        How many whole raw stacks must come before one that is cut off by a stop, whose places are
        then filled up with `NO_PLANE`; None = every raw stack must be whole.

    Returns
    -------
    Plane numbers, [position, time, channel, z, angle, phase].

    Raises
    ------
    DataError
        If the axes or their sizes do not fit the settings, or fit in two ways; the sentence begins
        with `source`.
    """
    grid = _named_by_settings(grid, pattern, source)
    names_frames = _names_frames(grid)
    grid = _split_sim_axis(_unnamed_stack_axes(grid, pattern), pattern, source)
    if not _names_frames(grid):
        grid = find_frames(grid, pattern, source, fewest_whole)
    grid = _name_rest(grid, pattern)
    _check_axes(grid, pattern, source)
    numbers = _by_axes(grid)
    return numbers if names_frames else _from_first(numbers, pattern)


def _names_frames(grid: PlaneGrid) -> bool:
    return not {"angle", "phase"}.isdisjoint(grid.names)


def _named_by_settings(grid: PlaneGrid, pattern: PatternSettings, source: Path) -> PlaneGrid:
    """Return the axes longer than 1, called what `[pattern] axes` says that they stand for.

    A file that names angle and phase itself is taken at its word, as livesim's own recordings are,
    but for axes that livesim does not know.
    """
    named = set(grid.names)
    grid = _without_single_axes(grid)
    own = addresses(grid)
    if {"angle", "phase"} <= named:
        names = (name if name in AXES else pattern.axes.get(name, name) for name in grid.names)
        return replace(grid, names=tuple(names))
    strange = [name for name in pattern.axes if name not in named.union(own)]
    if strange:
        raise DataError(
            f"{source}: expected the axis '{strange[0]}' that [pattern] axes names, "
            f"found {', '.join(own) or 'none'}"
        )
    names = (pattern.axes.get(one) or name for one, name in zip(own, grid.names, strict=True))
    before = {pattern.axes.get(axis, axis): places for axis, places in grid.before.items()}
    return PlaneGrid(tuple(names), grid.numbers, before)


def _from_first(numbers: NDArray[np.int64], pattern: PatternSettings) -> NDArray[np.int64]:
    """Put the frames of every stack into their places where a stack begins with another one."""
    order = order_of(pattern)
    angle_faster = order.index("angle") < order.index("phase")
    steps = numbers.swapaxes(4, 5) if angle_faster else numbers
    flat = steps.reshape([*steps.shape[:4], -1])
    rolled = np.roll(flat, pattern.first_frame, axis=-1).reshape(steps.shape)
    return rolled.swapaxes(4, 5) if angle_faster else rolled


def _without_single_axes(grid: PlaneGrid) -> PlaneGrid:
    sizes = zip(grid.names, grid.numbers.shape, strict=True)
    names = tuple(name for name, size in sizes if size != 1)
    return replace(grid, names=names, numbers=grid.numbers.squeeze())


def _unnamed_stack_axes(grid: PlaneGrid, pattern: PatternSettings) -> PlaneGrid:
    """Find [angle, phase], else [phase, angle], in the last unnamed neighbours of these sizes."""
    if not {"angle", "phase", FRAMES}.isdisjoint(grid.names):
        return grid
    for wanted in (("angle", "phase"), ("phase", "angle")):
        sizes = pattern.stack_shape if wanted[0] == "angle" else pattern.stack_shape[::-1]
        for first in reversed(range(len(grid.names) - 1)):
            unnamed = grid.names[first : first + 2] == (UNNAMED, UNNAMED)
            if unnamed and grid.numbers.shape[first : first + 2] == sizes:
                inner = tuple(name or "z" for name in grid.names[first + 2 :])
                return replace(grid, names=(*grid.names[:first], *wanted, *inner))
    return grid


def _split_sim_axis(grid: PlaneGrid, pattern: PatternSettings, source: Path) -> PlaneGrid:
    if SIM not in grid.names:
        return grid
    at = grid.names.index(SIM)
    found = grid.numbers.shape[at]
    if found != pattern.stack_frames:
        raise DataError(
            f"{source}: expected {frames_in_words(pattern)} along the axis '{SIM}', found {found}"
        )
    return split_axis(
        grid,
        at,
        [axis for axis in order_of(pattern) if axis in ("angle", "phase")],
        {
            "angle": pattern.stack_shape[0],
            "phase": pattern.stack_shape[1],
        },
    )


def _name_rest(grid: PlaneGrid, pattern: PatternSettings) -> PlaneGrid:
    """Name one remaining unnamed axis: what the order adds to the stack, or else time."""
    extra = [axis for axis in pattern.order if axis not in (*grid.names, "angle", "phase")]
    name = extra[0] if len(extra) == 1 else "time"
    return PlaneGrid(tuple(own or name for own in grid.names), grid.numbers)


def _check_axes(grid: PlaneGrid, pattern: PatternSettings, source: Path) -> None:
    strange = [name for name in grid.names if name not in AXES]
    if strange or len(set(grid.names)) != len(grid.names):
        raise DataError(
            f"{source}: expected each of the axes {', '.join(AXES)} at most once, "
            f"found {', '.join(grid.names)}"
            f"{_how_to_name(strange, grid)}"
        )
    found = (size_of(grid, "angle"), size_of(grid, "phase"))
    if found != pattern.stack_shape:
        raise DataError(
            f"{source}: expected {shape_in_words(pattern.stack_shape)} as the settings say, "
            f"found {shape_in_words(found)} in the file"
        )


def _how_to_name(strange: list[str], grid: PlaneGrid) -> str:
    """Return how settings say what an axis is that livesim does not know, as a sentence's end."""
    free = [axis for axis in ("angle", "phase", *AXES[1:], AXES[0]) if axis not in grid.names]
    if not strange or not free:
        return ""
    return f'; say in [pattern] what it is, as in axes = {{{quoted(strange[0])} = "{free[0]}"}}'


def _by_axes(grid: PlaneGrid) -> NDArray[np.int64]:
    present = [name for name in AXES if name in grid.names]
    sorted_axes = grid.numbers.transpose([grid.names.index(name) for name in present])
    return sorted_axes.reshape([size_of(grid, name) for name in AXES])
