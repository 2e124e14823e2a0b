"""Build the matrices that mix bands into frames, and their inverses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.values.pattern import Pattern, PatternAngle


@dataclass(frozen=True, slots=True)
class Order:
    """One diffraction order of the illumination: a wave vector and a multiple of it."""

    vector: int
    harmonic: int


@dataclass(frozen=True, slots=True)
class Group:
    """Frames that share one mixing matrix: an angle, or all seven frames of a hexagonal stack."""

    frames: tuple[int, ...]
    """Positions in the raw stack, flattened angle-major."""
    angles: tuple[PatternAngle, ...]
    """One per wave vector present in these frames."""

    @property
    def orders(self) -> tuple[Order, ...]:
        """Every order above zero, vector by vector."""
        return orders_of(len(self.angles), len(self.angles[0].modulation))

    @property
    def usable(self) -> bool:
        """Whether every wave vector of the group was found."""
        return all(angle.usable for angle in self.angles)


def orders_of(vectors: int, harmonics: int) -> tuple[Order, ...]:
    """Return the orders of `vectors` wave vectors with `harmonics` each."""
    return tuple(Order(v, h) for v in range(vectors) for h in range(1, harmonics + 1))


def groups(pattern: Pattern) -> tuple[Group, ...]:
    """Return the groups of frames of `pattern`, in the order of the raw stack."""
    return GROUPS[pattern.layout](pattern)


def _of_all_angles(pattern: Pattern) -> tuple[Group, ...]:
    return (Group(tuple(range(len(pattern.angles[0].phases_rad))), pattern.angles),)


def _of_each_angle(pattern: Pattern) -> tuple[Group, ...]:
    phases = len(pattern.angles[0].phases_rad)
    return tuple(
        Group(tuple(range(number * phases, (number + 1) * phases)), (angle,))
        for number, angle in enumerate(pattern.angles)
    )


GROUPS: Mapping[str, Callable[[Pattern], tuple[Group, ...]]] = {
    "angle-phase": _of_each_angle,
    "hexagonal": _of_all_angles,
}
"""Layout of a pattern -> its groups of frames."""


def mixing_matrix(
    phases: Tensor, modulation: Tensor, intensity: Tensor, orders: tuple[Order, ...]
) -> Tensor:
    """Return M with frames = M @ bands, complex128 [..., frame, 1 + 2 orders].

    The columns are the zero order, every +h band, then every -h band; each band holds the object's
    spectrum times the OTF with no further factor (Gustafsson 2000, eq. 5).

    Parameters
    ----------
    phases
        [..., vector, frame] in rad.
    modulation
        [..., order].
    intensity
        [..., frame], relative brightness.
    orders
        As from `orders_of`.
    """
    harmonics = torch.tensor([[order.harmonic] for order in orders])
    turns = harmonics * phases[..., [order.vector for order in orders], :]
    plus = (0.5 * modulation[..., None] * torch.exp(1j * turns)).mT
    zero = torch.ones_like(plus[..., :1])
    return intensity[..., None] * torch.cat([zero, plus, plus.conj()], dim=-1)


def group_unmixing(group: Group) -> Tensor:
    """Return the least-squares inverse of the group's mixing matrix, [1 + 2 orders, frame]."""
    phases = torch.tensor([angle.phases_rad for angle in group.angles], dtype=torch.float64)
    modulation = torch.tensor(
        [
            angle.modulation[o.harmonic - 1]
            for o in group.orders
            for angle in [group.angles[o.vector]]
        ],
        dtype=torch.float64,
    )
    intensity = _intensity(group.angles[0])
    return torch.linalg.pinv(mixing_matrix(phases, modulation, intensity, group.orders))


def _intensity(angle: PatternAngle) -> Tensor:
    values = angle.intensity or (1.0,) * len(angle.phases_rad)
    return torch.tensor(values, dtype=torch.float64)
