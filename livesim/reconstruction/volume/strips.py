"""Filter the bands of a volume along z, one strip of the result's spectrum after the other.

What happens to a lateral frequency along z is real: its planes, continued by the bridge, are
transformed into cosines and sines, weighed, and summed over the bands. As a product of small
matrices the transform costs only the planes that there are and the axial frequencies that a band
holds, and a strip of rows stays in the cache until all bands are in it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.reconstruction.volume.bridge import bridged
from livesim.reconstruction.volume.plan import VolumePlacement, VolumePlan

_NUMBERS = 1 << 17
"""Real numbers of a strip, about: half of what a core's own cache holds."""


@dataclass(frozen=True, slots=True, eq=False)
class _Term:
    """Weights of a part, and what they multiply; all [kz, (cosine, sine), y, x, (re, im)]."""

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
    planes: Tensor
    """[z, y, x] complex; memory of all parts, as the next."""
    deep: Tensor
    """[kz x 2, y x 2 x]"""
    along_z: Tensor
    """[kz x 2, z]"""
    terms: tuple[_Term, ...]

    def add(self, band: Tensor) -> None:
        """Add what the planes [z, y, x] of the band's spectrum hold here."""
        block = band[:, *self.source]
        self.planes.copy_(block.flip(1, 2).conj() if self.mirrored else block)
        torch.mm(self.along_z, torch.view_as_real(self.planes).flatten(1), out=self.deep)
        for term in self.terms:
            term.target.addcmul_(term.deep, term.weight, value=term.sign)


class Strips:
    """The strips of the result's spectrum, which are made one by one; used by one thread."""

    def __init__(self, plan: VolumePlan) -> None:
        self._plan = plan
        rows = [row for one in plan.placements for row in (one.target[1].start, one.target[1].stop)]
        height = plan.plane.shape[0] * 2
        on, self._half = plan.device, len(plan.depths) // 2 + 1
        step = height if on.type != "cpu" else _NUMBERS // (4 * self._half * plan.columns)
        step = max(step, 1)
        self._sums = torch.zeros(self._half, 2, step, plan.columns, 2, device=on)
        widest = max(one.even.shape[2] for one in plan.placements)
        tallest = min(step, max(one.even.shape[1] for one in plan.placements))
        number = tallest * widest
        self._planes = torch.empty(plan.planes * number, dtype=torch.complex64, device=on)
        self._deep = torch.empty(2 * self._half * number * 2, device=on)
        self._along_z = _waves(plan).to(on)
        self._strips = []
        for first in range(0, height, step):
            strip = slice(first, min(first + step, height))
            parts = [
                part
                for place in plan.placements
                if (part := self._part(place, strip)) is not None
            ]
            if parts:
                self._strips.append((strip, parts))

    def __call__(self, spectra: Mapping[int, Tensor]) -> Iterator[tuple[slice, Tensor]]:
        """Yield rows of the result's spectrum, and the sums [kz, (cosine, sine), y, x, (re, im)].

        All others are zero. The sums are memory that the next strip takes.

        Parameters
        ----------
        spectra
            [z, y, x] of each band.
        """
        for rows, parts in self._strips:
            sums = self._sums[:, :, : rows.stop - rows.start]
            sums.zero_()
            for part in parts:
                part.add(spectra[part.band])
            yield rows, sums

    def _part(self, place: VolumePlacement, strip: slice) -> _Part | None:
        """Return what a placement has in a strip of rows, without what is zero."""
        (left, _), (top, bottom) = (
            (one.start, one.stop) for one in place.target
        )
        first, last = max(top, strip.start), min(bottom, strip.stop)
        held = [one for one in place.held[max(first - top, 0) : max(last - top, 0)] if one[0]]
        if not held:
            return None
        depths = max(one[0] for one in held)
        x0, x1 = min(one[1] for one in held), max(one[2] for one in held)
        y0, y1 = first - top, last - top
        size = (y1 - y0, x1 - x0)
        number = size[0] * size[1]
        planes = self._planes[: self._plan.planes * number].view(-1, *size)
        deep = self._deep[: 2 * depths * number * 2].view(2 * depths, -1)
        both = deep.view(depths, 2, *size, 2)
        target = self._sums[
            :depths, :, first - strip.start : last - strip.start, left + x0 : left + x1
        ]
        even = place.even[:depths, None, y0:y1, x0:x1]
        terms = [_Term(target, both, even, 1.0)]
        if place.odd is not None:
            odd = place.odd[:depths, y0:y1, x0:x1]
            terms.append(_Term(target[:, 0], both[:, 1], odd, -1.0))
            terms.append(_Term(target[:, 1], both[:, 0], odd, 1.0))
        source = place.source[1], place.source[0]
        shape = place.even.shape[1:3]
        spans = ((y0, y1), (x0, x1))
        cut = tuple(_within(*three, mirrored=place.mirrored) for three in zip(source, spans, shape))
        along_z = self._along_z[: 2 * depths]
        return _Part(place.band, cut, place.mirrored, planes, deep, along_z, tuple(terms))


def _within(source: slice, span: tuple[int, int], count: int, *, mirrored: bool) -> slice:
    low, high = (count - span[1], count - span[0]) if mirrored else span
    return slice(source.start + low, source.start + high)


def _waves(plan: VolumePlan) -> Tensor:
    """Return the cosines and sines [kz x 2, z] that bridged planes are transformed into."""
    each = torch.eye(plan.planes, dtype=torch.float64)
    whole = torch.cat((each, bridged(each[-1], each[0], plan.bridge)))
    turns = torch.arange(len(whole)) * plan.depths[: len(plan.depths) // 2 + 1, None].cpu()
    turns = 2.0 * math.pi / len(whole) * turns.double()
    pairs = torch.stack((torch.cos(turns), torch.sin(turns)), dim=1).flatten(0, 1)
    return (pairs @ whole).float()
