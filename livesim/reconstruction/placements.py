"""Place every part of a band in the half spectrum of the result."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.reconstruction.filters import Filters
from livesim.reconstruction.layout import Layout

ZERO_ORDER, BORDER = -1, -2
"""Spectra beside the bands: the zero order, and the smooth part of it that its borders cause."""


@dataclass(frozen=True, eq=False)
class Rectangle:
    """A part of a band's spectrum and where it belongs in the result's half spectrum."""

    source: tuple[slice, slice]
    """[x, y] in the band's spectrum."""
    target: tuple[slice, slice]
    """[x, y] in the result's half spectrum."""
    mirrored: bool
    """Whether the rectangle is conjugated and turned by 180 degrees."""
    gx: Tensor
    """[x, 1] whole-pixel indices of the target, 0 or more."""
    gy: Tensor
    """[1, y]"""
    shift: tuple[float, float]
    """(x, y) in cycles/µm: the object's frequency minus the band's, after mirroring."""


@dataclass(frozen=True, eq=False)
class Placement:
    """A rectangle of a band's spectrum and its place in the result's half spectrum, both [x, y]."""

    band: int
    """`ZERO_ORDER`, `BORDER` or the number of a band."""
    source: tuple[slice, slice]
    target: tuple[slice, slice]
    mirrored: bool
    """Whether the rectangle is conjugated and turned by 180 degrees."""
    weight: Tensor
    """[x, y, 2] for the real and imaginary part, in the target's orientation."""


def band_placements(layout: Layout, filters: Filters, number: int) -> list[Placement]:
    """Return where the parts of a band go: direct for gx >= 0, mirrored for gx <= 0."""
    band = filters.bands[number]
    placements = []
    for part in band_rectangles(layout, band.shift):
        weight = filters.at(band.weight, part.gx, part.gy, part.shift)
        pair = torch.stack([weight, -weight if part.mirrored else weight], dim=-1).float()
        placements.append(Placement(number, part.source, part.target, part.mirrored, pair))
    return placements


def band_rectangles(layout: Layout, shift: tuple[float, float]) -> list[Rectangle]:
    """Return the parts of a band's centred box: direct for gx >= 0, mirrored for gx <= 0."""
    (whole_x, whole_y), _ = layout.split(shift)
    left, right = whole_x - layout.reach_x, whole_x + layout.reach_x
    low, high = whole_y - layout.reach_y, whole_y + layout.reach_y
    limit_y, limit_x = layout.shape[0] - 1, layout.shape[1] - 1
    rectangles = []
    for mirrored in (False, True):
        x_range = (
            (max(-right, 0), min(-left, limit_x))
            if mirrored
            else (max(left, 0), min(right, limit_x))
        )
        y_range = (-high, -low) if mirrored else (low, high)
        for y0, y1 in _by_sign(y_range, limit_y):
            if x_range[0] > x_range[1]:
                continue
            gx = torch.arange(x_range[0], x_range[1] + 1)[:, None]
            gy = torch.arange(y0, y1 + 1)[None, :]
            sign = -1 if mirrored else 1
            start = y0 if y0 >= 0 else 2 * layout.shape[0] + y0
            rectangles.append(
                Rectangle(
                    source=(_source(x_range, left, mirrored), _source((y0, y1), low, mirrored)),
                    target=(slice(x_range[0], x_range[1] + 1), slice(start, start + gy.numel())),
                    mirrored=mirrored,
                    gx=gx,
                    gy=gy,
                    shift=(sign * shift[0], sign * shift[1]),
                )
            )
    return rectangles


def _by_sign(span: tuple[int, int], limit: int) -> list[tuple[int, int]]:
    """Split a range of indices, both ends included, into its negative and its other part."""
    low, high = max(span[0], -limit), min(span[1], limit)
    parts = [(low, min(high, -1)), (max(low, 0), high)]
    return [part for part in parts if part[0] <= part[1]]


def _source(span: tuple[int, int], corner: int, mirrored: bool) -> slice:
    """Return where the object's indices `span` lie in a box whose first index is `corner`."""
    low, high = (-span[1], -span[0]) if mirrored else span
    return slice(low - corner, high - corner + 1)


def zero_placements(layout: Layout, filters: Filters) -> list[Placement]:
    """Return where the zero order goes: filtered, but for its smooth part, only low-passed."""
    placements = []
    for part in zero_rectangles(layout):
        weight = filters.at(filters.zero_weight, part.gx, part.gy, part.shift)
        low_pass = filters.passed(part.gx, part.gy)
        for band, value in ((ZERO_ORDER, weight), (BORDER, low_pass - weight)):
            pair = torch.stack([value, value], dim=-1).float()
            placements.append(Placement(band, part.source, part.target, False, pair))
    return placements


def zero_rectangles(layout: Layout) -> list[Rectangle]:
    """Return the parts of the zero order's half spectrum that lie inside the OTF."""
    rows = layout.shape[0]
    columns = slice(0, layout.reach_x + 1)
    gx = torch.arange(layout.reach_x + 1)[:, None]
    rectangles = []
    for y0, y1 in _by_sign((-layout.reach_y, layout.reach_y), rows - 1):
        gy = torch.arange(y0, y1 + 1)[None, :]
        wrap = rows if y0 < 0 else 0
        source = (columns, slice(y0 + wrap, y1 + wrap + 1))
        target = (columns, slice(y0 + 2 * wrap, y1 + 2 * wrap + 1))
        rectangles.append(Rectangle(source, target, False, gx, gy, (0.0, 0.0)))
    return rectangles
