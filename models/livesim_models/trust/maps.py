"""Map where a raw stack and the images made of it contradict each other."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from livesim_models.evaluation.residual import Reprojection, inside
from livesim_models.evaluation.similarity import BORDER

_DARK = 0.02
"""Quantile of the widefield image that counts as no light."""
_LEAST_BEYOND = 0.02
"""Of all frequencies: fewer than that beyond the cut-off tell little."""
_LEAST_NOISE = 1e-3
_HAZE = 33
"""Pixels of the doubled grid: what is smoother is taken for light out of focus."""
_NEAR = 33
"""Pixels of the doubled grid that count as the neighbourhood."""


@dataclass(frozen=True, eq=False)
class PhotonMaps:
    """What the photons say of an image and of the plain reconstruction, [2 y, 2 x] each.

    All are in standard deviations: of noise alone mean 0 and variance 1.
    """

    residual: Tensor
    """Of the image: positive where the photons ask for more light."""
    plain: Tensor
    """The same of the plain reconstruction, which explains noise as well."""
    change: Tensor
    """`residual` minus `plain`, weighed alike: what the networks changed, as the photons see it."""
    light: Tensor
    """What the structures themselves are worth."""
    noise_ratio: float = 1.0
    """By which all of them were divided: the noise found, of that which the camera's gain and read
    noise say."""

    @property
    def denied(self) -> Tensor:
        """What the photons deny and the networks brought in: of residual and change the lesser.

        An instrument that is not what the pattern says leaves a residual in the plain
        reconstruction too; that is no fault of the networks and drops out.
        """
        size = torch.minimum(self.residual.abs(), self.change.abs())
        return self.residual.sign() * size


def photon_maps(
    reprojection: Reprojection, counts: Tensor, image: Tensor, plain: Tensor
) -> PhotonMaps:
    """Hold an image and the plain reconstruction against the raw photons.

    Parameters
    ----------
    reprojection
        Of the instrument as it was.
    counts
        [frame, y, x] of the raw stack.
    image, plain
        [2 y, 2 x] with and without networks.
    """
    found, without = (reprojection.explained(one, counts) for one in (image, plain))
    noise = noise_ratio(without.sigmas, reprojection.band)
    photons = (counts.to(found.photons) - reprojection.camera.offset) / reprojection.camera.gain
    dark = torch.quantile(_sampled(photons.mean(dim=0)), _DARK)
    light = (torch.maximum(found.photons, without.photons) - dark).clamp(min=0.0)
    weights = found.weights / noise
    return PhotonMaps(
        residual=_without_haze(reprojection.map(found.sigmas / noise)),
        plain=_without_haze(reprojection.map(without.sigmas / noise)),
        change=_without_haze(reprojection.map((without.photons - found.photons) * weights)),
        light=reprojection.map(light * weights),
        noise_ratio=noise,
    )


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


def change_map(before: Tensor, after: Tensor, noise: Tensor) -> Tensor:
    """Return what a step changed, [2 y, 2 x], in standard deviations of `noise`.

    Parameters
    ----------
    before, after
        [2 y, 2 x] in the same unit.
    noise
        [2 y, 2 x] what the plain reconstruction makes of noise alone; its strength in the
        neighbourhood is what counts.
    """
    return (after - before) / _nearby(noise.square(), _NEAR).sqrt().clamp(min=1e-6)


def _without_haze(sigmas: Tensor) -> Tensor:
    """Return a map without what is the same all around: light out of focus is in no model here."""
    return sigmas - _nearby(sigmas, _HAZE)


def _nearby(image: Tensor, side: int) -> Tensor:
    """Return the mean over squares of `side` pixels, at the border over what there is of them."""
    rows = avg_pool2d(image[None], (side, 1), 1, (side // 2, 0), count_include_pad=False)
    return avg_pool2d(rows, (1, side), 1, (0, side // 2), count_include_pad=False)[0]


def _sampled(image: Tensor) -> Tensor:
    """Return pixels inside the border, few enough for a quantile."""
    flat = inside(image, BORDER // 2).flatten()
    return flat[:: max(1, flat.numel() // 2**20)]
