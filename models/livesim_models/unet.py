"""The U-Net: residual blocks on grids that get coarser and finer again, as it is trained and run.

Ronneberger et al., MICCAI 2015 (arXiv:1505.04597), with residual blocks in place of plain layers
and sums in place of joined channels. Coarse grids see far for little work.
"""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import pad, pixel_shuffle, pixel_unshuffle, relu

from livesim_models.network import Architecture, Count

_LIVE_MAPS = 5
"""Feature maps of the finest grid alive at once."""


class UNetArchitecture(Architecture):
    """Everything that decides the shapes of a U-Net's weights."""

    kind: Literal["unet"] = "unet"
    features: Annotated[tuple[Count, ...], Field(min_length=1)] = (32, 64, 96)
    """Of every grid, the finest first; each next one has half the pixels along a side."""
    blocks: Annotated[tuple[Count, ...], Field(min_length=1)] = (2, 2, 4)
    """On the way down, of every grid; but for the coarsest as many again on the way up."""
    space_to_depth: Annotated[int, Field(ge=1, le=4)] = 2
    """Side of the square of pixels that becomes channels at the entrance."""

    @property
    def overlap(self) -> int:
        """Pixels that neighbouring tiles share: twice as many, since coarse grids see far."""
        return 64

    @property
    def live_values(self) -> float:
        """Numbers that are in memory at once for every pixel of an image [y, x]."""
        return _LIVE_MAPS * self.features[0] / self.space_to_depth**2

    @property
    def multiple(self) -> int:
        """Pixels of which an image's sides have to be a multiple."""
        return self.space_to_depth * 2 ** (len(self.features) - 1)


class UNet(nn.Module):
    """Residual U-Net.

    Where inputs and outputs are as many, it returns input + change, and an untrained one changes
    nothing.
    """

    def __init__(self, architecture: UNetArchitecture) -> None:
        super().__init__()
        a = self.architecture = architecture
        cell = a.space_to_depth**2
        self.head = nn.Conv2d(a.inputs * cell, a.features[0], 3, padding=1)
        self.down = nn.ModuleList(_blocks(*own) for own in zip(a.features, a.blocks, strict=True))
        self.up = nn.ModuleList(
            _blocks(*own) for own in zip(a.features[:-1], a.blocks[:-1], strict=True)
        )
        pairs = list(zip(a.features[:-1], a.features[1:], strict=True))
        self.coarser = nn.ModuleList(nn.Conv2d(4 * fine, coarse, 1) for fine, coarse in pairs)
        self.finer = nn.ModuleList(nn.Conv2d(coarse, 4 * fine, 1) for fine, coarse in pairs)
        self.tail = nn.Conv2d(a.features[0], a.outputs * cell, 3, padding=1)
        nn.init.zeros_(self.tail.weight)
        nn.init.zeros_(self.tail.bias)  # type: ignore[arg-type]
        self.arrange()

    def arrange(self) -> None:
        """Lay the weights out with the channels last, as convolutions work."""
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, image: Tensor) -> Tensor:
        """Return the restored image, [batch, output, y, x], for [batch, input, y, x].

        Sides that the grids cannot divide are continued by their last pixels.
        """
        change = self.change(image)
        return image + change if self.architecture.adds else change

    def change(self, image: Tensor) -> Tensor:
        """Return what is added to the image or, with other outputs than inputs, stands alone."""
        (rows, columns), multiple = image.shape[-2:], self.architecture.multiple
        missing = (0, -columns % multiple, 0, -rows % multiple)
        whole = pad(image, missing, mode="replicate") if any(missing) else image
        side = self.architecture.space_to_depth
        features = self.head(pixel_unshuffle(whole, side))
        changed = self.tail(features + self._from(0, features))
        return pixel_shuffle(changed, side)[..., :rows, :columns]

    def _from(self, level: int, features: Tensor) -> Tensor:
        """Return the features of a grid after it and all coarser ones."""
        fine: Tensor = self.down[level](features)
        if level == len(self.up):
            return fine
        coarse = self._from(level + 1, self.coarser[level](pixel_unshuffle(fine, 2)))
        changed: Tensor = self.up[level](fine + pixel_shuffle(self.finer[level](coarse), 2))
        return changed


class Block(nn.Module):
    """Two convolutions, added to what came in."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(features, features, 3, padding=1)
        self.second = nn.Conv2d(features, features, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        """Return the features changed, [batch, feature, y, x]."""
        changed: Tensor = features + self.second(relu(self.first(features), inplace=True))
        return changed


def _blocks(features: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(Block(features) for _ in range(count)))
