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
    (whole_x, whole_y), _ = layout.split(band.shift)
    left, right = whole_x - layout.reach_x, whole_x + layout.reach_x
    low, high = whole_y - layout.reach_y, whole_y + layout.reach_y
    limit_y, limit_x = layout.shape[0] - 1, layout.shape[1] - 1
    placements = []
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
            placements.append(
                _placement(layout, filters, number, mirrored, x_range, (y0, y1), (left, low))
            )
    return placements


def _by_sign(span: tuple[int, int], limit: int) -> list[tuple[int, int]]:
    """Split a range of indices, both ends included, into its negative and its other part."""
    low, high = max(span[0], -limit), min(span[1], limit)
    parts = [(low, min(high, -1)), (max(low, 0), high)]
    return [part for part in parts if part[0] <= part[1]]


def _placement(
    layout: Layout,
    filters: Filters,
    number: int,
    mirrored: bool,
    x_range: tuple[int, int],
    y_range: tuple[int, int],
    corner: tuple[int, int],
) -> Placement:
    band = filters.bands[number]
    gx = torch.arange(x_range[0], x_range[1] + 1)[:, None]
    gy = torch.arange(y_range[0], y_range[1] + 1)[None, :]
    sign = -1 if mirrored else 1
    shift = (sign * band.shift[0], sign * band.shift[1])
    weight = filters.at(band.weight, gx, gy, shift)
    source_x = _source(x_range, corner[0], mirrored)
    source_y = _source(y_range, corner[1], mirrored)
    start = y_range[0] if y_range[0] >= 0 else 2 * layout.shape[0] + y_range[0]
    target = (slice(x_range[0], x_range[1] + 1), slice(start, start + gy.numel()))
    pair = torch.stack([weight, -weight if mirrored else weight], dim=-1)
    return Placement(number, (source_x, source_y), target, mirrored, pair.float())


def _source(span: tuple[int, int], corner: int, mirrored: bool) -> slice:
    """Return where the object's indices `span` lie in a box whose first index is `corner`."""
    low, high = (-span[1], -span[0]) if mirrored else span
    return slice(low - corner, high - corner + 1)


def zero_placements(layout: Layout, filters: Filters) -> list[Placement]:
    """Return where the zero order goes: filtered, but for its smooth part, only low-passed."""
    rows = layout.shape[0]
    columns = slice(0, layout.reach_x + 1)
    gx = torch.arange(layout.reach_x + 1)[:, None]
    placements = []
    for y0, y1 in _by_sign((-layout.reach_y, layout.reach_y), rows - 1):
        gy = torch.arange(y0, y1 + 1)[None, :]
        weight = filters.at(filters.zero_weight, gx, gy, (0.0, 0.0))
        wrap = rows if y0 < 0 else 0
        source = (columns, slice(y0 + wrap, y1 + wrap + 1))
        target = (columns, slice(y0 + 2 * wrap, y1 + 2 * wrap + 1))
        for band, value in ((ZERO_ORDER, weight), (BORDER, filters.passed(gx, gy) - weight)):
            pair = torch.stack([value, value], dim=-1)
            placements.append(Placement(band, source, target, False, pair.float()))
    return placements
