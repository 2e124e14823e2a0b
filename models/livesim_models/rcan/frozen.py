"""Freeze a trained RCAN for inference in one precision.

What can be done once is done here: weights in their precision and layout, no autocast.
"""

from __future__ import annotations

import logging
import platform
from functools import cache
from importlib.util import find_spec

import torch

from livesim_models.converted import Converted
from livesim_models.rcan.model import ChannelAttention, Rcan, RcanArchitecture
from livesim_models.rcan.strips import StripRcan

_log = logging.getLogger("livesim.engine")

_STRIP_MACHINES = ("x86_64", "AMD64")
"""What `platform.machine()` says where oneDNN has fast convolutions of its own."""

_MOST_FUSED_FEATURES = 128
"""Every program of the kernel works out the attention itself: for more that costs too much."""


class InferenceRcan(Converted[Rcan]):
    """Runs the network's own layers, the channel attention in one kernel where that works."""

    def __init__(self, network: Rcan, dtype: torch.dtype) -> None:
        super().__init__(network, dtype)
        if _fuses(network, dtype):
            from livesim_models.rcan.fused import fuse

            fuse(self._network, network)


def frozen(network: Rcan, dtype: torch.dtype) -> InferenceRcan | StripRcan:
    """Return a copy for inference alone, in the cheapest form that its device has."""
    return (
        StripRcan(network, dtype) if _in_strips(network, dtype) else InferenceRcan(network, dtype)
    )


def _fuses(network: Rcan, dtype: torch.dtype) -> bool:
    """Return whether one kernel does the channel attention: on CUDA, where Triton works."""
    device, architecture = network.head.weight.device, network.architecture
    few = architecture.features <= _MOST_FUSED_FEATURES
    if device.type != "cuda" or not few or find_spec("triton") is None:
        return False
    return fusing_works(device, dtype, architecture.features, architecture.reduction)


@cache
def fusing_works(device: torch.device, dtype: torch.dtype, features: int, reduction: int) -> bool:
    """Return whether Triton's kernel gives what plain torch does; says once why not.

    Triton builds its launchers with a C compiler and Python's headers, which many machines lack.
    """
    sizes = RcanArchitecture(features=features, reduction=reduction)
    attention = ChannelAttention(sizes).to(device).requires_grad_(False)
    given, change = torch.rand(2, 1, features, 24, 24, device=device).to(dtype).unbind()
    try:
        from livesim_models.rcan.fused import FusedAttention

        found = FusedAttention(attention)(given, change).float()
        expected = attention(given.float(), change.float())
        wrong = float((found - expected).abs().max())
    except Exception as error:  # noqa: BLE001 - compilers fail in every way; plain torch is right
        why = str(error).strip().partition("\n")[0]
        _log.warning("networks run without their fused kernel on %s: %s", device, why or error)
        return False
    if not wrong <= 4.0 * torch.finfo(dtype).eps:
        _log.warning(
            "networks run without their fused kernel on %s: expected plain torch's numbers, found "
            "some off by %.2g",
            device,
            wrong,
        )
        return False
    return True


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
