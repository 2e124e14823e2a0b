"""A file's own axes and the settings' order in, plane numbers by livesim's axes out.

A file that names both angle and phase is taken at its word. In any other file the frames of a raw
stack hide in some other axis (the time, z or channel of ImageJ, the z of an OMX file): that axis
is the *host*, and `[pattern] order` says how it is to be split.
"""

from __future__ import annotations

from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livesim.config.settings import PatternSettings
from livesim.io.read.planes import UNNAMED, PlaneGrid
from livesim.values.errors import DataError

AXES = ("position", "time", "channel", "z", "angle", "phase")
SIM = "sim"
"""An axis that counts the frames of one raw stack, as acquisition scripts name it."""


def arrange(grid: PlaneGrid, pattern: PatternSettings, source: Path) -> NDArray[np.int64]:
    """Sort plane numbers by position, time, channel, z, angle and phase.

    Returns
    -------
    Plane numbers, [position, time, channel, z, angle, phase].

    Raises
    ------
    DataError
        If the axes or their sizes do not fit the settings; the sentence begins with `source`.
    """
    names_frames = not {"angle", "phase"}.isdisjoint(grid.names)
    grid = _without_single_axes(grid)
    grid = _split_sim_axis(_name_stack_axes(grid, pattern), pattern, source)
    if {"angle", "phase"}.isdisjoint(grid.names):
        grid = _split_host(grid, pattern, source)
    grid = _name_rest(grid, pattern)
    _check_axes(grid, pattern, source)
    numbers = _by_axes(grid)
    return numbers if names_frames else _from_first(numbers, pattern)


def _from_first(numbers: NDArray[np.int64], pattern: PatternSettings) -> NDArray[np.int64]:
    """Put the frames of every stack into their places where a stack begins with another one."""
    order = _order(pattern)
    angle_faster = order.index("angle") < order.index("phase")
    steps = numbers.swapaxes(4, 5) if angle_faster else numbers
    flat = steps.reshape([*steps.shape[:4], -1])
    rolled = np.roll(flat, pattern.first_frame, axis=-1).reshape(steps.shape)
    return rolled.swapaxes(4, 5) if angle_faster else rolled


def _without_single_axes(grid: PlaneGrid) -> PlaneGrid:
    sizes = zip(grid.names, grid.numbers.shape, strict=True)
    return PlaneGrid(tuple(name for name, size in sizes if size != 1), grid.numbers.squeeze())


def _name_stack_axes(grid: PlaneGrid, pattern: PatternSettings) -> PlaneGrid:
    """Find [angle, phase] among unnamed axes: the last two neighbours of the right sizes."""
    if not {"angle", "phase"}.isdisjoint(grid.names):
        return grid
    for first in reversed(range(len(grid.names) - 1)):
        unnamed = grid.names[first : first + 2] == (UNNAMED, UNNAMED)
        if unnamed and grid.numbers.shape[first : first + 2] == pattern.stack_shape:
            inner = tuple(name or "z" for name in grid.names[first + 2 :])
            return PlaneGrid((*grid.names[:first], "angle", "phase", *inner), grid.numbers)
    return grid


def _split_sim_axis(grid: PlaneGrid, pattern: PatternSettings, source: Path) -> PlaneGrid:
    if SIM not in grid.names:
        return grid
    at = grid.names.index(SIM)
    found = grid.numbers.shape[at]
    if found != pattern.stack_frames:
        raise DataError(
            f"{source}: expected {_frames(pattern)} along the axis '{SIM}', found {found}"
        )
    return _split(
        grid,
        at,
        [axis for axis in _order(pattern) if axis in ("angle", "phase")],
        {
            "angle": pattern.stack_shape[0],
            "phase": pattern.stack_shape[1],
        },
    )


def _split_host(grid: PlaneGrid, pattern: PatternSettings, source: Path) -> PlaneGrid:
    """Merge the host's axes into one at the end, then split it as the order says."""
    hosts = _find_host(grid, pattern, source)
    kept = [name for name in grid.names if name not in hosts]
    inside = [axis for axis in _order(pattern) if axis not in kept]
    left = prod(_size(grid, name) for name in hosts) // pattern.stack_frames
    unknown = [axis for axis in inside if axis not in ("angle", "phase")]
    if left > 1 and not unknown:
        unknown = [_leftover_axis(hosts, kept)]
        inside += unknown
    if left > 1 and len(unknown) > 1:
        raise DataError(
            f"{source}: expected at most one of {unknown} without a size of its own in the file, "
            f"found {left} raw stacks to share between them"
        )
    sizes = dict.fromkeys(unknown, left)
    sizes |= {"angle": pattern.stack_shape[0], "phase": pattern.stack_shape[1]}
    return _split(_merge(grid, hosts), len(kept), inside, sizes)


def _find_host(grid: PlaneGrid, pattern: PatternSettings, source: Path) -> tuple[str, ...]:
    """Return the axes that hold the frames of the raw stacks, the fastest that fits first."""
    inner_first = [name for name in reversed(grid.names) if name != "position"]
    single = [
        (name,) for name in sorted(inner_first, key=lambda name: _is_itself(name, grid, pattern))
    ]
    together = [name for name in grid.names if name != "position"]
    mixed = [tuple(name for name in together if name != "channel"), tuple(together)]
    for hosts in (*single, *mixed):
        frames = prod(_size(grid, name) for name in hosts)
        if frames % pattern.stack_frames == 0:
            return hosts
    sizes = " x ".join(f"{name or 'frames'} {_size(grid, name)}" for name in grid.names)
    raise DataError(
        f"{source}: expected a multiple of {_frames(pattern)}, "
        f"found {count(grid.numbers.size, 'frame')}"
        + (f" ({sizes})" if len(grid.names) > 1 else "")
    )


def _is_itself(name: str, grid: PlaneGrid, pattern: PatternSettings) -> bool:
    """Whether the settings say that this axis changes faster than the frames of a stack."""
    order = _order(pattern)
    first = min(order.index("angle"), order.index("phase"))
    return name in order[:first] and _size(grid, name) == pattern.stack_frames


def _leftover_axis(hosts: tuple[str, ...], kept: list[str]) -> str:
    """Name the raw stacks that the order does not mention: time, unless that is taken."""
    return "time" if "time" not in kept else hosts[0]


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
        )
    found = (_size(grid, "angle"), _size(grid, "phase"))
    if found != pattern.stack_shape:
        raise DataError(
            f"{source}: expected {_shape(pattern.stack_shape)} as the settings say, "
            f"found {_shape(found)} in the file"
        )


def _by_axes(grid: PlaneGrid) -> NDArray[np.int64]:
    present = [name for name in AXES if name in grid.names]
    sorted_axes = grid.numbers.transpose([grid.names.index(name) for name in present])
    return sorted_axes.reshape([_size(grid, name) for name in AXES])


def _merge(grid: PlaneGrid, hosts: tuple[str, ...]) -> PlaneGrid:
    kept = [at for at, name in enumerate(grid.names) if name not in hosts]
    merged = [at for at, name in enumerate(grid.names) if name in hosts]
    shape = [grid.numbers.shape[at] for at in kept]
    numbers = grid.numbers.transpose(kept + merged).reshape([*shape, -1])
    return PlaneGrid((*(grid.names[at] for at in kept), SIM), numbers)


def _split(grid: PlaneGrid, at: int, order: list[str], sizes: dict[str, int]) -> PlaneGrid:
    """Replace the axis number `at` by several, given fastest first."""
    names = tuple(reversed(order))
    shape = grid.numbers.shape
    numbers = grid.numbers.reshape(
        [*shape[:at], *(sizes[name] for name in names), *shape[at + 1 :]]
    )
    return PlaneGrid((*grid.names[:at], *names, *grid.names[at + 1 :]), numbers)


def _order(pattern: PatternSettings) -> list[str]:
    """Return the order with angle and phase in it; hexagonal settings may leave them out."""
    missing = [axis for axis in ("phase", "angle") if axis not in pattern.order]
    return [*missing, *pattern.order]


def _size(grid: PlaneGrid, name: str) -> int:
    """Return how long an axis is; 1 if the file does not have it."""
    sizes = [n for own, n in zip(grid.names, grid.numbers.shape, strict=True) if own == name]
    return prod(sizes)


def _frames(pattern: PatternSettings) -> str:
    return f"{pattern.stack_frames} frames ({_shape(pattern.stack_shape)})"


def _shape(shape: tuple[int, int]) -> str:
    return f"{count(shape[0], 'angle')} x {count(shape[1], 'phase')}"


def count(number: int, noun: str) -> str:
    """Return a number of things in words: "1 frame", "9 frames"."""
    return f"{number} {noun}" + ("" if number == 1 else "s")
