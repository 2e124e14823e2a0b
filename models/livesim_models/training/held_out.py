"""Hold every fourth square of a field out of learning: half say when to stop, half the outcome."""

from __future__ import annotations

import torch
from torch import Tensor

from livesim_models.evaluation.similarity import BORDER

SQUARE = 24
"""Pixels of the doubled grid along a side."""
_INSET = 4
"""Of a held-out square: there its pixels share noise with those that are learned from."""
_FEWEST = 6
"""Squares that decide, from which on an uncertainty means something."""


def learned_mask(shape: tuple[int, int]) -> Tensor:
    """Return 1 where a network may learn from a field [2 y, 2 x], else 0.

    Raises
    ------
    ValueError
        If the field is too small to hold enough of it out.
    """
    rows, columns = _count(shape)
    if (rows // 2) * (columns // 2) < 2 * _FEWEST:
        least = SQUARE // 2 * 8 + BORDER
        raise ValueError(
            f"expected a field of about {least} x {least} raw pixels or more, of which some can be "
            f"held out, found {shape[0] // 2} x {shape[1] // 2}"
        )
    squares = torch.ones(rows, columns)
    squares[1::2, 1::2] = 0.0
    mask = torch.zeros(shape)
    inside = squares.repeat_interleave(SQUARE, 0).repeat_interleave(SQUARE, 1)
    mask[BORDER : BORDER + SQUARE * rows, BORDER : BORDER + SQUARE * columns] = inside
    return mask


def held_out_means(image: Tensor) -> tuple[Tensor, Tensor]:
    """Return the means of an image [2 y, 2 x] in the squares that are held out.

    Returns
    -------
    Those in the squares that say when to stop, and in those that say the outcome, [square] each.
    """
    rows, columns = _count((image.shape[0], image.shape[1]))
    inside = image[BORDER : BORDER + SQUARE * rows, BORDER : BORDER + SQUARE * columns]
    core = slice(_INSET, SQUARE - _INSET)
    squares = inside.reshape(rows, SQUARE, columns, SQUARE)[1::2, core, 1::2, core]
    means = squares.mean(dim=(1, 3))
    down = torch.arange(means.shape[0])[:, None] + torch.arange(means.shape[1])
    return means[down % 2 == 1], means[down % 2 == 0]


def _count(shape: tuple[int, int]) -> tuple[int, int]:
    """Return how many squares lie inside a field's borders, down and across."""
    return (shape[0] - 2 * BORDER) // SQUARE, (shape[1] - 2 * BORDER) // SQUARE
