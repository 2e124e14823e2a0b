"""Filter the bands of a volume along z, one strip of the result's spectrum after the other.

What happens to a lateral frequency along z is real: its planes, continued by the bridge, are
transformed into cosines and sines around the middle of the stack, weighed, and summed over the
bands. As a product of small matrices the transform costs only the planes that there are and the
axial frequencies that a band holds; planes as far above the middle as below it are added and
subtracted first, which halves the matrices. A strip of rows stays in the cache until all bands are
in it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.reconstruction.volume.bridge import bridged
from livesim.reconstruction.volume.plan import VolumePlacement, VolumePlan

_NUMBERS = 1 << 18
"""Real numbers of a strip, about: half of what a core's own cache holds."""


def places_of(z: int, planes: int) -> slice:
    """Return where a plane lies in a folded stack: behind the first half its mirror images.

    These are the last plane, the last but one, ...; the one in the middle is its own, and is there
    twice.
    """
    pairs = pairs_of(planes)
    if z == planes - 1 - z:
        return slice(z, 2 * pairs, pairs)
    at = z if z < pairs else planes - 1 - z + pairs
    return slice(at, at + 1)


def pairs_of(planes: int) -> int:
    """Return how many planes half of a folded stack has."""
    return (planes + 1) // 2


@dataclass(frozen=True, slots=True, eq=False)
class _Term:
    """Weights of a part, and what they multiply; all [(cosine, sine), kz, y, x, (re, im)]."""

    target: Tensor
    deep: Tensor
    weight: Tensor
    sign: float


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """What one band adds to one strip."""

    band: int
    source: tuple[slice, slice]
    """[y, x] in the band's spectrum."""
    mirrored: bool
    sums: Tensor
    differences: Tensor
    """[z, y, x] complex, of planes as far above the middle as below it; memory of all parts."""
    planes: Tensor
    """[2, z, y x 2] both, as they meet the waves."""
    waves: Tensor
    """[(cosine, sine), kz, z]."""
    deep: Tensor
    """[(cosine, sine), kz, y x 2] what becomes of them."""
    terms: tuple[_Term, ...]

    def add(self, band: Tensor) -> None:
        """Add what the folded planes [z, y, x] of the band's spectrum hold here."""
        block = band[:, *self.source]
        first, last = (block.flip(1, 2) if self.mirrored else block).chunk(2)
        torch.add(first, last, out=self.sums)
        torch.sub(first, last, out=self.differences)
        torch.bmm(self.waves, self.planes, out=self.deep)
        for term in self.terms:
            term.target.addcmul_(term.deep, term.weight, value=term.sign)


class Strips:
    """The strips of the result's spectrum, which are made one by one; used by one thread."""

    def __init__(self, plan: VolumePlan) -> None:
        self._plan, self._half = plan, len(plan.depths) // 2 + 1
        height, on = 2 * plan.plane.shape[0], plan.device
        wanted = height if on.type != "cpu" else _NUMBERS // (4 * self._half * plan.columns)
        step = max(wanted, 1)
        self._sums = torch.zeros(2, self._half, step, plan.columns, 2, device=on)
        sizes = [one.even.shape[1:3] for one in plan.placements]
        most = max(min(step, rows) * columns for rows, columns in sizes)
        folded = 2 * pairs_of(plan.planes)
        self._planes = torch.empty(folded * most, dtype=torch.complex64, device=on)
        self._deep = torch.empty(2 * self._half * most * 2, device=on)
        self._waves = _waves(plan).to(on)
        starts = range(0, height, step)
        strips = ((first, min(first + step, height)) for first in starts)
        self._strips = [
            (slice(*strip), parts) for strip in strips if (parts := self._parts(*strip))
        ]

    def __call__(self, spectra: Mapping[int, Tensor]) -> Iterator[tuple[slice, Tensor]]:
        """Yield rows of the result's spectrum, and what they hold.

        That is [(cosine, sine), kz, y, x, (re, im)], memory that the next strip takes. All other
        rows hold nothing.

        Parameters
        ----------
        spectra
            Folded planes [z, y, x] of each band.
        """
        for rows, parts in self._strips:
            sums = self._sums[:, :, : rows.stop - rows.start]
            sums.zero_()
            for part in parts:
                part.add(spectra[part.band])
            yield rows, sums

    def _parts(self, first: int, end: int) -> list[_Part]:
        parts = (self._part(place, first, end) for place in self._plan.placements)
        return [part for part in parts if part is not None]

    def _part(self, place: VolumePlacement, first: int, end: int) -> _Part | None:
        """Return what a placement has in the rows of a strip, without what is zero."""
        left, top = (one.start for one in place.target)
        y0, y1 = max(top, first) - top, min(place.target[1].stop, end) - top
        held = [one for one in place.held[y0 : max(y1, 0)] if one[0]]
        if not held:
            return None
        kz = max(one[0] for one in held)
        x0, x1 = min(one[1] for one in held), max(one[2] for one in held)
        size = (y1 - y0, x1 - x0)
        at = (slice(top + y0 - first, top + y1 - first), slice(left + x0, left + x1))
        target, deep = self._sums[:, :kz, *at], _part_of(self._deep, 2, kz, *size, 2)
        terms = [_Term(target, deep, place.even[:kz, y0:y1, x0:x1], 1.0)]
        if place.odd is not None:
            odd = place.odd[:kz, y0:y1, x0:x1]
            terms += [_Term(target[0], deep[1], odd, -1.0), _Term(target[1], deep[0], odd, 1.0)]
        planes = _part_of(self._planes, 2, pairs_of(self._plan.planes), *size)
        sums, differences = planes
        source_x, source_y = place.source
        rows, columns = place.even.shape[1:3]
        source = (
            _cut(source_y, (y0, y1), rows, mirrored=place.mirrored),
            _cut(source_x, (x0, x1), columns, mirrored=place.mirrored),
        )
        return _Part(
            place.band,
            source,
            place.mirrored,
            sums,
            differences,
            torch.view_as_real(planes).flatten(2),
            self._waves[:, :kz],
            deep.flatten(2),
            tuple(terms),
        )


def _part_of(memory: Tensor, *size: int) -> Tensor:
    return memory[: math.prod(size)].view(size)


def _cut(source: slice, span: tuple[int, int], count: int, *, mirrored: bool) -> slice:
    """Return where a span of a placement lies in its source."""
    low, high = (count - span[1], count - span[0]) if mirrored else span
    return slice(source.start + low, source.start + high)


def turns_of(plan: VolumePlan) -> Tensor:
    """Return the angles [kz, place] of the waves around the middle of the stack and its bridge."""
    count = plan.planes + plan.bridge
    from_middle = torch.arange(count).double() - (plan.planes - 1) / 2.0
    depths = plan.depths[: len(plan.depths) // 2 + 1, None].cpu()
    return 2.0 * math.pi / count * depths * from_middle


def _waves(plan: VolumePlan) -> Tensor:
    """Return cosines that sums of planes meet, and sines that differences do, [2, kz, z].

    The bridge is as symmetric as the stack is.
    """
    pairs, turns = pairs_of(plan.planes), turns_of(plan)
    each = torch.eye(plan.planes, dtype=torch.float64)
    whole = torch.cat((each, bridged(each, plan.bridge)))
    waves = torch.stack((torch.cos(turns), torch.sin(turns))) @ whole
    if plan.planes % 2:  # the one in the middle is its own pair
        waves[..., pairs - 1] *= 0.5
    return waves[..., :pairs].float().contiguous()
