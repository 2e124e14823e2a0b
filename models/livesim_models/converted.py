"""Run a trained network in one precision: the plain form for inference, of every architecture."""

from __future__ import annotations

from copy import deepcopy
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from livesim_models.network import Residual

N = TypeVar("N", bound=Residual)


class Converted(nn.Module, Generic[N]):
    """Runs the network's own layers, converted to a precision and laid out once.

    It asks nothing of its device while it runs, so that a CUDA graph can capture it.
    """

    def __init__(self, network: N, dtype: torch.dtype) -> None:
        super().__init__()
        self.architecture = network.architecture
        self._dtype = dtype
        self._network = deepcopy(network).eval().requires_grad_(False)
        self.to(dtype)
        self._network.arrange()

    def forward(self, image: Tensor) -> Tensor:
        """Return the answer [batch, output, (z,) y, x] to [batch, input, (z,) y, x], in float32."""
        change = self._network.change(image.to(self._dtype)).float()
        return image + change if self.architecture.adds else change
