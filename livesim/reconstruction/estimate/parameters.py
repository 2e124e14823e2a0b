"""Hold the illumination of a group of frames, named and as a solver's flat vector."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from livesim.reconstruction.estimate.grid import EstimationGrid
from livesim.reconstruction.separation import Order, mixing_matrix, orders_of

LEAST_MODULATION = 0.02
_MODULATION_RANGE = (LEAST_MODULATION, 1.0)
_STEP = 1e-6  # of the numerical derivatives


@dataclass(frozen=True, eq=False)
class Parameters:
    """The illumination of one group of frames; phases are those at the centre of the field.

    All may have the same leading axes, for many guesses at once.
    """

    k: Tensor
    """[..., vector, 2] (kx, ky) in cycles/µm."""
    phases: Tensor
    """[..., vector, frame] rad."""
    modulation: Tensor
    """[..., order]."""
    intensity: Tensor
    """[..., frame], mean 1; one more than there are phases if the frames of the other groups
    count as a last frame, one without fringes."""

    @property
    def orders(self) -> tuple[Order, ...]:
        """Every order above zero."""
        vectors = self.k.shape[-2]
        return orders_of(vectors, self.modulation.shape[-1] // vectors)

    def shift(self, number: int) -> tuple[float, float]:
        """Return the wave vector (kx, ky) of an order."""
        order = self.orders[number]
        kx, ky = (order.harmonic * self.k[order.vector]).tolist()
        return kx, ky

    def mixing(self) -> Tensor:
        """Return the matrix from bands to frames, [..., frame, 1 + 2 orders]."""
        count = self.phases.shape[-1]
        own = self.intensity[..., :count]
        mixing = mixing_matrix(self.phases, self.modulation, own, self.orders)
        plain = torch.zeros_like(mixing[..., :1, :]).expand(*own.shape[:-1], 1, -1).clone()
        plain[..., 0, 0] = self.intensity[..., -1]
        return torch.cat([mixing, plain[..., : self.intensity.shape[-1] - count, :]], dim=-2)

    def scaled(self, factors: Tensor) -> Parameters:
        """Return the parameters whose bands are those of these times `factors` [order].

        Harmonics of one vector share its phase: each says it by the share of its modulation.
        """
        modulation = (self.modulation / factors.abs()).clamp(*_MODULATION_RANGE)
        turns = torch.zeros(len(self.k), dtype=torch.float64)
        weights = torch.zeros_like(turns)
        for number, order in enumerate(self.orders):
            turns[order.vector] -= modulation[number] * factors[number].angle() / order.harmonic
            weights[order.vector] += modulation[number]
        phases = self.phases + (turns / weights)[:, None]
        return replace(self, phases=phases, modulation=modulation)

    def factors(self, other: Parameters) -> Tensor:
        """Return what turns the bands into those of `other`, whose steps are the same, [band]."""
        turns = (other.phases - self.phases)[:, 0]
        size = self.modulation / other.modulation
        orders = [
            size[n] * torch.exp(-1j * o.harmonic * turns[o.vector])
            for n, o in enumerate(self.orders)
        ]
        plus = torch.stack(orders)
        return torch.cat([torch.ones_like(plus[:1]), plus, plus.conj()])

    def unmixing(self, noise: Tensor) -> Tensor:
        """Return the best matrix from frames to bands, [..., 1 + 2 orders, frame].

        `noise` [frame] is the frames' noise power, in any unit.
        """
        root = (noise.mean() / noise).sqrt()
        return torch.linalg.pinv(root[:, None] * self.mixing()) * root


class Coordinates:
    """Parameters <-> one flat vector for the solver: phases, modulation, brightness, k shifts."""

    def __init__(self, start: Parameters) -> None:
        self.start = start
        self.vectors, self.phased = start.phases.shape
        """Frames with fringes."""
        self.frames = len(start.intensity)
        self.orders = start.orders
        self.contrast = _contrast(self.frames)
        """[frame, frame - 1] orthonormal: brightness differences that leave the mean alone."""
        self.steps = _contrast(self.phased)
        """The same for the phases of one vector."""
        sizes = (start.phases.numel(), len(self.orders), self.frames - 1, 2 * self.vectors)
        ends = [sum(sizes[: n + 1]) for n in range(4)]
        self.phase, self.modulation, self.intensity, self.shift = (
            slice(end - size, end) for end, size in zip(ends, sizes, strict=True)
        )
        self.size = ends[-1]

    def without_steps(self) -> Tensor:
        """Return the projection that leaves of the phases only what the frames share."""
        size, level = self.phased, torch.eye(self.size, dtype=torch.float64)
        even = torch.full((size, size), 1.0 / size, dtype=torch.float64)
        level[self.phase, self.phase] = torch.block_diag(*[even] * self.vectors)
        return level

    def flat(self) -> Tensor:
        """Return the start as a vector; its k shifts are zero."""
        start = self.start
        shifts = torch.zeros(2 * self.vectors, dtype=torch.float64)
        contrast = self.contrast.T @ start.intensity
        return torch.cat([start.phases.flatten(), start.modulation, contrast, shifts])

    def limited(self, flat: Tensor, step: Tensor, pixel: float) -> Tensor:
        """Return flat + step, no further than a quadratic model can be trusted."""
        bounded = step.clone()
        bounded[self.phase] = step[self.phase].clamp(-0.5, 0.5)
        bounded[self.modulation] = step[self.modulation].clamp(-0.3, 0.3)
        bounded[self.intensity] = step[self.intensity].clamp(-0.1, 0.1)
        bounded[self.shift] = step[self.shift].clamp(-0.5 * pixel, 0.5 * pixel)
        moved = flat + bounded
        moved[self.modulation] = moved[self.modulation].clamp(*_MODULATION_RANGE)
        return moved

    def parameters(self, flat: Tensor) -> Parameters:
        """Return what the vectors [..., parameter] stand for."""
        return Parameters(
            k=self.start.k + self._shifts(flat),
            phases=flat[..., self.phase].unflatten(-1, (self.vectors, self.phased)),
            modulation=flat[..., self.modulation],
            intensity=1.0 + flat[..., self.intensity] @ self.contrast.T,
        )

    def _shifts(self, flat: Tensor) -> Tensor:
        return flat[..., self.shift].unflatten(-1, (self.vectors, 2))

    def mixing_jacobian(self, flat: Tensor) -> Tensor:
        """Return the derivative of the mixing matrix, [frame, band, parameter]."""
        steps = _STEP * torch.eye(self.size, dtype=torch.float64)
        mixing = self.parameters(flat + torch.cat([steps, -steps])).mixing()
        ahead, behind = mixing.chunk(2)
        return ((ahead - behind) / (2.0 * _STEP)).movedim(0, -1)


def _contrast(count: int) -> Tensor:
    flat = torch.ones(count, 1, dtype=torch.float64)
    return torch.linalg.qr(
        torch.cat([flat, torch.eye(count, dtype=torch.float64)[:, :-1]], dim=1)
    ).Q[:, 1:]


def at_origin(parameters: Parameters, grid: EstimationGrid) -> Parameters:
    """Refer the phases to the centre of raw pixel (0, 0)."""
    centre = torch.tensor(grid.centre_um, dtype=torch.float64)
    phases = parameters.phases - 2.0 * torch.pi * (parameters.k @ centre)[:, None]
    return replace(parameters, phases=phases)
