"""Measure how far a network's answers to a flipped stack differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

FLIPS = 8
"""Symmetries of the square."""
_SMOOTHING = 5
"""Pixels over which the light is averaged that a spread is held against."""

Flip = Callable[[Tensor], Tensor]


def flips(symmetry: int) -> tuple[Flip, Flip]:
    """Return one of the eight symmetries of the square, [..., y, x], and its inverse."""
    turns, mirrored = symmetry % 4, symmetry >= 4

    def there(image: Tensor) -> Tensor:
        turned = torch.rot90(image, turns, (-2, -1))
        return turned.flip(-1) if mirrored else turned

    def back(image: Tensor) -> Tensor:
        return torch.rot90(image.flip(-1) if mirrored else image, -turns, (-2, -1))

    return there, back


def ensemble(restore: Callable[[Flip, Flip], Tensor]) -> Iterator[Tensor]:
    """Yield what networks that see everything flipped make of one stack, flipped back.

    Parameters
    ----------
    restore
        Works with a flip in front of every network and its inverse behind it; the reconstruction
        between them sees the stack as it is, so every flip is one that the pattern allows.
    """
    for symmetry in range(FLIPS):
        yield restore(*flips(symmetry))


def spread_percent(images: list[Tensor], bright: float, dark: float) -> Tensor:
    """Return the standard deviation of images [2 y, 2 x], in % of the light there.

    Parameters
    ----------
    images
        Of the flips.
    bright, dark
        What counts as the brightest structures and as no light; fainter places than a third of the
        brightest are held against that.
    """
    stack = torch.stack(images)
    side = _SMOOTHING
    light = avg_pool2d(
        (stack.mean(dim=0) - dark)[None], side, 1, side // 2, count_include_pad=False
    )[0]
    return 100.0 * stack.std(dim=0) / light.clamp(min=(bright - dark) / 3.0)
