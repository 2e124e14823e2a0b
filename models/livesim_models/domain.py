"""Tell whether widefield images look like those a network was trained on."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from livesim.config.section import Section
from livesim_models.normalisation import levels_of

_SMOOTHING = 3
"""Pixels that are averaged first, so that noise does not pass for structure."""
_BRIGHT = 0.25
_LIMIT = 0.995
"""Quantile of the training images that still counts as usual."""

NAMES = (
    *("bright share", "median brightness", "mean brightness", "line-likeness", "fine detail"),
    *("round spots", "round holes"),
)
"""What is measured, each between 0 and 1 or so: the share of bright pixels; median and mean between
the levels; how far gradients keep one direction; how much of the contrast is finer than six pixels;
how much of the curvature of hills and of hollows is the same in all directions, as in spots and in
the meshes of a network.
"""


class Domain(Section):
    """What the images of a training looked like: the mean and spread of `NAMES`."""

    mean: tuple[float, ...]
    whitening: tuple[tuple[float, ...], ...]
    """Rows that turn differences from the mean into independent ones of variance 1."""
    limit: float
    """Length of the whitened difference that few images of the training exceed."""

    def warning(self, widefields: Sequence[Tensor]) -> str:
        """Return what is unusual about images [y, x] in photo-electrons; "" = nothing."""
        found = torch.stack([features(image) for image in widefields]).mean(dim=0)
        difference = found - torch.tensor(self.mean, dtype=torch.float64)
        whitened = torch.tensor(self.whitening, dtype=torch.float64) @ difference
        distance = float(whitened.norm())
        if distance <= self.limit:
            return ""
        # The feature without which the image would be nearest to the training.
        spread = torch.linalg.inv(torch.tensor(self.whitening, dtype=torch.float64))
        deviations = difference / spread.norm(dim=1)
        worst = int(deviations.abs().argmax())
        return (
            "the images do not look like those of the training: expected a distance up to "
            f"{self.limit:.1f}, found {distance:.1f}; most of all by {NAMES[worst]}: "
            f"{float(found[worst]):.2f} here, {self.mean[worst]:.2f} there on average"
        )

    def distance(self, widefield: Tensor) -> float:
        """Return how unusual an image [y, x] in photo-electrons is; see `limit`."""
        difference = features(widefield) - torch.tensor(self.mean, dtype=torch.float64)
        return float((torch.tensor(self.whitening, dtype=torch.float64) @ difference).norm())


def domain_of(widefields: Sequence[Tensor]) -> Domain:
    """Return what the widefield images [y, x] of a training have in common.

    Raises
    ------
    ValueError
        If there are fewer than ten for every feature.
    """
    if len(widefields) < 10 * len(NAMES):
        raise ValueError(
            f"expected at least {10 * len(NAMES)} images to describe, found {len(widefields)}"
        )
    found = torch.stack([features(image) for image in widefields])
    mean = found.mean(dim=0)
    covariance = torch.cov(found.T) + 1e-8 * torch.eye(len(NAMES), dtype=torch.float64)
    whitening = torch.linalg.inv(torch.linalg.cholesky(covariance))
    distances = ((found - mean) @ whitening.T).norm(dim=1)
    limit = float(torch.quantile(distances, _LIMIT))
    rows = tuple(tuple(row) for row in whitening.tolist())
    return Domain(mean=tuple(mean.tolist()), whitening=rows, limit=limit)


def features(widefield: Tensor) -> Tensor:
    """Return `NAMES` of an image [y, x] in photo-electrons, float64."""
    smooth = _averaged(widefield.double(), _SMOOTHING)
    levels = levels_of(smooth)
    scaled = ((smooth - levels.low) / (levels.high - levels.low)).clamp(-0.2, 1.5)
    coarse = _averaged(scaled, 2 * _SMOOTHING)
    fine = (scaled - coarse).square().mean() / scaled.var().clamp(min=1e-9)
    return torch.stack(
        [
            (scaled > _BRIGHT).double().mean(),
            scaled.median(),
            scaled.mean(),
            _line_likeness(scaled),
            fine,
            *_roundness(_averaged(scaled, 2 * _SMOOTHING + 1)),
        ]
    )


def _line_likeness(image: Tensor) -> Tensor:
    """Return how far gradients keep their direction over a few pixels, weighed by their power.

    The coherence of the structure tensor (Bigun & Granlund, ICCV 1987): 1 for straight lines.
    """
    dy, dx = torch.gradient(image)
    yy, xx, xy = (_averaged(one, 2 * _SMOOTHING + 1) for one in (dy * dy, dx * dx, dy * dx))
    sum_, difference = yy + xx, torch.sqrt((yy - xx).square() + 4.0 * xy.square())
    return difference.sum() / sum_.sum().clamp(min=1e-12)


def _roundness(image: Tensor) -> tuple[Tensor, Tensor]:
    """Return the isotropic share of the curvature where it is negative (spots), and elsewhere.

    With the eigenvalues a, b of the Hessian of one sign it is |a + b| - |a - b| over |a + b|.
    """
    dy, dx = torch.gradient(image)
    (yy, yx), (_, xx) = torch.gradient(dy), torch.gradient(dx)
    both = yy + xx
    isotropic = (both.abs() - torch.sqrt((yy - xx).square() + 4.0 * yx.square())).clamp(min=0.0)
    spots, holes = both < 0.0, both >= 0.0
    spot, hole = (
        (isotropic * part).sum() / (both.abs() * part).sum().clamp(min=1e-12)
        for part in (spots, holes)
    )
    return spot, hole


def _averaged(image: Tensor, side: int) -> Tensor:
    """Return the mean over squares of `side` pixels, the same size, borders from what is there."""
    side += 1 - side % 2
    return avg_pool2d(image[None], side, 1, side // 2, count_include_pad=False)[0]
