"""Cut through a volume across its planes, or project it: one picture with square pixels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from livesim.values.results import Image, Result
from livesim_gui.state.time.ring import Shot


class Kind(Enum):
    """How a volume is looked at."""

    XY = "xy"
    """One plane."""
    XZ = "xz"
    YZ = "yz"
    BRIGHTEST = "max z"
    """The brightest of all planes, everywhere."""


AXES = {Kind.XZ: ("x", "z"), Kind.YZ: ("z", "y")}
"""What runs to the right and down in a cut."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What is asked for; never changed, replaced as a whole."""

    kind: Kind = Kind.XY
    at: tuple[float, float] | None = None
    """(x, y) in raw pixels through which it goes; None = the middle."""

    @property
    def next(self) -> Cut:
        """The next way to look at a volume, through the same place."""
        kinds = list(Kind)
        return replace(self, kind=kinds[(kinds.index(self.kind) + 1) % len(kinds)])

    @property
    def axes(self) -> tuple[str, str]:
        """What runs to the right and down."""
        return AXES.get(self.kind, ("x", "y"))


@dataclass(frozen=True, slots=True, eq=False)
class CutShot:
    """A result that shows a cut, and what is to be said of it."""

    shot: Shot
    words: str


class Cutting:
    """Cuts what is asked for, once for every volume; for one thread."""

    def __init__(self) -> None:
        self._of: tuple[object, ...] = ()
        self._made: CutShot | None = None

    def cut(
        self, shot: Shot, shots: Sequence[Shot], cut: Cut, z_step_raw: float | None
    ) -> CutShot | None:
        """Return the cut through the volume of a result; None for a plane, or where there is one.

        Parameters
        ----------
        shots
            All in memory, oldest first.
        z_step_raw
            Distance of two planes in raw pixels; None = nobody knows.
        """
        if cut.kind is Kind.XY:
            return None
        known = (shot, shots, cut, z_step_raw)
        if len(self._of) != len(known) or any(
            a is not b and a != b for a, b in zip(self._of, known, strict=True)
        ):
            self._of, self._made = known, _made(shot, shots, cut, z_step_raw)
        return self._made


def planes_of(shot: Shot, shots: Sequence[Shot]) -> tuple[Shot, ...]:
    """Return the planes of a result's volume that are in memory, in the order of z.

    While that fills, those of the last volume before it that was whole, or as whole as any.
    """
    at = shot.result.index
    found: dict[int, dict[int, Shot]] = {}
    for one in shots:
        index = one.result.index
        same_place = (index.position, index.channel) == (at.position, at.channel)
        if same_place and index.time <= at.time and not one.result.is_preview:
            found.setdefault(index.time, {})[index.z] = one
    if not found:
        return ()
    time = max(found, key=lambda time: (len(found[time]), time))
    return tuple(found[time][z] for z in sorted(found[time]))


def _made(shot: Shot, shots: Sequence[Shot], cut: Cut, z_step_raw: float | None) -> CutShot | None:
    planes = planes_of(shot, shots)
    if len(planes) < 2 or len({one.result.image.shape for one in planes}) > 1:
        return None
    results = [one.result for one in planes]
    rows, columns = results[0].widefield.shape
    place = cut.at or ((columns - 1) / 2, (rows - 1) / 2)
    deep = max(round(len(planes) * (z_step_raw or 1.0)), 1)

    def through(images: Sequence[Image]) -> Image:
        return _cut(images, cut.kind, place, columns, deep)

    result = _cut_of(results, through)
    return CutShot(replace(planes[-1], result=result), _words(results, cut, place, z_step_raw))


def _cut_of(results: Sequence[Result], through: Callable[[Sequence[Image]], Image]) -> Result:
    """Return the cuts through all that every plane has; plain where a network lacks some."""
    plain = [one.image if one.plain is None else one.plain for one in results]
    network = [one.network for one in results if one.network is not None]
    whole = all(one.plain is not None for one in results)
    return replace(
        results[len(results) // 2],
        image=through([one.image for one in results] if whole else plain),
        widefield=through([one.widefield for one in results]),
        plain=through(plain) if whole else None,
        step_one=None,
        network=through(network) if whole and len(network) == len(results) else None,
    )


def _cut(
    images: Sequence[Image], kind: Kind, place: tuple[float, float], columns: int, deep: int
) -> Image:
    """Return one picture of all planes [y, x], as many pixels for a raw one as they have.

    Parameters
    ----------
    columns
        Raw ones of a plane.
    deep
        Raw pixels along z of the whole stack.
    """
    if kind is Kind.BRIGHTEST:
        return np.asarray(np.fmax.reduce(list(images)), np.float32)
    per_raw = images[0].shape[1] // columns
    x, y = (round(one * per_raw) for one in place)
    # The nearest plane for every row: nothing between two planes is made up.
    nearest = (np.arange(deep * per_raw) + 0.5) * len(images) / (deep * per_raw)
    chosen = nearest.astype(int)
    if kind is Kind.XZ:
        row = min(max(y, 0), images[0].shape[0] - 1)
        return np.asarray(np.stack([image[row] for image in images])[chosen], np.float32)
    column = min(max(x, 0), images[0].shape[1] - 1)
    return np.ascontiguousarray(np.stack([image[:, column] for image in images])[chosen].T)


def _words(
    results: Sequence[Result], cut: Cut, place: tuple[float, float], z_step_raw: float | None
) -> str:
    part = results[0].volume
    of = len(results) if part is None else part.of
    there = f"{of} planes" if of == len(results) else f"{len(results)} of {of} planes"
    singly = ", each plane by itself" if part is None else ""
    if cut.kind is Kind.BRIGHTEST:
        return f"brightest along z, {there}{singly}"
    at = f"y {place[1]:.0f}" if cut.kind is Kind.XZ else f"x {place[0]:.0f}"
    scale = ", distance of the planes not known" if z_step_raw is None else ""
    return f"{cut.kind.value} through {at}, {there}{singly}{scale}"
