"""Evaluate the transfer function of the widefield microscope, theoretical or measured."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.config.settings import Optics
from livesim.values.pattern import Pattern


@dataclass(frozen=True, eq=False)
class Otf:
    """A rotationally symmetric optical transfer function, 1 at zero frequency.

    Without a `profile` it is that of an ideal circular pupil in incoherent light (Goodman,
    Introduction to Fourier Optics, eq. 6-31) times ``damping ** (f / cutoff)``, the one-parameter
    model of real objectives that fairSIM calls "a".
    """

    cutoff: float
    """Cycles/µm; the OTF is zero from here on."""
    damping: float = 1.0
    profile: Tensor | None = None
    """Measured values at equal steps from zero frequency to the cut-off, both included."""

    def _key(self) -> tuple[float, float, tuple[float, ...] | None]:
        profile = None if self.profile is None else tuple(self.profile.tolist())
        return self.cutoff, self.damping, profile

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Otf) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    @classmethod
    def under(cls, pattern: Pattern, optics: Optics) -> Otf:
        """Return the OTF of `optics` that the modulation of `pattern` was estimated with."""
        return cls.theoretical(optics_under(pattern, optics))

    @classmethod
    def theoretical(cls, optics: Optics) -> Otf:
        """Return the OTF of `optics` with its damping."""
        return cls(optics.cutoff_cycles_per_um, optics.damping)

    def __call__(self, frequency: Tensor) -> Tensor:
        """Return the OTF at `frequency` (cycles/µm, any shape), same shape and dtype."""
        relative = (frequency.abs() / self.cutoff).clamp(max=1.0)
        if self.profile is not None:
            return _interpolate(self.profile.to(frequency), relative)
        ideal = torch.acos(relative) - relative * torch.sqrt(1.0 - relative * relative)
        return ideal * (2.0 / torch.pi) * self.damping**relative

    def at(self, fy: Tensor, fx: Tensor) -> Tensor:
        """Return the OTF on the grid spanned by `fy` and `fx`, broadcast against each other."""
        return self(torch.sqrt(fy * fy + fx * fx))


def optics_under(pattern: Pattern, optics: Optics) -> Optics:
    """Return `optics` with the damping found together with the pattern, unless they set one."""
    if optics.otf_damping != "auto" or pattern.otf_damping is None:
        return optics
    return optics.model_copy(update={"otf_damping": pattern.otf_damping.value})


def _interpolate(profile: Tensor, relative: Tensor) -> Tensor:
    place = relative * (len(profile) - 1)
    low = place.floor().long().clamp(max=len(profile) - 2)
    weight = place - low
    value = profile[low] * (1.0 - weight) + profile[low + 1] * weight
    return torch.where(relative < 1.0, value, torch.zeros_like(value))
