"""Gather the neighbours of single pixels and predict those pixels from them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.reconstruction.defects.sharpness import REACH, Sharpness


@dataclass(frozen=True, eq=False)
class Prediction:
    """What some pixels of frames should hold, from their usable neighbours."""

    pixels: Tensor
    """[pixel] numbers within the flattened frames."""
    neighbours: Tensor
    """[pixel, neighbour] numbers likewise; some other number where there is none."""
    weights: Tensor
    """[pixel, neighbour], 0 where there is none; float32."""

    def __call__(self, values: Tensor) -> Tensor:
        """Return what the pixels [..., pixel] should hold in flattened frames [..., all pixels]."""
        return (values[..., self.neighbours].float() * self.weights).sum(dim=-1)

    @property
    def used(self) -> Tensor:
        """Which neighbours [pixel, neighbour] there are."""
        return self.weights != 0.0

    @property
    def noise_gain(self) -> Tensor:
        """Variance [pixel] of a remainder over that of a pixel."""
        return 1.0 + self.weights.square().sum(dim=1)

    def bright(self, values: Tensor) -> Tensor:
        """Return the most [..., pixel] that two usable neighbours hold; one may be a defect."""
        near = torch.where(self.used, values[..., self.neighbours].float(), -torch.inf)
        return near.topk(2).values[..., 1]


@dataclass(frozen=True, eq=False)
class Field:
    """A frame size and optics: which pixels are neighbours, and how they predict each other."""

    shape: tuple[int, int]
    """(y, x); several frames in a row are numbered on."""
    sharpness: Sharpness

    def around(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Return (numbers, inside the frame) [pixel, neighbour] of what surrounds `pixels`."""
        rows, columns = self.shape
        dy, dx = self.sharpness.offsets.T
        y, x = (pixels // columns % rows)[:, None] + dy, (pixels % columns)[:, None] + dx
        inside = (y >= 0) & (y < rows) & (x >= 0) & (x < columns)
        return torch.where(inside, pixels[:, None] + dy * columns + dx, pixels[:, None]), inside

    def predict(self, pixels: Tensor, bad: Tensor | None = None) -> Prediction:
        """Return the prediction of `pixels`.

        Parameters
        ----------
        bad
            [all pixels] those that predict nothing; None = all neighbours can be used.
        """
        numbers, usable = self.around(pixels)
        if bad is not None:
            usable = usable & ~bad[numbers]
        kinds, which = _kinds(usable)
        weights = self.sharpness.weights(kinds)
        return Prediction(pixels, numbers, weights.float()[which])

    def leaks(self, prediction: Prediction) -> Tensor:
        """Return the bound of the remainders [pixel], as a share of what two neighbours hold."""
        kinds, which = _kinds(prediction.used)
        leaks = self.sharpness.leaks(kinds, self.sharpness.weights(kinds))
        return leaks.float()[which]

    def reached(self, pixels: Tensor) -> Tensor:
        """Return `pixels` and all that are predicted from them, sorted."""
        numbers, inside = self.around(pixels)
        return torch.cat([numbers[inside], pixels]).unique()

    @property
    def border(self) -> Tensor:
        """The pixels of one frame whose neighbourhood is cut."""
        inner = torch.zeros(self.shape, dtype=torch.bool)
        inner[REACH : self.shape[0] - REACH, REACH : self.shape[1] - REACH] = True
        return (~inner).flatten().nonzero()[:, 0]


def _kinds(usable: Tensor) -> tuple[Tensor, Tensor]:
    """Return the different rows of `usable`, and which of them each row is."""
    bits = (usable.long() << torch.arange(usable.shape[1])).sum(dim=1)
    _, which = bits.unique(return_inverse=True)
    first = torch.full((int(which.max()) + 1,), len(bits))
    first.scatter_reduce_(0, which, torch.arange(len(bits)), reduce="amin")
    return usable[first], which
