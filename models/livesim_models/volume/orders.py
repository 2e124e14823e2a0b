"""Turn the raw frames of planes into orders without fringes, which a network denoises, and back.

The five frames of an angle are D_n = b_n (c_0 + Re(c_1 exp(i phi_n)) + Re(c_2 exp(2 i phi_n))), and
c_h, the band of order h, is an image of the object under the wave exp(2 pi i h k.r). Without that
wave it looks like the object, whatever the pattern is: so a network need not learn patterns.

The transform is orthonormal, the nearest one to the separation of bands: so white noise stays
white, nothing is lost, and phases that are hardly told apart amplify nothing.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from livesim.reconstruction.grid import positions
from livesim.values.pattern import Pattern, PatternAngle
from livesim_models.conditions import around

ORDERS: Final = 5
"""Numbers of an angle: c_0, and the real and the imaginary parts of c_1 and c_2."""
FRAMES: Final = 3 * ORDERS
"""Of a plane: three angles of as many phases as there are numbers."""
BESIDE: Final = (-1, 1, -2, 2)
"""Planes that a network sees beside the one it denoises."""
CHANNELS: Final = FRAMES * (1 + len(BESIDE)) + 1
"""Of what a network is given: the orders of a plane and of those beside it, and the noise."""
_SCALE, _NOISE = 0.5, 0.25
"""By which orders, in standard deviations, and the logarithm of the noise are scaled."""
_LEAST_VARIANCE = 1e-2
"""Photo-electrons squared."""


class PlaneOrders:
    """Turns raw frames that are lit by one pattern into orders, and back.

    Parameters
    ----------
    pattern
        Of three angles of five phases.
    """

    def __init__(self, pattern: Pattern, device: torch.device | str = "cpu") -> None:
        self._mixed = torch.stack([_mixed(angle) for angle in pattern.angles]).to(device)
        y, x = positions(pattern.shape, pattern.pixel_nm / 1000.0)
        turns = [
            2.0
            * torch.pi
            * harmonic
            * (angle.k_cycles_per_um[0] * x + angle.k_cycles_per_um[1] * y)
            for angle in pattern.angles
            for harmonic in (1, 2)
        ]
        waves = torch.polar(torch.ones(()).double(), torch.stack(turns)).to(torch.complex64)
        self._waves = waves.unflatten(0, (len(pattern.angles), 2)).to(device)

    def of(self, frames: Tensor) -> Tensor:
        """Return the orders [z, angle x number, y, x] of frames [z, angle, phase, y, x]."""
        mixed = torch.einsum("zapyx,apn->zanyx", frames, self._mixed)
        return self._turned(mixed, self._waves.conj()).flatten(1, 2)

    def frames(self, orders: Tensor) -> Tensor:
        """Return the frames [z, angle, phase, y, x] of orders."""
        mixed = self._turned(orders.unflatten(1, (-1, ORDERS)), self._waves)
        return torch.einsum("zanyx,apn->zapyx", mixed, self._mixed)

    def _turned(self, numbers: Tensor, waves: Tensor) -> Tensor:
        """Return [z, angle, number, y, x] with all orders but 0 multiplied by a wave."""
        bands = torch.complex(numbers[:, :, 1::2], numbers[:, :, 2::2]) * waves
        parts = torch.view_as_real(bands).movedim(-1, 3).flatten(2, 3)
        return torch.cat([numbers[:, :, :1], parts], dim=2)


def _mixed(angle: PatternAngle) -> Tensor:
    """Return the orthonormal matrix [phase, number] of one angle."""
    phases = torch.tensor(angle.phases_rad, dtype=torch.float64)
    bright = torch.tensor(angle.intensity or (1.0,) * len(phases), dtype=torch.float64)
    half = 0.5**0.5
    columns = [torch.full_like(phases, half)]
    for harmonic in (1, 2):
        columns += [torch.cos(harmonic * phases), -torch.sin(harmonic * phases)]
    left, _, right = torch.linalg.svd(bright[:, None] * torch.stack(columns, dim=1))
    return (left @ right).float()


def noise_of(widefield: Tensor, read_noise: float) -> Tensor:
    """Return the standard deviation [z, y, x] of frames around which so much light is."""
    light = around(widefield).clamp(min=0.0)
    return (light + read_noise**2).clamp(min=_LEAST_VARIANCE).sqrt()


def given_orders(orders: Tensor, noise: Tensor) -> Tensor:
    """Return what a network is given of every plane, [z, channel, y, x].

    Beyond the first and the last plane these themselves are given.

    Parameters
    ----------
    orders
        [z, angle x number, y, x] photo-electrons.
    noise
        [z, y, x] its standard deviation.
    """
    detail = orders.clone()
    zeros = slice(None, None, ORDERS)
    detail[:, zeros] -= around(orders[:, zeros])  # light without structure, most of it haze
    own = torch.asinh(_SCALE * detail / noise[:, None])
    at = torch.arange(len(own))
    beside = [own[(at + off).clamp(0, len(own) - 1)] for off in BESIDE]
    return torch.cat([own, *beside, _NOISE * noise.log2()[:, None]], dim=1)
