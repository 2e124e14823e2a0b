"""The half spectra of the parts that a raw stack is split into, and means over its fissions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from livesim_models.trust.bands import power_of


@dataclass(frozen=True, eq=False)
class Parts:
    """The half spectra of one fission."""

    network: Tensor
    """Of its image of the larger part."""
    larger: Tensor
    smaller: Tensor
    noise: Tensor

    @cached_property
    def change(self) -> Tensor:
        """What the network changed, which saw the larger part only."""
        return self.network - self.larger


class Fissions:
    """All fissions of one stack, and means over them that every band needs."""

    def __init__(self, parts: Sequence[Parts], eta: float) -> None:
        self.parts, self.eta = parts, eta
        self.noise_power = mean_of([power_of(p.noise) for p in parts])
        """[2 y, x + 1] of the plain image's noise."""
        self.change_power = mean_of([power_of(p.change) for p in parts])
        self.taken = mean_of([((p.smaller - p.larger) * p.change.conj()).real for p in parts])
        """What the networks took away of noise that differs between the parts."""
        self.excess = 1.0 + eta**-2 / len(parts)
        """Variance of the mean of the smaller parts, in units of the plain image's."""


def mean_of(values: list[Tensor]) -> Tensor:
    """Return the mean of tensors of one shape."""
    return torch.stack(values).mean(dim=0)
