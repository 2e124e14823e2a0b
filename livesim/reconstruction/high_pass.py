"""Filter frames to what lies beyond the cut-off of the optics: noise, and what pixels differ in."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.reconstruction.grid import frequency_axes

_REACH = (8, 16)
"""Least and greatest radius of the kernels, raw pixels; a sixth of the frames between them."""
_SHAPES = (9.0, 6.5, 4.0)
"""Kaiser windows of the kernels, from -95 to -45 dB in the passband of the optics: the first that
leaves frequencies enough."""
_ENOUGH = 0.12
"""Share of all frequencies that lie beyond; with less, a window of a narrower edge."""
LEAST_REACH = _REACH[0]


@dataclass(frozen=True, eq=False)
class Highpass:
    """Kernels of what lies beyond the optics' cut-off, and of what lies well within it."""

    kernel: Tensor
    """[2 reach + 1, 2 reach + 1]"""
    lowpass: Tensor
    """[2 reach + 1, 2 reach + 1], of frequencies that hardly pass the other."""

    @property
    def reach(self) -> int:
        """Radius of the kernels, raw pixels."""
        return self.kernel.shape[0] // 2

    @property
    def power(self) -> float:
        """Of white noise of variance 1 behind it."""
        return float(self.kernel.square().sum())


def high_pass(
    frame_shape: tuple[int, int], cutoff: float, device: torch.device | str = "cpu"
) -> Highpass:
    """Return filters for a cut-off in cycles/pixel, the stop as deep as there is room for.

    Where hardly a frequency lies beyond, `power` is small or 0.
    """
    reach = min(max(min(frame_shape) // 6, _REACH[0]), _REACH[1])
    for shape in _SHAPES:
        made = _kaiser(cutoff, reach, shape, device)
        if made.power > _ENOUGH:
            break
    return made


def _kaiser(cutoff: float, reach: int, shape: float, device: torch.device | str) -> Highpass:
    """Return filters with edges at a frequency, cut by a Kaiser window (Kaiser 1974)."""
    width = (shape / 0.1102 + 0.7) / (14.36 * 2 * reach)
    axes = frequency_axes((16 * reach, 16 * reach), 1.0, device=device)
    radius = torch.hypot(*axes)
    at = torch.arange(-reach, reach + 1, dtype=torch.float64, device=device)
    far = (torch.hypot(at[:, None], at[None]) / (reach + 0.5)).clamp(max=1.0)
    window = torch.i0(shape * (1.0 - far.square()).sqrt()) / torch.i0(torch.tensor(shape))
    return Highpass(
        window * _kernel(radius > cutoff + width / 2.0, reach),
        window * _kernel(radius < cutoff - width / 4.0, reach),
    )


def _kernel(passed: Tensor, reach: int) -> Tensor:
    """Return the middle of the kernel of the frequencies passed."""
    kernel = torch.fft.fftshift(torch.fft.ifft2(passed.double()).real)
    middle = slice(len(kernel) // 2 - reach, len(kernel) // 2 + reach + 1)
    return kernel[middle, middle]


def filtered(frames: Tensor, kernel: Tensor) -> Tensor:
    """Return frames [..., y, x] convolved, where the kernel lies wholly within them."""
    rows, columns = frames.shape[-2:]
    size = (rows + kernel.shape[0] - 1, columns + kernel.shape[1] - 1)
    spectra = torch.fft.rfft2(frames, size) * torch.fft.rfft2(kernel, size)
    start = kernel.shape[0] - 1
    return torch.fft.irfft2(spectra, size)[..., start:rows, start:columns]
