"""Keep the feature maps of a network for one size of field, and cut them into strips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class FeatureMap:
    """Features with a row (in 3D a plane) of zeros before the first and behind the last one."""

    whole: Tensor
    """[1, channel, (z,) y, x], channels last."""

    @classmethod
    def zeros(cls, channels: int, size: Sequence[int], dtype: torch.dtype) -> FeatureMap:
        """Return a map for features of a size, (z,) y, x."""
        order = torch.channels_last if len(size) == 2 else torch.channels_last_3d
        whole = torch.zeros(1, channels, size[0] + 2, *size[1:], dtype=dtype)
        return cls(whole.to(memory_format=order))

    @property
    def inside(self) -> Tensor:
        """The features without the zeros."""
        return self.whole[:, :, 1:-1]

    def at(self, strip: slice) -> Tensor:
        """Return a strip."""
        return self.whole[:, :, strip.start + 1 : strip.stop + 1]

    def around(self, strip: slice) -> Tensor:
        """Return a strip and a row more on both sides, as its convolution reads it."""
        return self.whole[:, :, strip.start : strip.stop + 2]


@dataclass(frozen=True, slots=True, eq=False)
class FeatureMaps:
    """All feature maps that a network keeps for one size of field."""

    strips: tuple[slice, ...]
    """Along y, in 3D along z."""
    given: FeatureMap
    """The cells."""
    outer: FeatureMap
    """The long skip."""
    group: FeatureMap
    """A group's short skip; its result at the end."""
    block: FeatureMap
    """What the blocks of a group have added up."""
    middle: FeatureMap
    """Between the two convolutions of a block."""

    @classmethod
    def of(
        cls, cells: Tensor, features: int, dtype: torch.dtype, strip_bytes: float
    ) -> FeatureMaps:
        """Return maps for cells [1, channel, (z,) y, x] and so many features."""
        size = cells.shape[2:]
        rows = strip_bytes / (features * size[1:].numel() * dtype.itemsize)
        own = (FeatureMap.zeros(features, size, dtype) for _ in range(4))
        return cls(_strips(size[0], rows), FeatureMap.zeros(cells.shape[1], size, dtype), *own)

    @property
    def nbytes(self) -> int:
        """Bytes that the maps occupy."""
        own = (self.given, self.outer, self.group, self.block, self.middle)
        return sum(one.whole.nbytes for one in own)


def _strips(length: int, rows: float) -> tuple[slice, ...]:
    """Return equal strips of about so many rows."""
    count = min(length, max(1, round(length / rows)))
    edges = [round(number * length / count) for number in range(count + 1)]
    return tuple(slice(a, b) for a, b in pairwise(edges))
