"""The fused attention without a GPU; prints JSON: `python -m tests.doubles.interpreted_attention`.

With TRITON_INTERPRET=1: how far it lies from plain torch. Without: the bytes that it compiles to.
"""

from __future__ import annotations

import json

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from livesim_models.rcan import fused as fused_attention
from livesim_models.rcan.frozen import InferenceRcan, fusing_works
from livesim_models.rcan.fused import FusedAttention, fuse
from livesim_models.rcan.model import ChannelAttention, Rcan, RcanArchitecture

SHAPES = [(2, 32, 9, 70), (1, 5, 3, 4), (1, 64, 40, 33), (2, 8, 3, 5, 6)]
NAMES = {"*fp32": torch.float32, "*bf16": torch.bfloat16, "*fp16": torch.float16}
H100 = GPUTarget("cuda", 90, 32)


def difference(shape: tuple[int, ...], dtype: torch.dtype) -> float:
    """Return the largest difference to plain torch in float32, in last places of the precision."""
    attention = ChannelAttention(RcanArchitecture(features=shape[1])).requires_grad_(False)
    order = torch.channels_last if len(shape) == 4 else torch.channels_last_3d
    features, change = (torch.randn(shape).to(dtype).to(memory_format=order) for _ in range(2))
    exact = attention(features.float(), change.float())
    found = FusedAttention(attention)(features, change)
    assert found.dtype == dtype
    last_place = torch.finfo(dtype).eps * exact.abs().clamp(min=1.0)
    return float(((found.float() - exact).abs() / last_place).max())


def network_difference() -> float:
    """Return how far a whole network with it lies from one without."""
    network = Rcan(RcanArchitecture(groups=2, blocks=2, features=8)).requires_grad_(False)
    torch.nn.init.normal_(network.tail.weight, std=0.1)
    image, plain = torch.rand(2, 1, 12, 17), InferenceRcan(network, torch.float32)
    before = plain(image)
    fuse(plain._network, network)
    after = plain(image)
    return float((after - before).abs().max())


def code_bytes(name: str) -> int:
    """Return the size of the machine code for an H100."""
    tensors = {"features": name, "change": name, "found": name}
    kernel = fused_attention._change
    types = dict.fromkeys(kernel.arg_names, "*fp32") | tensors
    types |= dict.fromkeys(("pixels", "channels", "narrow"), "i32")
    sizes = {"PIXELS": 256, "CHANNELS": 32, "NARROW": 4}
    types |= dict.fromkeys(sizes, "constexpr")
    made = triton.compile(ASTSource(kernel, types, sizes), target=H100)
    return len(made.asm["cubin"])


def main() -> None:
    """Print what can be found out in this mode."""
    torch.manual_seed(0)
    if triton.knobs.runtime.interpret:
        found = {str(t): max(difference(s, t) for s in SHAPES) for t in NAMES.values()}
        works = fusing_works(torch.device("cpu"), torch.float32, 32, 8)
        print(json.dumps(found | {"network": network_difference(), "works": works}))
    else:
        print(json.dumps({name: code_bytes(name) for name in NAMES}))


if __name__ == "__main__":
    main()
