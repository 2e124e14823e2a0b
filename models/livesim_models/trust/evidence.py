"""What one raw stack says of networks on plain images, by photons that they have not seen.

A fission (`fission`) adds drawn noise to the stack and takes it from it, and the plain image is
linear: so the plain image of the stack and those of some drawn noises make the plain images of
every split. A sum of drawn noises whose squares add up to 1 is one more of the same strength, so
few of them serve for many splits.

With L and S the plain images of the larger and the smaller part, R what a network makes of L, X
what a perfect instrument would show and W the share of it that the Wiener filter leaves, S is W X
and noise that R knows nothing of. So the mean of (W R - S)² is that of (W (R - X))² and a constant:
the error of a network without knowing the truth (Noise2Noise, Lehtinen et al., ICML 2018; with one
exposure in place of two, Data fission).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from livesim_models.conditions import Conditions
from livesim_models.trust.arbitration import ETA

LIGHT = 1.0 / (1.0 + ETA**2)
"""Of the stack: an exposure with that share of its light is as noisy as the larger part is."""


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """The two parts of a stack, as exposures with `LIGHT` of it."""

    plain: Tensor
    """[2 y, 2 x] of the larger part, for a network."""
    white: Tensor
    """[2 y, 2 x] the same with white noise, see `Conditions.white`."""
    unseen: Tensor
    """[2 y, 2 x] of the smaller part."""
    unseen_noise: Tensor
    """[2 y, 2 x] the square of its noise: of what was drawn as it is, of the stack's own as it is
    on the average."""


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """One raw stack and its noise, in images of the doubled grid."""

    recording: str
    """Where it is from."""
    place: str
    """Which field of that: stacks of one place show the same structures."""
    plain: Tensor
    """[2 y, 2 x] photo-electrons per raw pixel."""
    noises: Tensor
    """[draw, 2 y, 2 x] plain images of drawn noise, each as strong as the stack's own."""
    conditions: Conditions
    """Of the plain image of an exposure with `LIGHT` of the light."""
    share: Tensor
    """[2 y, x + 1] of what a perfect instrument would show, that the plain image holds."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns, (2 y, 2 x)."""
        return self.plain.shape[-2], self.plain.shape[-1]

    @property
    def unseen_noise(self) -> Tensor:
        """[2 y, 2 x] variance of `Split.unseen`, as the drawn noises show it everywhere."""
        return LIGHT**2 * (1.0 + ETA**-2) * self.noises.square().mean(dim=0)

    def split(self, generator: torch.Generator) -> Split:
        """Return one split; no two draws give the same."""
        weights = torch.randn(len(self.noises), generator=generator)
        weights = (weights / weights.norm()).to(self.plain)
        noise = torch.einsum("n,nyx->yx", weights, self.noises)
        larger = LIGHT * (self.plain + ETA * noise)
        white = self.conditions.white(larger[None])[0]
        own = self.noises.square().mean(dim=0)
        squared = LIGHT**2 * (own + (noise / ETA).square())
        return Split(larger, white, LIGHT * (self.plain - noise / ETA), squared)
