"""Measure PSNR, SSIM and NRMSE against a reference, after the best linear fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Picture = NDArray[np.floating]
"""[y, x]."""

BORDER = 16
"""Pixels left out on every side: there methods differ in how they fade."""
_WINDOW = 11
"""Pixels across that the SSIM's Gaussian window needs."""


@dataclass(frozen=True, slots=True)
class Similarity:
    """The similarity of an image to its reference."""

    psnr_db: float
    """Peak signal-to-noise ratio; the peak is the reference's range, its maximum - its minimum."""
    ssim: float
    """Structural similarity, 1 for the same image."""
    nrmse: float
    """Root of the mean squared difference over the root mean square of the reference."""


def similarity(image: Picture, reference: Picture, border: int = BORDER) -> Similarity:
    """Return the similarity of `image` [y, x] to `reference` [y, x], the best linear fit first.

    The image is first fitted to the reference by least squares with a scale and an offset, as
    methods differ in both. SSIM is that of Wang et al., IEEE Trans. Image Process. 13, 600 (2004):
    Gaussian window of 1.5 pixels, K1 = 0.01, K2 = 0.03.

    Parameters
    ----------
    image, reference
        On the same grid; any unit.
    border
        Pixels left out on every side, of the fit as well.

    Raises
    ------
    ValueError
        If the shapes differ, nothing is left inside the border, or the reference is constant.
    """
    # Here, as it takes a second to load: the engine needs but this file's border.
    from skimage.metrics import (
        normalized_root_mse,
        peak_signal_noise_ratio,
        structural_similarity,
    )

    found, expected = _checked(image, reference, border)
    scale, offset = _fit(found, expected)
    fitted = scale * found + offset
    span = float(np.ptp(expected))
    with np.errstate(divide="ignore"):  # of an image that equals its reference it is infinite
        psnr_db = float(peak_signal_noise_ratio(expected, fitted, data_range=span))
    return Similarity(
        psnr_db=psnr_db,
        ssim=float(
            structural_similarity(
                expected,
                fitted,
                data_range=span,
                gaussian_weights=True,
                sigma=1.5,
                use_sample_covariance=False,
            )
        ),
        nrmse=float(normalized_root_mse(expected, fitted)),
    )


def linear_fit(image: Picture, reference: Picture, border: int = BORDER) -> tuple[float, float]:
    """Return the (scale, offset) that fit `image` to `reference` best; scale 0 of a constant image.

    Raises
    ------
    ValueError
        As `similarity`.
    """
    return _fit(*_checked(image, reference, border))


def inside(image: Picture, border: int) -> Values:
    """Return `image` without its border, as float64."""
    rows, columns = image.shape
    return image[border : rows - border, border : columns - border].astype(np.float64)


def _fit(found: Values, expected: Values) -> tuple[float, float]:
    spread = found - found.mean()
    power = float((spread * spread).sum())
    scale = float((spread * expected).sum()) / power if power > 0.0 else 0.0
    return scale, float(expected.mean() - scale * found.mean())


def _checked(image: Picture, reference: Picture, border: int) -> tuple[Values, Values]:
    if image.ndim != 2 or image.shape != reference.shape:
        raise ValueError(
            "expected an image and a reference [y, x] of one shape, "
            f"found {image.shape} and {reference.shape}"
        )
    if min(image.shape) - 2 * border < _WINDOW:
        raise ValueError(
            f"expected at least {_WINDOW} pixels inside a border of {border}, "
            f"found an image of {image.shape}"
        )
    expected = inside(reference, border)
    if not np.ptp(expected) > 0.0:
        raise ValueError(f"expected a reference that varies, found {expected[0, 0]:g} everywhere")
    return inside(image, border), expected
