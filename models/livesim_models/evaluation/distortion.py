"""Measure how far structures moved, and how many came or went, against a reference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.spatial import KDTree

from livesim_models.evaluation.ridges import Ridges, ridges, typical_strength
from livesim_models.evaluation.similarity import BORDER, Picture, Values, linear_fit


@dataclass(frozen=True, slots=True)
class Scale:
    """What counts as a structure, and as the same one."""

    sigma_nm: float = 60.0
    """Smoothing of both images: finer detail is no structure."""
    reach_nm: float = 150.0
    """A ridge that has no counterpart within this distance was invented or lost."""
    moved_nm: float = 50.0
    """A counterpart farther away than this was moved."""
    strong: float = 0.6
    """Of the reference's typical ridge strength: ridges from here on must have a counterpart."""
    weak: float = 0.3
    """Ridges from here on may be one, so that a change of brightness alone changes nothing."""


DEFAULT = Scale()
WITHOUT_TRUTH = Scale(sigma_nm=100.0)
"""Against a plain reconstruction, whose own noise makes fine ridges."""


@dataclass(frozen=True, slots=True)
class Distortion:
    """How far the ridges of an image are from those of its reference, both ways."""

    score_nm: float
    """Root mean square distance; what was invented or lost counts as the reach."""
    displacement_nm: float
    """Root mean square distance of the ridges that have a counterpart; nan if none has."""
    moved: float
    """Share of the ridge length whose counterpart is farther away than `Scale.moved_nm`."""
    invented: float
    """Share of the image's ridge length without a counterpart in the reference."""
    lost: float
    """Share of the reference's ridge length without a counterpart in the image."""


def distortion(
    image: Picture,
    reference: Picture,
    pixel_nm: float,
    scale: Scale = DEFAULT,
    border: int = BORDER,
) -> Distortion:
    """Return how far the structures of `image` [y, x] are from those of `reference` [y, x].

    The crests of both images are compared, not their pixel values: noise and blur that leave a
    filament where it is cost nothing, a filament that moves by its own width costs all of it.
    The image is first fitted to the reference by least squares with a scale and an offset.

    Parameters
    ----------
    image, reference
        On the same grid; any unit.
    pixel_nm
        Of that grid.
    scale
        What counts as a structure; `WITHOUT_TRUTH` where the reference is noisy itself.
    border
        Pixels left out on every side.

    Raises
    ------
    ValueError
        As `similarity`, or if the reference holds no line or spot.
    """
    fitted = _fitted(image, reference, scale.sigma_nm / pixel_nm, border)
    typical = typical_strength(reference, pixel_nm, scale.sigma_nm)
    low = border * pixel_nm
    high = ((image.shape[0] - 1) * pixel_nm - low, (image.shape[1] - 1) * pixel_nm - low)

    found, expected = (
        ridges(one, pixel_nm, scale.sigma_nm, scale.weak * typical) for one in (fitted, reference)
    )

    def distances(ours: Ridges, theirs: Ridges) -> Values:
        strong = ours.certain(scale.strong * typical).within(low, high)
        return _distances(strong, theirs, scale.reach_nm)

    return _summary(distances(found, expected), distances(expected, found), scale)


def _fitted(image: Picture, reference: Picture, sigma: float, border: int) -> Values:
    """Return `image` in the unit of `reference`; both are smoothed first, or noise shrinks it."""
    values = image.astype(np.float64)
    aim = gaussian_filter(reference.astype(np.float64), sigma)
    factor, offset = linear_fit(gaussian_filter(values, sigma), aim, border)
    return factor * values + offset


def _distances(ours: Ridges, theirs: Ridges, reach_nm: float) -> Values:
    """Return for every ridge point the distance to the nearest of `theirs`; inf beyond reach."""
    if not len(theirs.points_nm):
        return np.full(len(ours.points_nm), np.inf)
    found, _ = KDTree(theirs.dense_nm).query(ours.points_nm, distance_upper_bound=reach_nm)
    return np.asarray(found, dtype=np.float64)


def _summary(there: Values, back: Values, scale: Scale) -> Distortion:
    """Return the numbers of distances from the image to the reference and back, nm or inf."""
    every = np.concatenate([there, back])
    matched = every[np.isfinite(every)]
    return Distortion(
        score_nm=_rms(np.minimum(every, scale.reach_nm)),
        displacement_nm=_rms(matched),
        moved=float((matched > scale.moved_nm).sum() / max(len(every), 1)),
        invented=_share(np.isinf(there)),
        lost=_share(np.isinf(back)),
    )


def _rms(values: Values) -> float:
    return float(np.sqrt(np.mean(values**2))) if len(values) else float("nan")


def _share(which: np.ndarray) -> float:
    return float(which.mean()) if len(which) else 0.0
