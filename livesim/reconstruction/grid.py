"""Sizes and pixel in, frequency axes and edge windows out; the one place that knows FFT layouts."""

from __future__ import annotations

import torch
from torch import Tensor


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


def edge_window(
    shape: tuple[int, int], width: int, *, device: torch.device | str = "cpu"
) -> Tensor:
    """Return a [y, x] float64 window that is 1 inside and falls to 0 over `width` border pixels."""
    wy, wx = (_edge_profile(n, min(width, n // 4), device) for n in shape)
    return wy[:, None] * wx[None, :]


def _edge_profile(length: int, width: int, device: torch.device | str) -> Tensor:
    profile = torch.ones(length, dtype=torch.float64, device=device)
    if width > 0:
        step = torch.arange(width, dtype=torch.float64, device=device) + 0.5
        rise = torch.sin(step * (torch.pi / 2 / width)) ** 2
        profile[:width] = rise
        profile[length - width :] = rise.flip(0)
    return profile
