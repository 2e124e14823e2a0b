"""Scale photo-electrons to what a network works on, and back."""

from __future__ import annotations

import torch
from torch import Tensor

from livesim.values.pattern import Levels

LOW, HIGH = 0.02, 0.999
"""Quantiles of the widefield image that count as 0 and 1 (the MPhil report's percentiles)."""
_LEAST_RANGE = 1e-6


def stabilised(photons: Tensor, read_noise: Tensor | float) -> Tensor:
    """Return photo-electrons with noise of standard deviation 1 at every brightness.

    The generalised Anscombe transform (Starck, Murtagh, Bijaoui, Image Processing and Data
    Analysis, 1998, eq. 2.12) for a gain of 1; `read_noise` in electrons.
    """
    return 2.0 * (photons + 0.375 + read_noise**2).clamp(min=0.0).sqrt()


def unstabilised(values: Tensor, read_noise: Tensor | float) -> Tensor:
    """Return the photo-electrons whose `stabilised` value this is: its algebraic inverse.

    A network that was trained towards the stabilised mean needs no other: the bias of the
    transform's mean is a part of what it has learned.
    """
    return 0.25 * values.square() - 0.375 - read_noise**2


def in_range(stacks: Tensor) -> Tensor:
    """Return stacks [..., frame, y, x], each with its darkest pixel at 0, its brightest at 1."""
    low, high = torch.aminmax(stacks.flatten(-3), dim=-1)
    low, high = low[..., None, None, None], high[..., None, None, None]
    return (stacks - low) / (high - low).clamp(min=_LEAST_RANGE)


def levels_of(widefield: Tensor) -> Levels:
    """Return the levels of widefield images [..., y, x] in photo-electrons, over all of them."""
    flat = widefield.float().flatten()
    # quantile() takes no more than 2^24 values
    step = max(1, flat.numel() // 2**22)
    low, high = torch.quantile(flat[::step], flat.new_tensor([LOW, HIGH])).tolist()
    return Levels(low, max(high, low + 1e-3 * max(abs(low), 1.0)))
