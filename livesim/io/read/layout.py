"""Sort the planes of a file into livesim's axes, by what the file and the settings say of them.

A file that names both angle and phase is taken at its word. In any other file the frames of a raw
stack hide in some other axis (the time, z or channel of ImageJ, the z of an OMX file): that axis
is the *host*, and `[pattern] order` says how it is to be split.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import permutations
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livesim.config.settings import PatternSettings
from livesim.io.read.planes import NO_PLANE, UNNAMED, PlaneGrid
from livesim.values.errors import DataError

AXES = ("position", "time", "channel", "z", "angle", "phase")
SIM = "sim"
"""An axis that counts the frames of one raw stack, as acquisition scripts name it."""
MOST_ANSWERS = 2
"""Settings that a question names."""
FRAMES = "frames"
"""An axis that the settings name as the host of the frames of raw stacks."""


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
        grid = _find_frames(grid, pattern, source, fewest_whole)
    grid = _name_rest(grid, pattern)
    _check_axes(grid, pattern, source)
    numbers = _by_axes(grid)
    return numbers if names_frames else _from_first(numbers, pattern)


def _names_frames(grid: PlaneGrid) -> bool:
    return not {"angle", "phase"}.isdisjoint(grid.names)


def _named_by_settings(grid: PlaneGrid, pattern: PatternSettings, source: Path) -> PlaneGrid:
    """Return the axes longer than 1, called what `[pattern] axes` says that they stand for.

    A file that names angle and phase itself is taken at its word, as livesim's own recordings are.
    """
    named = set(grid.names)
    grid = _without_single_axes(grid)
    if {"angle", "phase"} <= named:
        return grid
    own = _addresses(grid)
    strange = [name for name in pattern.axes if name not in named.union(own)]
    if strange:
        raise DataError(
            f"{source}: expected the axis '{strange[0]}' that [pattern] axes names, "
            f"found {', '.join(own) or 'none'}"
        )
    names = (pattern.axes.get(one) or name for one, name in zip(own, grid.names, strict=True))
    before = {pattern.axes.get(axis, axis): places for axis, places in grid.before.items()}
    return PlaneGrid(tuple(names), grid.numbers, before)


def _addresses(grid: PlaneGrid) -> list[str]:
    """Return how settings call the axes; those without a name are "axis 0", "axis 1" ..."""
    number = iter(range(len(grid.names)))
    return [name or f"axis {next(number)}" for name in grid.names]


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


def _find_frames(
    grid: PlaneGrid, pattern: PatternSettings, source: Path, fewest_whole: int | None
) -> PlaneGrid:
    """Find the frames of the raw stacks: along an axis, or along two of the right sizes.

    Raises
    ------
    DataError
        If they are nowhere, or may be in several places: taking one of them would turn phases
        into planes without a word.
    """
    hosts = _hosts(grid, pattern, fewest_whole)
    pairs = [] if FRAMES in grid.names else _axes_of_fitting_sizes(grid, pattern)
    if len(hosts) + len(pairs) > 1:
        answers = [_setting(grid, dict.fromkeys(at, FRAMES)) for _, at in hosts]
        answers += [_setting(grid, {angle: "angle", phase: "phase"}) for angle, phase in pairs]
        raise DataError(
            f"{source}: expected one way to find {_frames(pattern)} among the axes {_sizes(grid)}, "
            f"found {len(answers)}: say in [pattern] {' or '.join(answers[:MOST_ANSWERS])}"
            f"{' or another' if len(answers) > MOST_ANSWERS else ''}"
        )
    if hosts:
        return _split_host(*hosts[0], pattern, source)
    if pairs:
        meant = dict(zip(pairs[0], ("angle", "phase"), strict=True))
        names = [meant.get(at, name) for at, name in enumerate(grid.names)]
        return replace(grid, names=tuple(names))
    raise DataError(
        f"{source}: expected a multiple of {_frames(pattern, _sized(grid, pattern))}, "
        f"found {count(grid.numbers.size, 'frame')}"
        + (f" ({_sizes(grid)})" if len(grid.names) > 1 else "")
    )


def _axes_of_fitting_sizes(grid: PlaneGrid, pattern: PatternSettings) -> list[tuple[int, int]]:
    """Return the named axes, by number, that may be (angle, phase)."""
    if min(pattern.stack_shape) < 2:
        return []
    named = [at for at, name in enumerate(grid.names) if name not in (UNNAMED, "position")]
    sizes = grid.numbers.shape
    return [
        (angle, phase)
        for angle, phase in permutations(named, 2)
        if (sizes[angle], sizes[phase]) == pattern.stack_shape
    ]


def _setting(grid: PlaneGrid, meant: Mapping[int, str]) -> str:
    """Return the setting that says what axes stand for, as TOML."""
    own = [name if name.isalpha() else f'"{name}"' for name in _addresses(grid)]
    words = ", ".join(f'{own[at]} = "{word}"' for at, word in meant.items())
    return f"axes = {{{words}}}"


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


def _split_host(
    grid: PlaneGrid, hosts: tuple[int, ...], pattern: PatternSettings, source: Path
) -> PlaneGrid:
    """Merge the host's axes into one at the end, then split it as the order says."""
    host_names = [grid.names[at] for at in hosts]
    kept = [name for at, name in enumerate(grid.names) if at not in hosts]
    inside = [axis for axis in _order(pattern) if axis not in kept]
    merged = _merge(grid, hosts)
    left = merged.numbers.shape[-1] // pattern.stack_frames
    sizes = dict(_sized(grid, pattern))
    left //= prod(sizes.values())
    unknown = [axis for axis in inside if axis not in ("angle", "phase", *sizes)]
    if left > 1 and not unknown:
        unknown = [_leftover_axis(host_names, [*kept, *inside])]
        inside += unknown
    if left > 1 and len(unknown) > 1:
        raise DataError(
            f"{source}: expected at most one of {unknown} without a size of its own in the file, "
            f"found {left} raw stacks to share between them; say in [pattern] how many there are, "
            f"as in sizes = {{{unknown[0]} = 2}}"
        )
    sizes |= dict.fromkeys(unknown, left)
    sizes |= {"angle": pattern.stack_shape[0], "phase": pattern.stack_shape[1]}
    return _split(merged, len(kept), inside, sizes)


def _hosts(
    grid: PlaneGrid, pattern: PatternSettings, fewest_whole: int | None
) -> list[tuple[PlaneGrid, tuple[int, ...]]]:
    """Return every choice of axes, by number, that may hold the frames of raw stacks.

    Where no axis holds whole raw stacks, these are the axes that a stop may have cut off, in a
    grid that is filled up.
    """
    told = tuple(at for at, name in enumerate(grid.names) if name == FRAMES)
    tried = [told] if told else _possible_hosts(grid, pattern)
    whole = [(grid, at) for at in tried if _length(grid, at) % _cycle(grid, pattern) == 0]
    filled = [(_filled_up(grid, at, pattern, fewest_whole), at) for at in tried if not whole]
    return whole or [(own, at) for own, at in filled if own is not None]


def _possible_hosts(grid: PlaneGrid, pattern: PatternSettings) -> list[tuple[int, ...]]:
    """Return each axis alone, and the unnamed ones as one sequence."""
    single = [at for at, name in enumerate(grid.names) if name != "position"]
    others = [at for at in single if not _is_itself(grid, at, pattern)] or single
    unnamed = tuple(at for at in single if grid.names[at] == UNNAMED)
    if len(unnamed) < 2:
        return [(at,) for at in others]
    # The last of several unnamed axes and all of them in one sequence are the same reading.
    same = unnamed[-1:] if _length(grid, unnamed[-1:]) % _cycle(grid, pattern) == 0 else ()
    return [*((at,) for at in others if at not in same), unnamed]


def _length(grid: PlaneGrid, axes: Sequence[int]) -> int:
    return prod(grid.numbers.shape[at] for at in axes)


def _filled_up(
    grid: PlaneGrid, hosts: tuple[int, ...], pattern: PatternSettings, fewest_whole: int | None
) -> PlaneGrid | None:
    """Fill the host up to whole raw stacks; None where that is no sign of a stop.

    It is none where a raw stack is spread over the host, as in a z-stack with the angle slowest,
    or where too few whole ones come before.
    """
    one_of_several = len(hosts) > 1 or (
        grid.names[hosts[0]] == UNNAMED and grid.names.count(UNNAMED) > 1
    )
    if fewest_whole is None or one_of_several or not _stacks_follow_each_other(grid, pattern):
        return None
    (at,) = hosts
    size, cycle = grid.numbers.shape[at], _cycle(grid, pattern)
    before = max(0, grid.before.get(grid.names[at], 0))
    if before and (size + before) % cycle:
        return None  # the acquisition may have begun in mid-stack, or count from there
    if (size + before % cycle) // pattern.stack_frames < fewest_whole:
        return None
    widths = [(0, 0)] * grid.numbers.ndim
    widths[at] = (before % cycle, -(size + before) % cycle)
    return replace(grid, numbers=np.pad(grid.numbers, widths, constant_values=NO_PLANE))


def _cycle(grid: PlaneGrid, pattern: PatternSettings) -> int:
    """Return after how many frames everything repeats that has a size by the settings."""
    return pattern.stack_frames * prod(_sized(grid, pattern).values())


def _stacks_follow_each_other(grid: PlaneGrid, pattern: PatternSettings) -> bool:
    """Whether nothing without a size of its own comes before the angle and the phase are over."""
    inside = [axis for axis in _order(pattern) if axis not in grid.names]
    repeated = {"angle", "phase", *pattern.sizes}.intersection(inside)
    return set(inside[: len(repeated)]) == repeated


def _is_itself(grid: PlaneGrid, at: int, pattern: PatternSettings) -> bool:
    """Whether the settings say that this axis changes faster than the frames of a stack."""
    order = _order(pattern)
    first = min(order.index("angle"), order.index("phase"))
    return grid.names[at] in order[:first] and grid.numbers.shape[at] == pattern.stack_frames


def _leftover_axis(hosts: Sequence[str], taken: Sequence[str]) -> str:
    """Name the raw stacks that the order does not mention: time, unless that is taken."""
    free = [name for name in ("time", *hosts, "z") if name not in (*taken, FRAMES, UNNAMED)]
    return free[0] if free else "time"


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


def _merge(grid: PlaneGrid, hosts: tuple[int, ...]) -> PlaneGrid:
    kept = [at for at in range(len(grid.names)) if at not in hosts]
    shape = [grid.numbers.shape[at] for at in kept]
    numbers = grid.numbers.transpose([*kept, *hosts]).reshape([*shape, -1])
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


def _sizes(grid: PlaneGrid) -> str:
    return " x ".join(
        f"{name or 'frames'} {size}"
        for name, size in zip(grid.names, grid.numbers.shape, strict=True)
    )


def _sized(grid: PlaneGrid, pattern: PatternSettings) -> Mapping[str, int]:
    """Return the lengths that `[pattern] sizes` gives to axes that the file does not have."""
    return {str(axis): size for axis, size in pattern.sizes.items() if axis not in grid.names}


def _frames(pattern: PatternSettings, sized: Mapping[str, int] | None = None) -> str:
    sized = sized or {}
    more = "".join(f" x {axis} {size}" for axis, size in sized.items())
    frames = pattern.stack_frames * prod(sized.values())
    return f"{frames} frames ({_shape(pattern.stack_shape)}{more})"


def _shape(shape: tuple[int, int]) -> str:
    return f"{count(shape[0], 'angle')} x {count(shape[1], 'phase')}"


def count(number: int, noun: str) -> str:
    """Return a number of things in words: "1 frame", "9 frames"."""
    return f"{number} {noun}" + ("" if number == 1 else "s")
