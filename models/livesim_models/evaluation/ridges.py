"""Find the lines and spots that run along the crests of an image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from skimage.feature import hessian_matrix
from skimage.morphology import skeletonize

from livesim_models.evaluation.similarity import Picture, Values

_FARTHEST = 2.0
"""Pixels that a point is moved at most: beyond, a parabola no longer fits."""
_SPOT = 0.4
"""Where the image is curved along a ridge by this share of the curvature across, it is a spot."""

_LEVEL = 1.0
"""Pixels of tilt up to which a point of a ridge is well defined."""


@dataclass(frozen=True, slots=True, eq=False)
class Ridges:
    """The crests of an image, one point for every pixel along them."""

    points_nm: Values
    """[point, (y, x)], finer than a pixel; pixel (0, 0)'s centre is the origin."""
    step_nm: Values
    """[point, (y, x)], one pixel along the ridge; 0 on a spot."""
    strength: Values
    """[point], curvature across the ridge in units of the image."""
    level: NDArray[np.bool_]
    """[point], whether it is nearly level along the ridge: not the end of a line, nor the slope of
    a spot, where a line's place is not defined."""

    @property
    def dense_nm(self) -> Values:
        """Three points for every one, [point, (y, x)]: to measure distances to lines, not dots."""
        thirds = (-1.0 / 3.0, 0.0, 1.0 / 3.0)
        return np.concatenate([self.points_nm + share * self.step_nm for share in thirds])

    def certain(self, strength: float) -> Ridges:
        """Return the level points that are at least so strong."""
        return self._only(np.flatnonzero(self.level & (self.strength >= strength)))

    def within(self, low_nm: float, high_nm: tuple[float, float]) -> Ridges:
        """Return the points at least `low_nm` and at most `high_nm` (y, x) from the origin."""
        at = self.points_nm
        kept = np.all((at >= low_nm) & (at <= np.asarray(high_nm)), axis=1)
        return self._only(np.flatnonzero(kept))

    def _only(self, kept: NDArray[np.intp]) -> Ridges:
        return Ridges(
            self.points_nm[kept], self.step_nm[kept], self.strength[kept], self.level[kept]
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Curvature:
    """How a smoothed image is curved at every pixel [y, x], in its two main directions."""

    strength: Values
    """Minus the smaller eigenvalue of the Hessian times the square of the smoothing."""
    across: tuple[Values, Values]
    """(y, x) unit vector of that eigenvalue: across a ridge."""
    offset: Values
    """Pixels from the pixel's centre to the crest along `across`, at most `_FARTHEST`."""
    offset_along: Values
    """Likewise along the ridge, to the top of a spot; nan where there is none."""
    tilt: Values
    """Slope along the ridge over the curvature across: on a round spot, pixels to its top."""


def ridges(image: Picture, pixel_nm: float, sigma_nm: float, least: float) -> Ridges:
    """Return the crests of `image` [y, x] whose curvature is at least `least`.

    Pixels where the smoothed image is curved downwards are thinned to lines one pixel wide; every
    pixel of a line is then moved across it to where the slope vanishes (Steger, IEEE Trans. Pattern
    Anal. Mach. Intell. 20, 113 (1998), eq. 18). On a spot, which is curved along the line nearly as
    much, it is moved to the top.

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
    at = np.nonzero(skeletonize(curvature.strength >= least))
    across = np.stack([part[at] for part in curvature.across], axis=1)
    along = across[:, ::-1] * (1.0, -1.0)
    top = curvature.offset_along[at]
    to_top = np.nan_to_num(top)[:, None] * along
    return Ridges(
        points_nm=pixel_nm
        * (np.stack(at, axis=1) + curvature.offset[at][:, None] * across + to_top),
        step_nm=pixel_nm * np.isnan(top)[:, None] * along,
        strength=curvature.strength[at],
        level=curvature.tilt[at] <= _LEVEL,
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
    mean, half = (yy + xx) / 2.0, np.sqrt(((yy - xx) / 2.0) ** 2 + yx**2)
    smaller, larger = mean - half, mean + half
    angle = 0.5 * np.arctan2(2.0 * yx, yy - xx) + np.pi / 2.0  # of the smaller eigenvalue
    across = (np.cos(angle), np.sin(angle))
    y, x = _slopes(values, sigma)
    along = y * across[1] - x * across[0]
    spot = larger < _SPOT * np.minimum(smaller, 0.0)
    return _Curvature(
        strength=-smaller * sigma**2,
        across=across,
        offset=_to_top(y * across[0] + x * across[1], smaller),
        offset_along=np.where(spot, _to_top(along, larger), np.nan),
        tilt=np.abs(_to_top(along, smaller)),
    )


def _to_top(slope: Values, curvature: Values) -> Values:
    """Return how far away the slope vanishes, where the image is curved downwards."""
    downwards = np.where(curvature < 0.0, curvature, -1.0)
    return np.clip(-slope / downwards, -_FARTHEST, _FARTHEST)


def _slopes(values: Values, sigma: float) -> tuple[Values, Values]:
    y, x = (
        gaussian_filter(values, sigma, order=order, mode="nearest") for order in ((1, 0), (0, 1))
    )
    return y, x
