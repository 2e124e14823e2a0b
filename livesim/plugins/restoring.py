"""Restore the raw stacks of a layer one after the other, so that a viewer can show and stop it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livesim.api.arrays import RawStacks
from livesim.api.calibrate import calibrate
from livesim.api.restore import Restorer
from livesim.io.pattern_file import read_pattern
from livesim.plugins.raw import Raw
from livesim.values.errors import DataError
from livesim.values.pattern import Pattern

Image = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """One raw stack is restored."""

    place: tuple[int, ...]
    """Along the leading axes."""
    image: Image
    """[2 y, 2 x]."""
    error: Image | None
    """[2 y, 2 x] its standard deviation, if it was asked for and can be measured."""
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where the results of a layer lie in it, axis by axis of a viewer's."""

    shape: tuple[int, ...]
    scale: tuple[float, ...]
    translate: tuple[float, ...]


class Restoring:
    """Restores the raw stacks of a layer; how many, and where they lie, is known before.

    Parameters
    ----------
    raw
        What to restore.
    steps
        As `livesim.restore`; None = those that the settings name.
    error
        Whether the standard deviation of every pixel is wanted as well.

    Raises
    ------
    DataError
        If these are no whole raw stacks.
    """

    def __init__(self, raw: Raw, steps: str | None = None, *, error: bool = False) -> None:
        self._raw, self._steps, self._error = raw, steps, error
        self._stacks = stacks = RawStacks(raw.stacks, raw.settings.pattern)
        self.leading = stacks.leading if raw.leading is None else raw.leading
        """Length of each axis in front of the results."""
        everywhere = np.argwhere(np.ones(self.leading, bool))
        self._places = everywhere if raw.places is None else raw.places
        self._chosen: Sequence[int] = range(len(self._places))

    def __len__(self) -> int:
        return len(self._chosen)

    def choose(self, at: Sequence[float]) -> None:
        """Restore one raw stack only: that of a point in the layer's own pixels.

        Raises
        ------
        DataError
            If it is not whole.
        """
        before = self._before(at)
        limits = zip(before, self.leading, strict=True)
        place = tuple(min(max(round(one), 0), n - 1) for one, n in limits)
        self._chosen = [int(n) for n in np.flatnonzero((self._places == place).all(axis=1))]
        if not self._chosen:
            words = ", ".join(map(str, place))
            raise DataError(
                f"expected all frames of the raw stack at ({words}), found some missing"
            )

    def place(self, scale: Sequence[float], translate: Sequence[float]) -> Place:
        """Return where the results lie, [leading axes, 2 y, 2 x], in a layer that lies there.

        Of frames along axes of their own a result covers all: there it has one element, as wide
        as they are.
        """
        shape = [2 * n for n in self._stacks.frame_shape]
        fine = [one / 2 for one in scale[-2:]]
        if self._raw.leading is not None:
            outer = scale[-4:-2]
            return Place((*self.leading, *shape), (*outer, *fine), tuple(translate[-4:]))
        axes, inner = self._stacks.stack_axes, len(self._stacks.frames)
        counts = (inner,) if axes == 1 else (1, 1)
        lengths = self._raw.stacks.shape[-2 - axes : -2]
        outer, own = scale[: -2 - axes], scale[-2 - axes : -2]
        wide = [n // count for n, count in zip(lengths, counts, strict=True)]
        spread = [one * n for one, n in zip(own, wide, strict=True)]
        first = translate[-2 - axes : -2]
        middle = [t + one * (n - 1) / 2 for t, one, n in zip(first, own, wide, strict=True)]
        return Place(
            (*self._raw.stacks.shape[: -2 - axes], *counts, *shape),
            (*outer, *spread, *fine),
            (*translate[: -2 - axes], *middle, *translate[-2:]),
        )

    def __iter__(self) -> Iterator[Made]:
        """Yield the images as they are made; what is not whole is left out."""
        restorer = Restorer(self._raw.settings, self._pattern(), steps=self._steps)
        restorer.fit(self._stacks)
        for done, number in enumerate(self._chosen, 1):
            pixels = self._stacks[number].pixels
            made: Any = restorer(pixels, everything=self._error)
            image, error = (made.image, made.error) if self._error else (made, None)
            place = tuple(int(at) for at in self._places[number])
            yield Made(place, image, error, done, len(self))

    def _before(self, at: Sequence[float]) -> Sequence[float]:
        """Return a point's places along the leading axes."""
        if self._raw.leading is not None:
            return at[-4:-2]
        axes, inner = self._stacks.stack_axes, len(self._stacks.frames)
        outer = at[: -2 - axes]
        each = self._raw.stacks.shape[-3] // inner
        return outer if inner == 1 else (*outer, max(round(at[-3]), 0) // each)

    def _pattern(self) -> Pattern:
        if self._raw.pattern is not None:
            return read_pattern(self._raw.pattern)
        return calibrate(self._raw.stacks, self._raw.settings)
