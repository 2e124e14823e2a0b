"""Decide which raw stacks of a recording are whole, and say in one sentence what is missing.

Every format comes here, and so does the doctor: readers only mark the frames that they do not
have with `NO_PLANE`. What is said here is what a live run says by its count of incomplete stacks.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livesim.io.read.planes import NO_PLANE, PlaneFile

STACK_AXES = ("position", "time", "channel", "z")
MOST_NAMED = 3
"""Incomplete raw stacks that a sentence names one by one."""


FEWEST_WHOLE = 2
"""Whole raw stacks before one that may be cut off in a file that does not say so: a single one
with some frames more is rather a sign of wrong settings."""


def fewest_whole(file: PlaneFile) -> int:
    """Return how many whole raw stacks must come before one that a stop cut off."""
    return 1 if file.unfinished else FEWEST_WHOLE


def whole_stacks(numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which raw stacks have all their frames, [position, time, channel, z].

    Parameters
    ----------
    numbers
        Plane numbers, [position, time, channel, z, angle, phase].
    """
    whole: NDArray[np.bool_] = (numbers != NO_PLANE).all(axis=(4, 5))
    return whole


def without_unrecorded_end(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the plane numbers without the last time points, as far as they hold no frame."""
    times = np.flatnonzero((numbers != NO_PLANE).any(axis=(0, 2, 3, 4, 5)))
    return numbers[:, : int(times.max(initial=-1)) + 1]


def missing_frames(numbers: NDArray[np.int64], source: Path) -> str | None:
    """Say which raw stacks are not whole; None where all are.

    The time before the first frame is no gap: a stream may be recorded from its middle on.
    """
    times = np.flatnonzero((numbers != NO_PLANE).any(axis=(0, 2, 3, 4, 5)))
    begin = int(times[0]) if len(times) else 0
    whole = whole_stacks(numbers)[:, begin:]
    if whole.all():
        return None
    stacks = f"each of {whole.size} raw stacks" if whole.size > 1 else "the raw stack"
    found = " and ".join(filter(None, _found(numbers, begin)))
    return (
        f"{source}: expected {numbers[0, 0, 0, 0].size} frames in {stacks}, found {found}; "
        f"{_what_is_used(int(whole.sum()))}"
    )


def _found(numbers: NDArray[np.int64], begin: int) -> tuple[str, str]:
    """Return "8 at time 1 (without angle 0, phase 2)" and "none in 7 others"."""
    present = (numbers != NO_PLANE).sum(axis=(4, 5))
    torn = np.argwhere(~whole_stacks(numbers) & (present > 0))
    words = [_torn(numbers, tuple(int(at) for at in place)) for place in torn[:MOST_NAMED]]
    if len(torn) > MOST_NAMED:
        words.append(f"too few in {len(torn) - MOST_NAMED} more")
    empty = int((present[:, begin:] == 0).sum())
    other = " other" if words else ""
    nothing = f"none in {empty}{other}{'s' if other and empty > 1 else ''}" if empty else ""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]])), nothing


def _torn(numbers: NDArray[np.int64], place: tuple[int, ...]) -> str:
    missing = np.argwhere(numbers[place] == NO_PLANE)
    frames = numbers[place].size - len(missing)
    angle, phase = (int(at) for at in missing[0])
    words = f"{frames} at {_place(numbers, place)}"
    return f"{words} (without angle {angle}, phase {phase})" if len(missing) == 1 else words


def _place(numbers: NDArray[np.int64], place: tuple[int, ...]) -> str:
    """Return "time 1", naming the axes along which there is more than one raw stack."""
    several = [
        f"{axis} {at}"
        for axis, at, size in zip(STACK_AXES, place, numbers.shape, strict=False)
        if size > 1
    ]
    return ", ".join(several) or "time 0"


def _what_is_used(whole: int) -> str:
    if not whole:
        return "no raw stack is whole"
    return f"the {whole} whole ones are used" if whole > 1 else "the whole one is used"
