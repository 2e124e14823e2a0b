"""Process raw stacks and images around a reconstruction as the MPhil report does.

Its section 2.3: before the reconstruction the frames of a raw stack are given one total intensity,
the lowest 10 % of its values are masked and subtracted as background, the brightest 0.1 % masked,
and what is left is scaled to 16 bits; after it negative values are clipped, and the image is scaled
likewise. Values are counts of no camera from there on, and every raw stack has a scale of its own.
Nothing here depends on a value: on a GPU it can be captured once and replayed.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

BACKGROUND, BRIGHTEST = 0.1, 0.999
"""Quantiles of the values of a raw stack."""
SIXTEEN_BITS = 65535.0
_TINY = 1e-12


def prepared(frames: Tensor) -> Tensor:
    """Return a raw stack [frame, y, x] as the report gives it to the reconstruction.

    Whole numbers from 0 to 65535, float32; a stack without any contrast is 0.
    """
    even = equalised(frames.float())
    ranked = even.flatten().sort().values
    low, high = _quantile(ranked, BACKGROUND), _quantile(ranked, BRIGHTEST)
    return _sixteen_bits(even.maximum(low).minimum(high))


def finished(image: Tensor) -> Tensor:
    """Return an image [y, x] as the report keeps it: whole numbers from 0 to 65535, float32."""
    return _sixteen_bits(image.clamp(min=0.0))


def equalised(frames: Tensor) -> Tensor:
    """Return frames [frame, y, x] of one total intensity; those without light stay as they are."""
    means = frames.mean(dim=(1, 2), keepdim=True)
    return frames * torch.where(means > 0.0, means.mean() / means, torch.ones_like(means))


def _quantile(ranked: Tensor, share: float) -> Tensor:
    """Return a quantile of sorted values, between neighbours linearly; torch's takes 16 million."""
    place = share * (len(ranked) - 1)
    below = math.floor(place)
    return ranked[below].lerp(ranked[min(below + 1, len(ranked) - 1)], place - below)


def _sixteen_bits(values: Tensor) -> Tensor:
    darkest, brightest = values.amin(), values.amax()
    return (SIXTEEN_BITS * (values - darkest) / (brightest - darkest).clamp(min=_TINY)).round()
