"""Run `livesim otf`: measure how fast the OTF falls from an image of beads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile
import torch
from numpy.typing import NDArray
from rich.console import Console

from livesim.config.settings import Optics, Settings
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.otf_damping.beads import BeadOtf, BeadsUnknownError, bead_otf
from livesim.values.errors import DataError

_SHOWN = 3
"""Every so many rings are printed."""


def measure_otf(beads: Path, settings: Settings, diameter_nm: float) -> None:
    """Measure the OTF from the beads of a TIFF, and print the line that the settings take.

    Raises
    ------
    DataError
        If the file cannot be read, its pixel size is not known, or its beads do not tell the OTF.
    """
    pixel_nm = settings.optics.pixel_nm
    if pixel_nm is None:
        raise DataError(f"{beads}: expected optics.pixel_nm in the settings, found none")
    image = torch.from_numpy(_mean_image(beads))
    try:
        found = bead_otf(image, settings.optics, pixel_nm / 1000.0, diameter_nm / 1000.0)
    except BeadsUnknownError as error:
        raise DataError(f"{beads}: {error}") from error
    show_otf(found, settings.optics, Console())


def show_otf(found: BeadOtf, optics: Optics, console: Console) -> None:
    """Print the line of the settings, and the curve beside the damped OTF."""
    damped = Otf(1.0, found.damping.value)(found.frequency)
    rows = zip(found.frequency, found.curve, found.error, damped, strict=True)
    lines = [
        f"otf_damping = {found.damping.value:.3g}   # ± {found.damping.error:.1g}, "
        f"{found.beads} beads",
        f"cycles/µm (cut-off {optics.cutoff_cycles_per_um:.2f})   OTF            damped",
        *(
            f"{float(at) * optics.cutoff_cycles_per_um:23.2f}   {float(value):.3f} ± "
            f"{float(error):.3f}  {float(fit):.3f}"
            for at, value, error, fit in list(rows)[::_SHOWN]
        ),
    ]
    console.print("\n".join(lines), soft_wrap=True, highlight=False, markup=False)


def _mean_image(path: Path) -> NDArray[np.float64]:
    """Return the mean image [y, x] of all pages of a TIFF: of a raw stack, its widefield image."""
    try:
        pages = np.squeeze(tifffile.imread(path)).astype(np.float64)
    except (OSError, tifffile.TiffFileError, ValueError, TypeError) as error:
        raise DataError(f"{path}: expected a TIFF of beads, found: {error}") from error
    if pages.ndim < 2 or not np.isfinite(pages).all():
        raise DataError(f"{path}: expected images [y, x] of numbers, found shape {pages.shape}")
    image: NDArray[np.float64] = pages.reshape(-1, *pages.shape[-2:]).mean(axis=0)
    return image
