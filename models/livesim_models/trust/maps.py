"""Map what the photons say of a restored image and of the instrument that took it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from livesim_models.evaluation.residual import Reprojection, inside
from livesim_models.evaluation.similarity import BORDER

NEAR = 5
"""Pixels of the doubled grid over which squares are averaged that are held against an error."""
HAZE = 33
"""Pixels of the doubled grid: what is smoother is taken for light out of focus."""
_DARK = 0.02
"""Quantile of the widefield image that counts as no light."""
_LEAST_BEYOND = 0.02
"""Of all frequencies: fewer than that beyond the cut-off tell little."""
_LEAST_NOISE = 1e-3
_LEAST_CHANGE = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Restoration:
    """One stack's images [2 y, 2 x], photo-electrons per raw pixel."""

    plain: Tensor
    """Without networks."""
    network: Tensor
    """With networks alone, or another image that is to be judged."""
    image: Tensor
    """Arbitrated."""
    error: Tensor
    """Standard deviation of the arbitrated image."""

    @property
    def shown(self) -> Tensor:
        """Share of the network's change that is shown around every pixel, [2 y, 2 x] 0 to 1."""
        change = self.network - self.plain
        power = mean_around(change.square(), NEAR)
        agreed = mean_around((self.image - self.plain) * change, NEAR)
        return (agreed / power.clamp(min=_LEAST_CHANGE)).clamp(0.0, 1.0)

    @property
    def overruled(self) -> Tensor:
        """How far the network's image is off around every pixel, in standard deviations."""
        off = mean_around((self.network - self.image).square(), NEAR)
        return (off / mean_around(self.error.square(), NEAR).clamp(min=_LEAST_CHANGE)).sqrt()


@dataclass(frozen=True, slots=True, eq=False)
class PlainResidual:
    """What the photons say of the plain reconstruction.

    It explains all but noise if pattern, OTF and camera are what the settings say.
    """

    sigmas: Tensor
    """[2 y, 2 x] positive where the photons ask for more light; of noise alone mean 0, variance
    1."""
    light: Tensor
    """[2 y, 2 x] what the structures themselves are worth, in the same unit."""
    noise_ratio: float
    """By which both were divided: the noise found, of that which gain and read noise say."""


def plain_residual(reprojection: Reprojection, counts: Tensor, plain: Tensor) -> PlainResidual:
    """Hold the plain reconstruction [2 y, 2 x] against the raw counts [frame, y, x].

    Parameters
    ----------
    reprojection
        Of the instrument as it was.
    """
    found = reprojection.explained(plain, counts)
    noise = noise_ratio(found.sigmas, reprojection.band)
    photons = (counts.to(found.photons) - reprojection.camera.offset) / reprojection.camera.gain
    dark = torch.quantile(_sampled(photons.mean(dim=0)), _DARK)
    light = (found.photons - dark).clamp(min=0.0) * found.weights
    sigmas = reprojection.map(found.sigmas / noise)
    return PlainResidual(sigmas - mean_around(sigmas, HAZE), reprojection.map(light / noise), noise)


def noise_ratio(sigmas: Tensor, band: Tensor) -> float:
    """Return how strong the noise is, of what the camera's gain and read noise say.

    Beyond the optical cut-off nothing but noise can be, whatever the image.

    Parameters
    ----------
    sigmas
        [frame, y, x] residuals.
    band
        [y, x] in FFT order, true at the frequencies that the optics pass.

    Returns
    -------
    float
        1 where the pixels are too large for frequencies that the optics do not pass.
    """
    rows, columns = band.shape
    if float((~band).double().mean()) < _LEAST_BEYOND:
        return 1.0
    window = torch.hann_window(rows)[:, None] * torch.hann_window(columns)
    window = (window / window.square().mean().sqrt()).to(sigmas)
    power = torch.fft.fft2(sigmas * window).abs().square()[:, ~band] / (rows * columns)
    return float(power.mean().sqrt().clamp(min=_LEAST_NOISE))


def mean_around(image: Tensor, side: int) -> Tensor:
    """Return the mean over squares of `side` pixels, at the border over what there is of them."""
    rows = avg_pool2d(image[None], (side, 1), 1, (side // 2, 0), count_include_pad=False)
    return avg_pool2d(rows, (1, side), 1, (0, side // 2), count_include_pad=False)[0]


def _sampled(image: Tensor) -> Tensor:
    """Return pixels inside the border, few enough for a quantile."""
    flat = inside(image, BORDER // 2).flatten()
    return flat[:: max(1, flat.numel() // 2**20)]
