"""Find the raw stacks that a live run left without the image that is exported."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from livesim.commands.export.cut import Cut
from livesim.config.settings import SettingsError
from livesim.io.read.time_lapse import TimeLapse
from livesim.values.frames import StackIndex
from livesim.values.wording import count

HOW = "--restore makes them first, --skip-gaps leaves them out"
SKIPPED = "the live run skipped their raw stacks"
LEFT_OUT = "their raw stacks were not whole, or could not be read"
LEAVES_OUT = "--skip-gaps leaves their time points out"
Places = NDArray[np.bool_]
"""[position, time, channel, z]"""


@dataclass(frozen=True, slots=True, eq=False)
class Gaps:
    """The raw stacks of a recording, and which of them lack an image or their networks."""

    stacks: Places
    missing: Places
    """No image at all: the stack was skipped, or its image was lost on the way to the disk."""
    plain: Places
    """An image without networks, where others are with them."""
    live: bool = True
    """Whether a live run left them; if not, nothing can be restored."""

    @classmethod
    def of(cls, whole: TimeLapse, raw: TimeLapse | None) -> Gaps:
        """Compare results with the raw stacks beside them; without those, with a full grid."""
        full = np.ones(whole.layout.sizes, np.bool_)
        stacks, written, networked = _together(
            full if raw is None else raw.written,
            whole.written,
            whole.written if whole.networked is None else whole.networked,
        )
        return cls(stacks, stacks & ~written, stacks & written & ~networked)

    @classmethod
    def none(cls, whole: TimeLapse) -> Gaps:
        """Return no gaps: what is exported is made of the raw stacks themselves."""
        nothing = np.zeros_like(whole.written)
        return cls(whole.written, nothing, nothing)

    def with_empty(self, cuts: Sequence[Cut]) -> Gaps:
        """Return these and, of results that were restored, the images in cuts without a number.

        Every image is read.
        """
        missing = self.missing.copy()
        for index in (index for cut in cuts for index in _indices(cut)):
            if cuts[0].whole.image(index) is None:
                missing[index.position, index.time, index.channel, index.z] = True
        return replace(self, missing=missing, live=cuts[0].whole.moments_s is not None)

    def within(self, cut: Cut) -> tuple[StackIndex, ...]:
        """Return the gaps among the places of a cut, time by time."""
        return tuple(index for index in _indices(cut) if self._has(index))

    def words(self, cuts: Sequence[Cut]) -> Iterator[str]:
        """Yield what is to be said of the gaps in cuts; nothing where there are none."""
        places = [index for cut in cuts for index in _indices(cut)]
        missing = sum(_at(self.missing, index) for index in places)
        plain = sum(_at(self.plain, index) for index in places)
        of = f"of {count(len(places), 'image')}"
        if missing:
            why, how = (SKIPPED, HOW) if self.live else (LEFT_OUT, LEAVES_OUT)
            yield f"{missing} {of} are empty: {why}; {how}"
        if plain:
            yield f"{plain} {of} are plain: the networks did not come to their stacks; {HOW}"

    def skipped(self, cut: Cut) -> Cut:
        """Return a cut without the time points that have a gap.

        Raises
        ------
        SettingsError
            If none is left.
        """
        gaps = {index.time for index in self.within(cut)}
        kept = tuple(time for time in cut.times if time not in gaps)
        if not kept:
            raise SettingsError(
                "--skip-gaps: expected a time point without gaps, found none"
                + ("; --restore makes them" if self.live else "")
            )
        return replace(cut, times=kept)

    def _has(self, index: StackIndex) -> bool:
        return _at(self.missing, index) or _at(self.plain, index)


def timed_by(whole: TimeLapse, raw: TimeLapse | None) -> TimeLapse:
    """Return results with the times of all raw stacks, not of those alone that have a result."""
    if raw is None or raw.moments_s is None:
        return whole
    longest = max(whole.layout.time, raw.moments_s.shape[1])
    moments = np.full((raw.moments_s.shape[0], longest), np.nan)
    moments[:, : raw.moments_s.shape[1]] = raw.moments_s
    return replace(whole, moments_s=moments)


def extended(whole: TimeLapse, gaps: Gaps) -> TimeLapse:
    """Return results with room for the images of all raw stacks."""
    position, time, channel, z = gaps.stacks.shape
    sizes = {"position": position, "time": time, "channel": channel, "z": z}
    return replace(
        whole,
        layout=replace(whole.layout, **sizes),
        written=_together(gaps.stacks, whole.written)[1],
    )


def _indices(cut: Cut) -> Iterator[StackIndex]:
    for time in cut.times:
        for channel in cut.channels:
            for z in cut.zs:
                yield StackIndex(cut.position, time, channel, z)


def _at(places: Places, index: StackIndex) -> bool:
    place = (index.position, index.time, index.channel, index.z)
    inside = all(at < size for at, size in zip(place, places.shape, strict=True))
    return inside and bool(places[place])


def _together(*grids: Places) -> list[Places]:
    """Return grids of one size; a smaller one ends in False."""
    shape = tuple(np.max([grid.shape for grid in grids], axis=0))
    whole = []
    for grid in grids:
        one = np.zeros(shape, np.bool_)
        one[tuple(slice(size) for size in grid.shape)] = grid
        whole.append(one)
    return whole
