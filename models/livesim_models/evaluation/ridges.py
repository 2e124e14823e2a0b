"""An image in, the lines and spots that run along its crests out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from skimage.feature import hessian_matrix
from skimage.morphology import skeletonize

from livesim_models.evaluation.similarity import Picture, Values


@dataclass(frozen=True, slots=True, eq=False)
class Ridges:
    """The crests of an image, one point for every pixel along them."""

    points_nm: Values
    """[point, (y, x)], finer than a pixel; pixel (0, 0)'s centre is the origin."""
    step_nm: Values
    """[point, (y, x)], one pixel along the ridge."""
    strength: Values
    """[point], curvature across the ridge in units of the image."""

    @property
    def dense_nm(self) -> Values:
        """Three points for every one, [point, (y, x)]: to measure distances to lines, not dots."""
        thirds = (-1.0 / 3.0, 0.0, 1.0 / 3.0)
        return np.concatenate([self.points_nm + share * self.step_nm for share in thirds])

    def above(self, strength: float) -> Ridges:
        """Return the points that are at least so strong."""
        return self._only(np.flatnonzero(self.strength >= strength))

    def within(self, low_nm: float, high_nm: tuple[float, float]) -> Ridges:
        """Return the points at least `low_nm` and at most `high_nm` (y, x) from the origin."""
        at = self.points_nm
        kept = np.all((at >= low_nm) & (at <= np.asarray(high_nm)), axis=1)
        return self._only(np.flatnonzero(kept))

    def _only(self, kept: NDArray[np.intp]) -> Ridges:
        return Ridges(self.points_nm[kept], self.step_nm[kept], self.strength[kept])


@dataclass(frozen=True, slots=True, eq=False)
class _Curvature:
    """The strongest curvature at every pixel [y, x] of a smoothed image, and its direction."""

    strength: Values
    """Minus the smaller eigenvalue of the Hessian times the square of the smoothing."""
    across: tuple[Values, Values]
    """(y, x) unit vector across the ridge."""
    offset: Values
    """Pixels from the pixel's centre to the crest along `across`, at most 1."""


def ridges(image: Picture, pixel_nm: float, sigma_nm: float, least: float) -> Ridges:
    """Return the crests of `image` [y, x] whose curvature is at least `least`.

    Pixels where the smoothed image is curved downwards are thinned to lines one pixel wide; every
    pixel of a line is then moved across it to where the slope vanishes (Steger, IEEE Trans. Pattern
    Anal. Mach. Intell. 20, 113 (1998), eq. 18), by a pixel at most.

    Parameters
    ----------
    pixel_nm
        Of the image.
    sigma_nm
        Of the Gaussian that smooths it first: finer detail makes no ridge.
    least
        In units of the image; `typical_strength` says what is usual.
    """
    curvature = _curvature(image, sigma_nm / pixel_nm)
    rows, columns = np.nonzero(skeletonize(curvature.strength >= least))
    across = np.stack([part[rows, columns] for part in curvature.across], axis=1)
    offset = curvature.offset[rows, columns][:, None]
    return Ridges(
        points_nm=pixel_nm * (np.stack([rows, columns], axis=1) + offset * across),
        step_nm=pixel_nm * across[:, ::-1] * (1.0, -1.0),
        strength=curvature.strength[rows, columns],
    )


def typical_strength(image: Picture, pixel_nm: float, sigma_nm: float) -> float:
    """Return the mean curvature of `image`, weighted by itself so that empty regions count little.

    Raises
    ------
    ValueError
        If the image is curved downwards nowhere.
    """
    strength = np.clip(_curvature(image, sigma_nm / pixel_nm).strength, 0.0, None)
    total = float(strength.sum())
    if not total > 0.0:
        raise ValueError("expected an image with lines or spots, found none")
    return float((strength * strength).sum()) / total


def _curvature(image: Picture, sigma: float) -> _Curvature:
    """Return the curvature of `image` smoothed by `sigma` pixels."""
    values = image.astype(np.float64)
    yy, yx, xx = hessian_matrix(
        values, sigma=sigma, order="rc", mode="nearest", use_gaussian_derivatives=True
    )
    smaller = (yy + xx) / 2.0 - np.sqrt(((yy - xx) / 2.0) ** 2 + yx**2)
    angle = 0.5 * np.arctan2(2.0 * yx, yy - xx) + np.pi / 2.0  # of the smaller eigenvalue
    across = (np.cos(angle), np.sin(angle))
    slope = sum(part * s for part, s in zip(across, _slopes(values, sigma), strict=True))
    downwards = np.where(smaller < 0.0, smaller, -1.0)
    return _Curvature(-smaller * sigma**2, across, np.clip(-slope / downwards, -1.0, 1.0))


def _slopes(values: Values, sigma: float) -> tuple[Values, Values]:
    y, x = (
        gaussian_filter(values, sigma, order=order, mode="nearest") for order in ((1, 0), (0, 1))
    )
    return y, x
