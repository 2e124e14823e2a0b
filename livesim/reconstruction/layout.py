"""Convert indices between the raw spectrum and the spectrum of the result."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from livesim.reconstruction.otf import Otf


class Layout:
    """Index arithmetic between the raw spectrum (N) and the result's half spectrum (2N)."""

    def __init__(self, shape: tuple[int, int], pixel_um: float, otf: Otf) -> None:
        self.shape, self.pixel_um, self.otf = shape, pixel_um, otf
        self.length = (shape[0] * pixel_um, shape[1] * pixel_um)
        """(y, x) of the field in µm; its inverse is the spectral pixel."""
        self.centre = (shape[0] // 2, shape[1] // 2)
        reach = [
            min(math.floor(otf.cutoff * length), (n - 1) // 2)
            for length, n in zip(self.length, shape, strict=True)
        ]
        self.reach_y, self.reach_x = reach
        self.box_y = slice(self.centre[0] - self.reach_y, self.centre[0] + self.reach_y + 1)
        self.box_x = slice(self.centre[1] - self.reach_x, self.centre[1] + self.reach_x + 1)

    def split(self, shift: tuple[float, float]) -> tuple[tuple[int, int], tuple[float, float]]:
        """Return a shift (x, y) in whole spectral pixels and the rest, each (x, y)."""
        exact = (shift[0] * self.length[1], shift[1] * self.length[0])
        whole = (round(exact[0]), round(exact[1]))
        return whole, (exact[0] - whole[0], exact[1] - whole[1])

    def frequencies(self, gx: Tensor, gy: Tensor) -> tuple[Tensor, Tensor]:
        """Return (fx, fy) in cycles/µm of whole-pixel indices."""
        return gx.double() / self.length[1], gy.double() / self.length[0]

    def measured(self, fx: Tensor, fy: Tensor) -> Tensor:
        """Return the OTF where the raw grid holds the frequency, else 0."""
        inside_x = (fx * self.length[1]).abs() <= self.reach_x + 0.5
        inside_y = (fy * self.length[0]).abs() <= self.reach_y + 0.5
        value = self.otf(torch.sqrt(fx * fx + fy * fy))
        return torch.where(inside_x & inside_y, value, torch.zeros_like(value))
