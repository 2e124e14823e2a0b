"""A raw stack and the images made of it in; maps of where they contradict each other out."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from livesim_models.evaluation.residual import Reprojection, inside
from livesim_models.evaluation.similarity import BORDER

_DARK = 0.02
"""Quantile of the widefield image that counts as no light."""
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
    photons = (counts.to(found.photons) - reprojection.camera.offset) / reprojection.camera.gain
    dark = torch.quantile(_sampled(photons.mean(dim=0)), _DARK)
    light = (torch.maximum(found.photons, without.photons) - dark).clamp(min=0.0)
    return PhotonMaps(
        residual=reprojection.map(found.sigmas),
        plain=reprojection.map(without.sigmas),
        change=reprojection.map((without.photons - found.photons) * found.weights),
        light=reprojection.map(light * found.weights),
    )


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
    power = noise.square()[None]
    for side, around in (((_NEAR, 1), (_NEAR // 2, 0)), ((1, _NEAR), (0, _NEAR // 2))):
        power = avg_pool2d(power, side, 1, around, count_include_pad=False)
    return (after - before) / power[0].sqrt().clamp(min=1e-6)


def _sampled(image: Tensor) -> Tensor:
    """Return pixels inside the border, few enough for a quantile."""
    flat = inside(image, BORDER // 2).flatten()
    return flat[:: max(1, flat.numel() // 2**20)]
