"""Run a network on fields of any size: whole where memory allows, else in tiles."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor, nn

from livesim_models.network import Network
from livesim_models.precision import Precision, true_float32
from livesim_models.registry import freeze

_MOST_BYTES = 4 * 2**30
"""For feature maps on a CPU."""
_GPU_SHARE = 4
"""Of the memory that is free on a GPU: what a network is tried in before it is captured stays
taken, the captured one has as much again, and so has a review in its own queue."""


class FieldRunner(nn.Module):
    """Runs a network on whole fields, or on overlapping tiles that are blended at their borders.

    Parameters
    ----------
    network
        As trained; it is frozen as it is now.
    precision
        In which the network computes; what comes out is float32.
    tile
        Side of a tile in pixels; None = as large as memory allows.

    Raises
    ------
    ValueError
        If a tile is not longer than twice the overlap.
    """

    def __init__(
        self,
        network: Network,
        precision: Precision = "float32",
        tile: int | None = None,
    ) -> None:
        super().__init__()
        architecture = network.architecture
        overlap = architecture.overlap
        if tile is not None and tile <= 2 * overlap:
            raise ValueError(f"expected a tile above {2 * overlap} pixels, found {tile}")
        self._dtype = getattr(torch, precision)
        self._outputs, self._pixel_values = architecture.outputs, architecture.live_values
        self.network = freeze(network, self._dtype)
        self._tile, self._overlap = tile, overlap
        self._found: dict[tuple[torch.Size, torch.device], _Tiles | None] = {}

    @torch.inference_mode()
    def forward(self, image: Tensor) -> Tensor:
        """Return the network's answer [batch, output, (z,) y, x] to [batch, input, (z,) y, x]."""
        tiles = self._tiles(image)
        exact = self._dtype == torch.float32
        with true_float32() if exact else nullcontext():
            if tiles is None:
                found: Tensor = self.network(image)
                return found
            return self._tiled(image, tiles)

    def _tiles(self, image: Tensor) -> _Tiles | None:
        """Return the tiles of images like this one, None for one tile.

        Found once: live and offline take the same, and a CUDA graph finds their weights in place.
        """
        key = (image.shape, image.device)
        if key not in self._found:
            (rows, columns), tile = image.shape[-2:], self._tile or self._affordable(image)
            whole = rows * columns <= tile * tile
            self._found[key] = None if whole else _Tiles.of(image, tile, self._overlap)
        return self._found[key]

    def _affordable(self, image: Tensor) -> int:
        """Return the side of the largest square that memory allows."""
        most = _MOST_BYTES
        if image.device.type == "cuda":
            most = torch.cuda.mem_get_info(image.device)[0] // _GPU_SHARE
        per_pixel = self._pixel_values * self._dtype.itemsize
        deep = len(image) * (image.shape[2] if image.ndim == 5 else 1)
        side = int((most / per_pixel / deep) ** 0.5)
        return max(side, 4 * self._overlap)

    def _tiled(self, image: Tensor, tiles: _Tiles) -> Tensor:
        found = image.new_zeros(len(image), self._outputs, *image.shape[2:])
        for y, x, weight in tiles.places:
            found[..., y, x] += weight * self.network(image[..., y, x].contiguous())
        return found / tiles.weights


@dataclass(frozen=True, slots=True, eq=False)
class _Tiles:
    """Where the tiles of a field lie, and how much of each counts."""

    places: tuple[tuple[slice, slice, Tensor], ...]
    """Rows, columns, and the weights [y, x] there."""
    weights: Tensor
    """[y, x] of all tiles together."""

    @classmethod
    def of(cls, image: Tensor, tile: int, overlap: int) -> _Tiles:
        """Return the tiles of images [..., y, x] of this size, where these are."""
        rows, columns = image.shape[-2:]
        places, weights = [], torch.zeros(rows, columns)
        for y, x in product(spans(rows, tile, overlap), spans(columns, tile, overlap)):
            weight = _ramp(y, rows, overlap)[:, None] * _ramp(x, columns, overlap)
            weights[y, x] += weight
            places.append((y, x, weight.to(image)))
        return cls(tuple(places), weights.to(image))


def spans(length: int, tile: int, overlap: int) -> Iterator[slice]:
    """Yield equal spans of at most `tile` that cover `length` and share at least `overlap`."""
    if length <= tile:
        yield slice(0, length)
        return
    count = -(-(length - overlap) // (tile - overlap))
    for number in range(count):
        start = round(number * (length - tile) / (count - 1))
        yield slice(start, start + tile)


def _ramp(span: slice, length: int, overlap: int) -> Tensor:
    """Return weights that rise inside a span's inner borders; the field's own borders count fully.

    The outer quarter of the overlap does not count: there a network sees the zeros around a tile.
    """
    place = torch.arange(span.stop - span.start, dtype=torch.float32) + 0.5
    margin, rise = overlap / 4.0, overlap / 2.0
    up = torch.ones_like(place) if span.start == 0 else (place - margin) / rise
    down = torch.ones_like(place) if span.stop == length else (len(place) - place - margin) / rise
    return torch.minimum(up, down).clamp(0.0, 1.0)
