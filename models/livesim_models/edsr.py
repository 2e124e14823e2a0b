"""The EDSR: residual blocks one after the other and one long skip, as it is trained and run.

Lim et al., CVPR Workshops 2017 (arXiv:1707.02921), without upsampling: the baseline beside RCAN in
the ML-SIM paper's figure 7.
"""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import relu

from livesim_models.network import Architecture, Count

_LIVE_MAPS = 4
"""Feature maps alive at once."""


class EdsrArchitecture(Architecture):
    """Everything that decides the shapes of an EDSR's weights."""

    kind: Literal["edsr"] = "edsr"
    blocks: Count = 16
    features: Count = 32
    residual: Annotated[float, Field(gt=0, le=1)] = 1.0
    """By which every block's change is scaled; the paper takes 0.1 of 256 features."""

    @property
    def live_values(self) -> float:
        """Numbers that are in memory at once for every pixel of an image [y, x]."""
        return float(_LIVE_MAPS * self.features)


class Edsr(nn.Module):
    """Enhanced deep residual network.

    Where inputs and outputs are as many, it returns input + change, and an untrained one changes
    nothing.
    """

    def __init__(self, architecture: EdsrArchitecture) -> None:
        super().__init__()
        a = self.architecture = architecture
        self.head = nn.Conv2d(a.inputs, a.features, 3, padding=1)
        self.body = nn.Sequential(*(Block(a) for _ in range(a.blocks)))
        self.body_end = nn.Conv2d(a.features, a.features, 3, padding=1)
        self.tail = nn.Conv2d(a.features, a.outputs, 3, padding=1)
        nn.init.zeros_(self.tail.weight)
        nn.init.zeros_(self.tail.bias)  # type: ignore[arg-type]
        self.arrange()

    def arrange(self) -> None:
        """Lay the weights out with the channels last, as convolutions work."""
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, image: Tensor) -> Tensor:
        """Return the restored image, [batch, output, y, x], for [batch, input, y, x]."""
        change = self.change(image)
        return image + change if self.architecture.adds else change

    def change(self, image: Tensor) -> Tensor:
        """Return what is added to the image or, with other outputs than inputs, stands alone."""
        features = self.head(image)
        changed: Tensor = self.tail(features + self.body_end(self.body(features)))
        return changed


class Block(nn.Module):
    """Two convolutions, scaled and added to what came in."""

    def __init__(self, architecture: EdsrArchitecture) -> None:
        super().__init__()
        features = architecture.features
        self.first = nn.Conv2d(features, features, 3, padding=1)
        self.second = nn.Conv2d(features, features, 3, padding=1)
        self._residual = architecture.residual

    def forward(self, features: Tensor) -> Tensor:
        """Return the features changed, [batch, feature, y, x]."""
        change: Tensor = self.second(relu(self.first(features), inplace=True))
        return torch.add(features, change, alpha=self._residual)
