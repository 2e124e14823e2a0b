"""Freeze a trained RCAN for inference in one precision.

What can be done once is done here: weights in their precision and layout, no autocast.
"""

from __future__ import annotations

import platform
from copy import deepcopy
from importlib.util import find_spec

import torch
from torch import Tensor, nn

from livesim_models.rcan.model import Rcan
from livesim_models.rcan.strips import StripRcan

_STRIP_MACHINES = ("x86_64", "AMD64")
"""What `platform.machine()` says where oneDNN has fast convolutions of its own."""

_MOST_FUSED_FEATURES = 128
"""Every program of the kernel works out the attention itself: for more that costs too much."""


class InferenceRcan(nn.Module):
    """Runs the network's own layers, converted to a precision and laid out once.

    It asks nothing of its device while it runs, so that a CUDA graph can capture it.
    """

    def __init__(self, network: Rcan, dtype: torch.dtype) -> None:
        super().__init__()
        self.architecture = network.architecture
        self._dtype = dtype
        self._network = deepcopy(network).eval().requires_grad_(False).to(dtype)
        self._network.arrange()
        if _fuses(network):
            from livesim_models.rcan.fused import fuse

            fuse(self._network, network)

    def forward(self, image: Tensor) -> Tensor:
        """Return the answer [batch, output, (z,) y, x] to [batch, input, (z,) y, x], in float32."""
        change = self._network.change(image.to(self._dtype)).float()
        return image + change if self.architecture.adds else change


def frozen(network: Rcan, dtype: torch.dtype) -> InferenceRcan | StripRcan:
    """Return a copy for inference alone, in the cheapest form that its device has."""
    return (
        StripRcan(network, dtype) if _in_strips(network, dtype) else InferenceRcan(network, dtype)
    )


def _fuses(network: Rcan) -> bool:
    """Return whether one kernel does the channel attention: on CUDA, where Triton is installed."""
    on_gpu = network.head.weight.device.type == "cuda"
    few = network.architecture.features <= _MOST_FUSED_FEATURES
    return on_gpu and few and find_spec("triton") is not None


def _in_strips(network: Rcan, dtype: torch.dtype) -> bool:
    """Return whether the processor has fast convolutions for this network's strips."""
    on_cpu = network.head.weight.device.type == "cpu"
    return on_cpu and platform.machine() in _STRIP_MACHINES and dtype in fast_dtypes()


def fast_dtypes() -> tuple[torch.dtype, ...]:
    """Return the precisions that `StripRcan` works in here."""
    if not torch.backends.mkldnn.is_available() or not hasattr(
        torch.ops.mkldnn, "_convolution_pointwise"
    ):
        return ()
    return (torch.float32, *((torch.bfloat16,) if torch.cpu._is_avx512_bf16_supported() else ()))
