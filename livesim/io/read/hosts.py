"""Find the frames of raw stacks where a file does not name angle and phase.

They lie along another axis (the time, z or channel of ImageJ, the z of an OMX file), the *host*,
which `[pattern] order` says how to split; or along two axes of the right sizes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import permutations
from math import prod
from pathlib import Path

import numpy as np

from livesim.config.settings import PatternSettings
from livesim.io.read.axes import (
    FRAMES,
    SIM,
    addresses,
    frames_in_words,
    order_of,
    quoted,
    sized,
    sizes_in_words,
    split_axis,
)
from livesim.io.read.planes import NO_PLANE, UNNAMED, PlaneGrid
from livesim.values.errors import DataError
from livesim.values.wording import count

MOST_ANSWERS = 2
"""Settings that a question names."""


def find_frames(
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
        named = " or ".join(answers[:MOST_ANSWERS])
        raise DataError(
            f"{source}: expected one way to find {frames_in_words(pattern)} among the axes "
            f"{sizes_in_words(grid)}, found {len(answers)}: say in [pattern] {named}"
            f"{' or another' if len(answers) > MOST_ANSWERS else ''}"
        )
    if hosts:
        return _split_host(*hosts[0], pattern, source)
    if pairs:
        meant = dict(zip(pairs[0], ("angle", "phase"), strict=True))
        names = [meant.get(at, name) for at, name in enumerate(grid.names)]
        return replace(grid, names=tuple(names))
    raise DataError(
        f"{source}: expected a multiple of {frames_in_words(pattern, sized(grid, pattern))}, "
        f"found {count(grid.numbers.size, 'frame')}"
        + (f" ({sizes_in_words(grid)})" if len(grid.names) > 1 else "")
        + _begin_in_words(grid)
    )


def _begin_in_words(grid: PlaneGrid) -> str:
    """Say of an axis that begins late that it may be its begin that is missing, not its end."""
    late = [f"{name} {grid.before[name]}" for name in grid.names if grid.before.get(name, 0) > 0]
    if not late:
        return ""
    return f" from {' and '.join(late)} on: the first raw stack or the last one may be incomplete"


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
    own = [quoted(name) for name in addresses(grid)]
    words = ", ".join(f'{own[at]} = "{word}"' for at, word in meant.items())
    return f"axes = {{{words}}}"


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
    return _conventional(whole, pattern) or [(own, at) for own, at in filled if own is not None]


def _conventional(
    whole: list[tuple[PlaneGrid, tuple[int, ...]]], pattern: PatternSettings
) -> list[tuple[PlaneGrid, tuple[int, ...]]]:
    """Return the z axis alone where it holds one raw stack and time the other choice.

    Microscopes write the frames of a raw stack as its planes, and the raw stacks as time points: a
    number of time points that is a multiple of the frames by chance is no reason to ask.
    """
    for grid, at in whole:
        others = {grid.names[other] for _, axes in whole for other in axes} - {"z"}
        names = [grid.names[one] for one in at]
        if names == ["z"] and others == {"time"} and _length(grid, at) == pattern.stack_frames:
            return [(grid, at)]
    return whole


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
    return pattern.stack_frames * prod(sized(grid, pattern).values())


def _stacks_follow_each_other(grid: PlaneGrid, pattern: PatternSettings) -> bool:
    """Whether nothing without a size of its own comes before the angle and the phase are over."""
    inside = [axis for axis in order_of(pattern) if axis not in grid.names]
    repeated = {"angle", "phase", *pattern.sizes}.intersection(inside)
    return set(inside[: len(repeated)]) == repeated


def _is_itself(grid: PlaneGrid, at: int, pattern: PatternSettings) -> bool:
    """Whether the settings say that this axis changes faster than the frames of a stack."""
    order = order_of(pattern)
    first = min(order.index("angle"), order.index("phase"))
    return grid.names[at] in order[:first] and grid.numbers.shape[at] == pattern.stack_frames


def _split_host(
    grid: PlaneGrid, hosts: tuple[int, ...], pattern: PatternSettings, source: Path
) -> PlaneGrid:
    """Merge the host's axes into one at the end, then split it as the order says."""
    host_names = [grid.names[at] for at in hosts]
    kept = [name for at, name in enumerate(grid.names) if at not in hosts]
    inside = [axis for axis in order_of(pattern) if axis not in kept]
    merged = _merge(grid, hosts)
    left = merged.numbers.shape[-1] // pattern.stack_frames
    sizes = dict(sized(grid, pattern))
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
    return split_axis(merged, len(kept), inside, sizes)


def _leftover_axis(hosts: Sequence[str], taken: Sequence[str]) -> str:
    """Name the raw stacks that the order does not mention: time, unless that is taken."""
    free = [name for name in ("time", *hosts, "z") if name not in (*taken, FRAMES, UNNAMED)]
    return free[0] if free else "time"


def _merge(grid: PlaneGrid, hosts: tuple[int, ...]) -> PlaneGrid:
    kept = [at for at in range(len(grid.names)) if at not in hosts]
    shape = [grid.numbers.shape[at] for at in kept]
    numbers = grid.numbers.transpose([*kept, *hosts]).reshape([*shape, -1])
    return PlaneGrid((*(grid.names[at] for at in kept), SIM), numbers)
