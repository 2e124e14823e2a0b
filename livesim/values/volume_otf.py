"""The frozen value of a measured transfer function of volumes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class VolumeOtf:
    """The radially averaged transfer function of the widefield microscope, measured with beads."""

    table: NDArray[np.complex128]
    """[kr, kz]; kr from 0, kz in the order of the fast Fourier transform."""
    step_per_um: tuple[float, float]
    """Of kr and kz, cycles/µm."""
    source: Path
