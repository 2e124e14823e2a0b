"""Put one lie into a good image, in a place drawn at random."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

MARGIN = 48
"""Pixels of the border in which nothing is changed."""
WIDTH = 8.0
"""Pixels (of the doubled grid) from the middle of a changed place to its edge."""
SHIFT = 3
"""Pixels by which structure is moved, in both directions."""

Place = tuple[int, int]


def erased(image: Tensor, random: np.random.Generator) -> Tensor:
    """Return the image with the structure in one place gone."""
    there = _window(image, _bright_place(image, random))
    return image * (1.0 - there) + _levels(image)[0] * there


def moved(image: Tensor, random: np.random.Generator) -> Tensor:
    """Return the image with the structure in one place moved by three pixels down and right."""
    there = _window(image, _bright_place(image, random))
    return image * (1.0 - there) + image.roll((SHIFT, SHIFT), (0, 1)) * there


def invented(image: Tensor, random: np.random.Generator) -> Tensor:
    """Return the image with a piece of filament beside a bright place, 40 pixels long."""
    row, column = _bright_place(image, random)
    turn = random.uniform(0.0, np.pi)
    y, x = _distances(image, (row, column))
    along, across = y * np.sin(turn) + x * np.cos(turn), x * np.sin(turn) - y * np.cos(turn)
    line = torch.exp(-((across + 12.0) ** 2) / (2.0 * 1.5**2)) * (along.abs() < 20.0)
    dark, bright = _levels(image)
    return image + 0.7 * (bright - dark) * line


LIES: dict[str, Callable[[Tensor, np.random.Generator], Tensor]] = {
    "erased": erased,
    "moved": moved,
    "invented": invented,
}


def _levels(image: Tensor) -> tuple[float, float]:
    low, high = torch.quantile(image.flatten(), torch.tensor([0.05, 0.98])).tolist()
    return low, high


def _bright_place(image: Tensor, random: np.random.Generator) -> Place:
    """Return a place of structure, drawn at random."""
    low, high = _levels(image)
    inner = image[MARGIN:-MARGIN, MARGIN:-MARGIN].numpy()
    places: NDArray[np.int64] = np.argwhere(inner > low + 0.6 * (high - low))
    if not len(places):
        places = np.argwhere(inner == inner.max())
    row, column = places[random.integers(len(places))]
    return int(row) + MARGIN, int(column) + MARGIN


def _distances(image: Tensor, place: Place) -> tuple[Tensor, Tensor]:
    y, x = (torch.arange(n, dtype=image.dtype) for n in image.shape)
    return y[:, None] - place[0], x[None] - place[1]


def _window(image: Tensor, place: Place) -> Tensor:
    """Return 1 in a place and 0 around it, with a smooth edge."""
    y, x = _distances(image, place)
    return torch.exp(-(((y * y + x * x) / (2.0 * WIDTH**2)) ** 2))
