"""Apply the channel attention of a block in one CUDA kernel.

For CUDA, where plain torch starts seven kernels for it. It was held against plain torch in Triton's
interpreter, and compiled for an H100; on a GPU it never ran, and so it was never timed.
"""

from __future__ import annotations

from copy import deepcopy

import torch
import triton
import triton.language as tl
from torch import Tensor, nn

from livesim_models.rcan.model import Block, ChannelAttention, Rcan

_PROGRAM_VALUES = 8192
"""Features that one program changes."""


class FusedAttention(nn.Module):
    """Stands in for a `ChannelAttention` where nothing is trained.

    Its weights stay in float32, whatever the features are in.
    """

    def __init__(self, attention: ChannelAttention) -> None:
        super().__init__()
        own = deepcopy(attention).requires_grad_(False).float()
        self.squeeze, self.excite = own.squeeze, own.excite

    def forward(self, features: Tensor, change: Tensor) -> Tensor:
        """Return features + weight x change, [batch, feature, (z,) y, x]; channels last."""
        order = torch.channels_last if features.ndim == 4 else torch.channels_last_3d
        features, change = (one.contiguous(memory_format=order) for one in (features, change))
        found = torch.empty_like(features)
        means = change.flatten(2).mean(dim=2, dtype=torch.float32)
        batch, channels = means.shape
        pixels = features[0, 0].numel()
        narrow = len(self.squeeze.bias)
        wide = triton.next_power_of_2(channels)
        block = max(1, _PROGRAM_VALUES // wide)
        with torch.cuda.device_of(features):
            _change[(triton.cdiv(pixels, block), batch)](
                features,
                change,
                means,
                self.squeeze.weight,
                self.squeeze.bias,
                self.excite.weight,
                self.excite.bias,
                found,
                pixels,
                channels,
                narrow,
                PIXELS=block,
                CHANNELS=wide,
                NARROW=triton.next_power_of_2(narrow),
            )
        return found


def fuse(network: Rcan, trained: Rcan) -> None:
    """Let the attention of a trained network stand in for that of its converted copy."""
    pairs = zip(_blocks(network), _blocks(trained), strict=True)
    for block, as_trained in list(pairs):
        block.add_module("attention", FusedAttention(as_trained.attention))


def _blocks(network: Rcan) -> list[Block]:
    return [module for module in network.modules() if isinstance(module, Block)]


@triton.jit  # type: ignore[untyped-decorator]
def _change(  # type: ignore[no-untyped-def]
    features,
    change,
    means,
    squeeze,
    squeeze_bias,
    excite,
    excite_bias,
    found,
    pixels,
    channels,
    narrow,
    PIXELS: tl.constexpr,
    CHANNELS: tl.constexpr,
    NARROW: tl.constexpr,
):
    """Write features + sigmoid(excite(relu(squeeze(means)))) x change, some pixels of one item."""
    item = tl.program_id(1).to(tl.int64)
    channel, unit = tl.arange(0, CHANNELS), tl.arange(0, NARROW)
    is_channel, is_unit = channel < channels, unit < narrow
    mean = tl.load(means + item * channels + channel, mask=is_channel, other=0.0)
    down = tl.load(
        squeeze + unit[:, None] * channels + channel[None, :],
        mask=is_unit[:, None] & is_channel[None, :],
        other=0.0,
    )
    up = tl.load(
        excite + channel[:, None] * narrow + unit[None, :],
        mask=is_channel[:, None] & is_unit[None, :],
        other=0.0,
    )
    hidden = tl.sum(down * mean[None, :], axis=1)
    hidden = tl.maximum(hidden + tl.load(squeeze_bias + unit, mask=is_unit, other=0.0), 0.0)
    raised = tl.sum(up * hidden[None, :], axis=1)
    raised += tl.load(excite_bias + channel, mask=is_channel, other=0.0)
    weight = 1.0 / (1.0 + tl.exp(-raised))
    pixel = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    place = (item * pixels + pixel[:, None]) * channels + channel[None, :]
    inside = (pixel < pixels)[:, None] & is_channel[None, :]
    before = tl.load(features + place, mask=inside, other=0.0).to(tl.float32)
    by = tl.load(change + place, mask=inside, other=0.0).to(tl.float32)
    after = before + weight[None, :] * by
    tl.store(found + place, after.to(found.dtype.element_ty), mask=inside)
