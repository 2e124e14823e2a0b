"""Name and split the axes of a file, for what sorts its planes and for its sentences."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from livesim.config.settings import PatternSettings
from livesim.io.read.planes import PlaneGrid
from livesim.values.wording import count

SIM = "sim"
"""An axis that counts the frames of one raw stack, as acquisition scripts name it."""
FRAMES = "frames"
"""An axis that the settings name as the host of the frames of raw stacks."""


def addresses(grid: PlaneGrid) -> list[str]:
    """Return how settings call the axes; those without a name are "axis 0", "axis 1" ..."""
    number = iter(range(len(grid.names)))
    return [name or f"axis {next(number)}" for name in grid.names]


def quoted(address: str) -> str:
    """Return an axis as a key of TOML, in quotes where it needs them."""
    return address if address.isascii() and address.isalnum() else f'"{address}"'


def split_axis(grid: PlaneGrid, at: int, order: list[str], sizes: dict[str, int]) -> PlaneGrid:
    """Replace the axis number `at` by several, given fastest first."""
    names = tuple(reversed(order))
    shape = grid.numbers.shape
    numbers = grid.numbers.reshape(
        [*shape[:at], *(sizes[name] for name in names), *shape[at + 1 :]]
    )
    return PlaneGrid((*grid.names[:at], *names, *grid.names[at + 1 :]), numbers)


def order_of(pattern: PatternSettings) -> list[str]:
    """Return the order with angle and phase in it; hexagonal settings may leave them out."""
    missing = [axis for axis in ("phase", "angle") if axis not in pattern.order]
    return [*missing, *pattern.order]


def size_of(grid: PlaneGrid, name: str) -> int:
    """Return how long an axis is; 1 if the file does not have it."""
    sizes = [n for own, n in zip(grid.names, grid.numbers.shape, strict=True) if own == name]
    return prod(sizes)


def sized(grid: PlaneGrid, pattern: PatternSettings) -> Mapping[str, int]:
    """Return the lengths that `[pattern] sizes` gives to axes that the file does not have."""
    return {str(axis): size for axis, size in pattern.sizes.items() if axis not in grid.names}


def sizes_in_words(grid: PlaneGrid) -> str:
    """Return "time 4 x z 9"."""
    return " x ".join(
        f"{name or 'frames'} {size}"
        for name, size in zip(grid.names, grid.numbers.shape, strict=True)
    )


def frames_in_words(pattern: PatternSettings, others: Mapping[str, int] | None = None) -> str:
    """Return "9 frames (3 angles x 3 phases)", times the lengths of other axes if any are given."""
    more = "".join(f" x {axis} {size}" for axis, size in (others or {}).items())
    frames = pattern.stack_frames * prod((others or {}).values())
    return f"{frames} frames ({shape_in_words(pattern.stack_shape)}{more})"


def shape_in_words(shape: tuple[int, int]) -> str:
    """Return "3 angles x 3 phases"."""
    return f"{count(shape[0], 'angle')} x {count(shape[1], 'phase')}"
