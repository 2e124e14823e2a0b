"""Count the floating-point operations of a call, convolutions as direct ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode, conv_flop_count


def flops(work: Callable[[], object]) -> float:
    """Return the floating-point operations of the matrix products and convolutions in `work`."""
    with torch.inference_mode(), _counter() as counter:
        work()
    return float(counter.get_total_flops())


def _counter() -> FlopCounterMode:
    """Return torch's counter, which also counts oneDNN's own convolutions where they exist."""
    convolution = getattr(torch.ops.mkldnn, "_convolution_pointwise", None)
    own = {} if convolution is None else {convolution: _convolution_flops}
    return FlopCounterMode(display=False, custom_mapping=own)


def _convolution_flops(
    x_shape: list[int], w_shape: list[int], *_: Any, out_shape: list[int], **__: Any
) -> int:
    return conv_flop_count(x_shape, w_shape, out_shape)
