"""A measured point-spread or transfer function in, its radial profile out."""

from __future__ import annotations

import numpy as np
import tifffile
from numpy.typing import NDArray

from livesim.config.settings import Optics
from livesim.values.errors import DataError

Profile = NDArray[np.float64]
_SAMPLES = 129


def read_otf(optics: Optics) -> Profile:
    """Read `optics.otf_file` and return the OTF at equal steps from 0 to the cut-off, 1 at 0.

    A two-dimensional image is a point-spread function sampled with the raw pixel, anywhere in the
    image; a single line of values is the OTF itself, from zero frequency to the cut-off.

    Raises
    ------
    DataError
        If the file is neither.
    """
    path = optics.otf_file
    if path is None:
        raise DataError("expected otf_file in [optics], found none")
    try:
        image = np.squeeze(tifffile.imread(path)).astype(np.float64)
    except (OSError, tifffile.TiffFileError, ValueError, TypeError) as error:
        raise DataError(f"{path}: expected a TIFF of a PSF or an OTF, found: {error}") from error
    if image.ndim not in (1, 2) or image.size < 8 or not np.isfinite(image).all():
        raise DataError(
            f"{path}: expected a PSF image [y, x] or a line of OTF values, "
            f"found an array of shape {image.shape}"
        )
    if image.ndim == 1:
        return _checked(np.interp(_steps(1.0), np.linspace(0.0, 1.0, len(image)), image), optics)
    if optics.pixel_nm is None:
        raise DataError(f"{path}: expected pixel_nm in [optics] for a PSF image, found none")
    return _checked(_from_psf(image, optics.pixel_nm / 1000.0, optics), optics)


def _steps(top: float) -> Profile:
    return np.linspace(0.0, top, _SAMPLES)


def _from_psf(image: Profile, pixel_um: float, optics: Optics) -> Profile:
    """Return the radial mean of the PSF's transform; its border is taken as background."""
    border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    spectrum = np.abs(np.fft.fft2(image - np.median(border)))
    fy, fx = (np.fft.fftfreq(n, pixel_um) for n in image.shape)
    radius = np.hypot(fy[:, None], fx[None, :])
    ring = 1.0 / (min(image.shape) * pixel_um)
    number = np.rint(radius / ring).astype(int).ravel()
    counts = np.bincount(number)
    sums = np.bincount(number, weights=spectrum.ravel())
    means = sums / np.maximum(counts, 1)
    radii = ring * np.arange(len(means))
    return np.asarray(np.interp(_steps(optics.cutoff_cycles_per_um), radii, means))


def _checked(profile: Profile, optics: Optics) -> Profile:
    if profile[0] <= 0:
        raise DataError(
            f"{optics.otf_file}: expected an OTF above 0 at zero frequency, found {profile[0]:g}"
        )
    values: Profile = (profile / profile[0]).clip(min=0.0)
    values[-1] = 0.0
    return values
