"""Make the ideal SIM image of a simulated truth, which results are compared with."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from livesim.config.settings import Apodization
from livesim.reconstruction.filters import apodization
from livesim.reconstruction.grid import frequency_axes
from livesim.reconstruction.otf import Otf
from livesim.values.pattern import Pattern

DEFAULT = Apodization()


def reach(pattern: Pattern, otf: Otf) -> float:
    """Return the highest frequency (cycles/µm) that any band of `pattern` holds."""
    shifts = (
        len(angle.modulation) * math.hypot(*angle.k_cycles_per_um)
        for angle in pattern.angles
        if angle.usable
    )
    return otf.cutoff + max(shifts, default=0.0)


def result_transfer(
    shape: tuple[int, int], pattern: Pattern, otf: Otf, settings: Apodization = DEFAULT
) -> Tensor:
    """Return what a perfect result passes of the object, [y, x] of the doubled grid, FFT order.

    It is the apodization alone: the Wiener filter undoes the blur where there is no noise.
    """
    fy, fx = frequency_axes(shape, pattern.pixel_nm / 2000.0)
    frequency = torch.sqrt(fy * fy + fx * fx)
    return apodization(frequency, settings, otf, reach(pattern, otf))


def reference(
    truth: NDArray[np.floating],
    pattern: Pattern,
    otf: Otf,
    settings: Apodization = DEFAULT,
) -> NDArray[np.float64]:
    """Return the object with the frequencies that SIM can hold, [2 y, 2 x].

    Parameters
    ----------
    truth
        [2 y, 2 x] the object on the doubled grid, photo-electrons per raw pixel.
    pattern
        The illumination; its longest wave vector says how far SIM reaches.
    otf
        Of the microscope.
    settings
        The low-pass of the results that will be compared with it.

    Raises
    ------
    ValueError
        If the truth is not on the doubled grid of the pattern.
    """
    expected = tuple(2 * n for n in pattern.shape)
    if truth.shape != expected:
        raise ValueError(f"expected a truth on the doubled grid {expected}, found {truth.shape}")
    passed = result_transfer((truth.shape[0], truth.shape[1]), pattern, otf, settings)
    spectrum = torch.fft.fft2(torch.from_numpy(np.asarray(truth, dtype=np.float64)))
    return np.asarray(torch.fft.ifft2(spectrum * passed).real.numpy())
