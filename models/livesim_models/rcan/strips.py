"""Run a trained RCAN on a CPU strip by strip, so that it works in the cache.

What it saves against plain torch:

- Weights are converted, and laid out as oneDNN's convolutions read them, once.
- Every convolution takes a strip of rows (in 3D of planes) and leaves them in a feature map that is
  kept from call to call: what lies between fits the cache, and no memory has to be found for it.
- The first convolution of a block clips at zero itself.
- The channel attention reads no features. The mean over y, x of a convolution's output is that of
  its input, shifted by each of the weight's taps, times the weight; so the means come from the sums
  of the first convolution's output, taken while it is in the cache, and the attention scales the
  weight of the second one instead of the features. (Zhang et al., arXiv:1807.02758, section 3.3,
  in another order.)
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from livesim_models.rcan.maps import FeatureMap, FeatureMaps
from livesim_models.rcan.model import Block, Group, Rcan, to_cells, to_pixels

STRIP_BYTES = 8 * 2**20
"""Of features: little beside a cache, much beside what starting all threads costs."""

MOST_KEPT_BYTES = 2**30
"""Of maps for one field; larger ones are given back after every call."""


class StripRcan(nn.Module):
    """Runs on a CPU in float32 or bfloat16, with any number of threads; several may call it.

    Parameters
    ----------
    network
        Its weights are copied.
    dtype
        In which the features are kept and multiplied.
    strip_bytes
        About how many bytes of features are in a strip.
    """

    def __init__(self, network: Rcan, dtype: torch.dtype, strip_bytes: float = STRIP_BYTES) -> None:
        super().__init__()
        self.architecture = network.architecture
        self._dtype, self._strip_bytes = dtype, strip_bytes
        network = deepcopy(network).float().requires_grad_(False)
        self._head, self._body_end, self._tail = (
            Convolution.of(one, dtype) for one in (network.head, network.body_end, network.tail)
        )
        self._groups = [_Group(group, dtype) for group in network.body if isinstance(group, Group)]
        self._spare: list[FeatureMaps] = []

    @torch.inference_mode()
    def forward(self, image: Tensor) -> Tensor:
        """Return the answer [batch, output, (z,) y, x] to [batch, input, (z,) y, x], in float32."""
        change = torch.cat([self._change(one) for one in image.split(1)])
        return image + change if self.architecture.adds else change

    def _change(self, image: Tensor) -> Tensor:
        side = self.architecture.space_to_depth
        cells = to_cells(image, side)
        maps = self._maps(cells)
        maps.given.inside.copy_(cells)
        for strip in maps.strips:
            features = self._head(maps.given.around(strip))
            maps.outer.at(strip).copy_(features)
            maps.group.at(strip).copy_(features)
        for group in self._groups:
            group(maps)
        _add(maps.outer, self._body_end, maps.group, maps.strips)
        change = torch.cat([self._tail(maps.outer.around(one)) for one in maps.strips], dim=2)
        if maps.nbytes <= MOST_KEPT_BYTES:
            self._spare.append(maps)
        return to_pixels(change, side, image.shape[2:]).float()

    def _maps(self, cells: Tensor) -> FeatureMaps:
        """Return maps for these cells that no other thread works in: kept ones if they fit."""
        try:
            maps = self._spare.pop()
        except IndexError:
            return self._new(cells)
        return maps if maps.given.inside.shape == cells.shape else self._new(cells)

    def _new(self, cells: Tensor) -> FeatureMaps:
        features = self.architecture.features
        return FeatureMaps.of(cells, features, self._dtype, self._strip_bytes)


@dataclass(frozen=True, slots=True, eq=False)
class Convolution:
    """A convolution of strips that come with their neighbouring rows."""

    weight: Tensor
    """In oneDNN's own layout."""
    bias: Tensor

    @classmethod
    def of(cls, layer: nn.Conv2d | nn.Conv3d, dtype: torch.dtype) -> Convolution:
        """Return the convolution of a trained layer."""
        assert layer.bias is not None
        return cls.packed(layer.weight, layer.bias, dtype)

    @classmethod
    def packed(cls, weight: Tensor, bias: Tensor, dtype: torch.dtype) -> Convolution:
        """Return the convolution with weights [output, input, (z,) y, x] and bias [output]."""
        ones = [1] * (weight.ndim - 2)
        packed = torch.ops.mkldnn._reorder_convolution_weight(
            weight.to(dtype), [0, *ones[1:]], ones, ones, 1
        )
        return cls(packed, bias.to(dtype))

    def __call__(self, rows: Tensor, clip: str = "none") -> Tensor:
        """Return the rows between; `clip` "relu" sets what is negative to 0."""
        ones = [1] * (rows.ndim - 2)
        return torch.ops.mkldnn._convolution_pointwise(
            rows, self.weight, self.bias, [0, *ones[1:]], ones, ones, 1, clip, [], ""
        )


def _add(
    to: FeatureMap, convolution: Convolution, of: FeatureMap, strips: tuple[slice, ...]
) -> None:
    for strip in strips:
        to.at(strip).add_(convolution(of.around(strip)))


class _Group:
    """Runs a group in its map: blocks, a convolution, the short skip around both."""

    def __init__(self, group: Group, dtype: torch.dtype) -> None:
        self._blocks = [_Block(block, dtype) for block in group.blocks if isinstance(block, Block)]
        self._end = Convolution.of(group.end, dtype)

    def __call__(self, maps: FeatureMaps) -> None:
        given = maps.group
        for block in self._blocks:
            block(maps, given)
            given = maps.block
        _add(maps.group, self._end, given, maps.strips)


class _Block:
    """Writes into the blocks' map its input plus its change."""

    def __init__(self, block: Block, dtype: torch.dtype) -> None:
        self._first = Convolution.of(block.first, dtype)
        self._second = _Scaled(block, dtype)

    def __call__(self, maps: FeatureMaps, given: FeatureMap) -> None:
        lines = []
        for strip in maps.strips:
            features = self._first(given.around(strip), "relu")
            maps.middle.at(strip).copy_(features)
            lines.append(features[0].movedim(0, -1).sum(-2))
        middle = maps.middle.inside[0].movedim(0, -1)
        sums = sums_by_tap(torch.cat(lines).float(), middle)
        second = self._second(sums, middle[..., 0].numel())
        for strip in maps.strips:
            if given is not maps.block:
                maps.block.at(strip).copy_(given.at(strip))
            maps.block.at(strip).add_(second(maps.middle.around(strip)))


class _Scaled:
    """Scale a block's second convolution by the attention, from the sums of its input."""

    def __init__(self, block: Block, dtype: torch.dtype) -> None:
        self._dtype = dtype
        squeeze, excite = block.attention.squeeze, block.attention.excite
        assert block.second.bias is not None
        self._weight, self._bias = block.second.weight, block.second.bias
        # The mean of the output is the weight times the mean of the input under each of its taps.
        self._narrow = squeeze.weight @ self._weight.movedim(1, -1).flatten(1)
        self._narrow_bias = squeeze.weight @ self._bias + squeeze.bias
        self._wide, self._wide_bias = excite.weight, excite.bias

    def __call__(self, sums: Tensor, pixels: int) -> Convolution:
        narrow = torch.addmv(self._narrow_bias, self._narrow, sums.flatten(), alpha=1.0 / pixels)
        scale = torch.addmv(self._wide_bias, self._wide, narrow.relu()).sigmoid()
        shape = (-1, *[1] * (self._weight.ndim - 1))
        return Convolution.packed(
            self._weight * scale.reshape(shape), self._bias * scale, self._dtype
        )


def sums_by_tap(lines: Tensor, features: Tensor) -> Tensor:
    """Return the sums of features as the taps of a convolution, 3 x 3 (x 3), see them.

    A tap that looks one pixel ahead does not see the first one, one that looks back not the last.

    Parameters
    ----------
    lines
        The sums along x, [(z,) y, channel].
    features
        [(z,) y, x, channel], only the first and the last along x are read.

    Returns
    -------
    [(tap z,) tap y, tap x, channel].
    """
    first, last = features[..., 0, :], features[..., -1, :]
    sums = torch.stack([lines - last, lines, lines - first])
    for _ in range(features.ndim - 2):
        whole = sums.sum(-2)
        sums = torch.stack([whole - sums[..., -1, :], whole, whole - sums[..., 0, :]])
    return sums
