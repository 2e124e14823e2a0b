"""Make frequency axes and edge windows; no other module knows the layout of an FFT."""

from __future__ import annotations

import torch
from torch import Tensor

from livesim.images import resolution as ring_correlation


def frequency_axes(
    shape: tuple[int, int], pixel_um: float, *, device: torch.device | str = "cpu"
) -> tuple[Tensor, Tensor]:
    """Return (fy [y, 1], fx [1, x]) in cycles/µm, float64, in FFT order (zero first)."""
    fy, fx = (torch.fft.fftfreq(n, d=pixel_um, dtype=torch.float64, device=device) for n in shape)
    return fy[:, None], fx[None, :]


def positions(
    shape: tuple[int, int], pixel_um: float, *, device: torch.device | str = "cpu"
) -> tuple[Tensor, Tensor]:
    """Return (y [y, 1], x [1, x]) of the pixel centres in µm, float64; pixel (0, 0) is 0."""
    y, x = (torch.arange(n, dtype=torch.float64, device=device) * pixel_um for n in shape)
    return y[:, None], x[None, :]


def edge_window(shape: tuple[int, int], width: int) -> Tensor:
    """Return a [y, x] float64 window that is 1 inside and falls to 0 over `width` border pixels."""
    return torch.from_numpy(ring_correlation.edge_window(shape, width))
