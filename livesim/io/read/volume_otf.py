"""Read a measured transfer function of volumes, a table (kr, kz) of each order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livesim.config.settings import Optics
from livesim.values.errors import DataError
from livesim.values.volume_otf import VolumeOtf

ORDERS = 3
_FEWEST = 8
"""Steps of a table in either direction."""
_MRC_SUFFIXES = (".dv", ".mrc", ".otf")


def read_volume_otf(optics: Optics) -> VolumeOtf:
    """Read `optics.otf_file`: complex tables as cudasirecon's, or amplitudes as SIMreconProject's.

    A TIFF holds real and imaginary parts in turn along kz, or amplitudes, of which none is below 0;
    an MRC or DV file holds complex values. The order 0 is used alone: those above it are the same
    spread function times the axial fringes, whose phase the specimen tells better than beads.

    Raises
    ------
    DataError
        If the file holds no such tables, or `optics.otf_step_per_um` does not say their steps.
    """
    path = optics.otf_file
    if path is None:
        raise DataError("expected otf_file in [optics], found none")
    values = _read(path)
    if values.ndim != 3 or len(values) != ORDERS or min(values.shape) < ORDERS:
        raise DataError(
            f"{path}: expected for volumes tables [order, kr, kz] of {ORDERS} orders, "
            f"found the shape {values.shape}"
        )
    if min(values.shape[1:]) < _FEWEST or not np.isfinite(values).all() or not values[0].any():
        raise DataError(
            f"{path}: expected tables of finite values, at least {_FEWEST} x {_FEWEST}, found the "
            f"shape {values.shape}"
        )
    if optics.otf_step_per_um is None:
        raise DataError(
            f"{path}: expected otf_step_per_um = [kr, kz] in [optics], the steps of the tables in "
            f"cycles/µm, found none"
        )
    return VolumeOtf(values[0].astype(np.complex128), optics.otf_step_per_um, path)


def _read(path: Path) -> NDArray[np.generic]:
    """Return what the file holds; parts of complex values are put together."""
    if path.suffix.lower() in _MRC_SUFFIXES:
        import mrc

        try:
            return np.array(mrc.imread(str(path)))
        except (OSError, ValueError, TypeError, KeyError, IndexError) as error:
            raise DataError(f"{path}: expected an MRC file of tables, found: {error}") from error
    import tifffile  # few settings name a table

    try:
        values = np.squeeze(tifffile.imread(path))
    except (OSError, tifffile.TiffFileError, ValueError, TypeError) as error:
        raise DataError(f"{path}: expected a TIFF of tables, found: {error}") from error
    if np.iscomplexobj(values) or values.min() >= 0.0:
        return values
    if values.shape[-1] % 2:
        raise DataError(
            f"{path}: expected real and imaginary parts in turn along kz, found "
            f"{values.shape[-1]} columns"
        )
    parts = values.astype(np.float64)
    complex_values: NDArray[np.generic] = parts[..., ::2] + 1j * parts[..., 1::2]
    return complex_values
