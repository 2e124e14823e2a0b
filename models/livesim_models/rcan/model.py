"""The RCAN: residual groups of blocks with channel attention, as it is trained.

Zhang et al., ECCV 2018 (arXiv:1807.02758), as the MPhil report uses it for denoising: without
upsampling, since input and output have the same size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import pad, pixel_shuffle, pixel_unshuffle, relu

from livesim_models.network import Architecture, Count

_LIVE_MAPS = 6
"""Feature maps alive at once: skips, block input, change, and what the convolution works in."""


class RcanArchitecture(Architecture):
    """Everything that decides the shapes of an RCAN's weights."""

    kind: Literal["rcan"] = "rcan"
    dimensions: Literal[2, 3] = 2
    groups: Count = 5
    blocks: Count = 3
    """In every group."""
    features: Count = 32
    reduction: Count = 8
    """Of the features inside the channel attention."""
    space_to_depth: Annotated[int, Field(ge=1, le=4)] = 1
    """Side of the square of pixels that becomes channels at the entrance."""

    @property
    def in_volumes(self) -> bool:
        """Whether its convolutions go along z too."""
        return self.dimensions == 3

    @property
    def live_values(self) -> float:
        """Numbers that are in memory at once for every pixel of an image [y, x]."""
        return _LIVE_MAPS * self.features / self.space_to_depth**2


class Rcan(nn.Module):
    """Residual channel attention network.

    Where inputs and outputs are as many, it returns input + change, and an untrained one changes
    nothing.
    """

    def __init__(self, architecture: RcanArchitecture) -> None:
        super().__init__()
        a = self.architecture = architecture
        cell = a.space_to_depth**a.dimensions
        self.head = _convolution(a, a.inputs * cell, a.features)
        self.body = nn.Sequential(*(Group(a) for _ in range(a.groups)))
        self.body_end = _convolution(a, a.features, a.features)
        self.tail = _convolution(a, a.features, a.outputs * cell)
        nn.init.zeros_(self.tail.weight)
        nn.init.zeros_(self.tail.bias)  # type: ignore[arg-type]
        self.arrange()

    def arrange(self) -> None:
        """Lay the weights out with the channels last, as convolutions work."""
        flat = self.architecture.dimensions == 2
        order = torch.channels_last if flat else torch.channels_last_3d
        self.to(memory_format=order)  # type: ignore[call-overload]

    def forward(self, image: Tensor) -> Tensor:
        """Return the restored image, [batch, output, (z,) y, x], for [batch, input, (z,) y, x].

        Sides that the space-to-depth front cannot divide are continued by their last pixels.
        """
        change = self.change(image)
        return image + change if self.architecture.adds else change

    def change(self, image: Tensor) -> Tensor:
        """Return what is added to the image or, with other outputs than inputs, stands alone."""
        side = self.architecture.space_to_depth
        features = self.head(to_cells(image, side))
        features = features + self.body_end(self.body(features))
        return to_pixels(self.tail(features), side, image.shape[2:])


class Group(nn.Module):
    """Blocks, a convolution, and a short skip around both."""

    def __init__(self, architecture: RcanArchitecture) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(Block(architecture) for _ in range(architecture.blocks)))
        self.end = _convolution(architecture, architecture.features, architecture.features)

    def forward(self, features: Tensor) -> Tensor:
        """Return the features changed, [batch, feature, (z,) y, x]."""
        return features + self.end(self.blocks(features))


class Block(nn.Module):
    """Two convolutions, weighed by channel, added to what came in."""

    def __init__(self, architecture: RcanArchitecture) -> None:
        super().__init__()
        features = architecture.features
        self.first = _convolution(architecture, features, features)
        self.second = _convolution(architecture, features, features)
        self.attention = ChannelAttention(architecture)

    def forward(self, features: Tensor) -> Tensor:
        """Return the features changed, [batch, feature, (z,) y, x]."""
        change = self.second(relu(self.first(features), inplace=True))
        changed: Tensor = self.attention(features, change)
        return changed


class ChannelAttention(nn.Module):
    """Adds a change, every channel of it weighed by the means of all (the paper's section 3.3)."""

    def __init__(self, architecture: RcanArchitecture) -> None:
        super().__init__()
        features = architecture.features
        narrow = max(1, features // architecture.reduction)
        self.squeeze = nn.Linear(features, narrow)
        self.excite = nn.Linear(narrow, features)

    def forward(self, features: Tensor, change: Tensor) -> Tensor:
        """Return features + weight x change, the weights, between 0 and 1, from the change."""
        means = change.flatten(2).mean(dim=2)
        weights = torch.sigmoid(self.excite(relu(self.squeeze(means)))).to(change.dtype)
        shape = (*weights.shape, *(1,) * (change.ndim - 2))
        return torch.addcmul(features, change, weights.reshape(shape))


def _convolution(
    architecture: RcanArchitecture, inputs: int, outputs: int
) -> nn.Conv2d | nn.Conv3d:
    kind = nn.Conv2d if architecture.dimensions == 2 else nn.Conv3d
    return kind(inputs, outputs, 3, padding=1)


def to_cells(image: Tensor, side: int) -> Tensor:
    """Turn squares or cubes of pixels into channels; where some lack pixels the last go on."""
    if side == 1:
        return image
    missing = [-length % side for length in reversed(image.shape[2:])]
    if any(missing):
        image = pad(image, [n for each in missing for n in (0, each)], mode="replicate")
    return _to_depth(image, side)


def to_pixels(cells: Tensor, side: int, size: Sequence[int]) -> Tensor:
    """Undo `to_cells` for an image whose sides were `size`."""
    if side == 1:
        return cells
    image = _to_space(cells, side)
    for axis, length in enumerate(size, start=2):
        image = image.narrow(axis, 0, length)
    return image


def _to_depth(image: Tensor, side: int) -> Tensor:
    if image.ndim == 4:
        return pixel_unshuffle(image, side)
    batch, channels, z, y, x = image.shape
    cells = image.reshape(batch, channels, z // side, side, y // side, side, x // side, side)
    return cells.permute(0, 1, 3, 5, 7, 2, 4, 6).reshape(
        batch, channels * side**3, z // side, y // side, x // side
    )


def _to_space(features: Tensor, side: int) -> Tensor:
    if features.ndim == 4:
        return pixel_shuffle(features, side)
    batch, channels, z, y, x = features.shape
    cells = features.reshape(batch, channels // side**3, side, side, side, z, y, x)
    return cells.permute(0, 1, 5, 2, 6, 3, 7, 4).reshape(
        batch, channels // side**3, z * side, y * side, x * side
    )
