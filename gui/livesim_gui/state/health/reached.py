"""Measure the resolution that a stream reaches, from two results after one another.

Two results after one another hold the same object and independent noise, so they agree, ring by
ring in frequency, as far as there is signal. A single image does not tell: the noise of a
reconstruction ends where its signal does. Behind networks even two do not tell, so what is compared
is the plain image, which is without them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from livesim.images.resolution import BORDER, ring_resolution_nm
from livesim.values.results import Image
from livesim_gui.state.picture.spectrum import middle
from livesim_gui.state.picture.stages import PLAIN, Stage, stages_of
from livesim_gui.state.time.ring import Shot

EVERY_S = 2.0
"""From one measurement to the next."""

Origin = tuple[str, int]
"""Stream and channel."""


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Two images of the same place, one after the other."""

    origin: Origin
    newer: Image
    older: Image
    pixel_nm: float
    """Of the images."""


class Reached:
    """Says when the resolution is to be measured again, and keeps what was measured."""

    def __init__(self) -> None:
        self._nm: float | None = None
        self._origin: Origin | None = None
        self._number: int | None = None
        self._begun_s = -math.inf

    def next(
        self,
        shot: Shot,
        shots: Sequence[Shot],
        pixel_nm: float | None,
        now_s: float,
        apart_s: float = 0.0,
    ) -> Pair | None:
        """Return what is to be measured now; None where it is too early, or there is nothing new.

        Parameters
        ----------
        shot
            The result that is shown.
        shots
            All in memory, oldest first.
        pixel_nm
            Of the raw frames.
        apart_s
            Time over which the frames of one result are taken: those that are nearer share frames,
            and with them noise.
        """
        if now_s - self._begun_s < EVERY_S or shot.number == self._number:
            return None
        pair = pair_of(shot, shots, pixel_nm, apart_s)
        self._begun_s, self._number = now_s, shot.number
        if pair is None:
            self._nm = None
        return pair

    def take(self, pair: Pair, nm: float | None) -> None:
        """Keep what was measured."""
        self._origin, self._nm = pair.origin, nm

    def nm_of(self, shot: Shot | None) -> float | None:
        """Return what the stream and channel of a result reach; None where it is not known."""
        return None if shot is None or _origin(shot) != self._origin else self._nm


def pair_of(
    shot: Shot, shots: Sequence[Shot], pixel_nm: float | None, apart_s: float = 0.0
) -> Pair | None:
    """Return a result and the last one before it of the same place; None where there is none."""
    at = shot.result.index
    before = (
        one
        for one in reversed(shots)
        if one.number < shot.number
        and one.result.stream == shot.result.stream
        and replace(at, time=one.result.index.time) == one.result.index
        and _is_measured(one)
        and shot.moment_s - one.moment_s >= apart_s
    )
    other = next(before, None)
    if other is None or pixel_nm is None or not _is_measured(shot):
        return None
    newer, older = (stages_of(one.result)[PLAIN] for one in (shot, other))
    return Pair(_origin(shot), newer.image, older.image, _pixel_nm(newer, pixel_nm))


def _is_measured(shot: Shot) -> bool:
    """Return whether a result has a plain reconstruction: neither a mean, nor a preview."""
    return not (shot.result.searching or shot.result.is_preview)


def reached_nm(pair: Pair) -> float | None:
    """Return the period in nm up to which two images agree; None where they do not tell.

    Compares the middle of the field.
    """
    newer, older = middle(pair.newer), middle(pair.older)
    if newer.shape != older.shape or np.array_equal(newer, older):  # the same frames once more
        return None
    if not (np.isfinite(newer).all() and np.isfinite(older).all()):
        return None
    try:
        found = ring_resolution_nm(newer, older, pair.pixel_nm, border=BORDER)
    except ValueError:  # too small
        return None
    return found if math.isfinite(found) else None


def _origin(shot: Shot) -> Origin:
    return shot.result.stream, shot.channel


def _pixel_nm(stage: Stage, raw_nm: float) -> float:
    return stage.step * raw_nm
