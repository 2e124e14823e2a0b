"""Describe the zero order's power over frequency by a smooth law."""

from __future__ import annotations

import torch
from torch import Tensor

from livesim.reconstruction.otf import Otf
from livesim.reconstruction.otf_damping.shared_light import SharedLight

_RINGS = 32
_CLEAR = 4.0  # standard errors from which a ring counts
_FEW, _MANY = 4, 8  # rings: for a power law, and for one that bends
_IDEAL = Otf(1.0)


class ZeroOrderPower:
    """The power per sample of an ideal OTF, a power law of the object and the OTF's damping.

    Used ring by ring as a weight, the measured power would weigh upward what chance made brighter.
    """

    def __init__(self, light: SharedLight) -> None:
        ring = (light.zero_at * _RINGS).long().clamp(max=_RINGS - 1)
        samples = torch.bincount(ring, light.samples, _RINGS)
        mean = torch.bincount(ring, light.zero, _RINGS) / samples.clamp(min=1.0)
        self._noise = float(light.zero_noise.mean())
        independent = 0.5 * samples / (light.order.max() + 1)  # all orders show the same X
        error = (mean.clamp(min=0.0) + self._noise) / independent.clamp(min=1.0).sqrt()
        clear = (mean > _CLEAR * error) & (samples > 0.0)
        self._terms = 3 if int(clear.sum()) >= _MANY else 2
        at = (torch.arange(_RINGS, dtype=torch.float64) + 0.5) / _RINGS
        if int(clear.sum()) >= _FEW:
            level = mean[clear].log() - 2.0 * _IDEAL(at[clear]).log()
            columns = self._columns(at[clear])
            self._law = torch.linalg.solve(columns.mT @ columns, columns.mT @ level)
        else:
            flat = max(float(mean.max()), self._noise, 1e-30)
            self._law = torch.tensor([flat, 1.0, 1.0], dtype=torch.float64).log()[: self._terms]

    def __call__(self, frequency: Tensor) -> Tensor:
        """Return it at `frequency`, in units of the cut-off."""
        power = torch.exp(self._columns(frequency) @ self._law) * _IDEAL(frequency).square()
        return power.clamp(min=1e-6 * self._noise + 1e-30)

    def _columns(self, frequency: Tensor) -> Tensor:
        columns = [torch.ones_like(frequency), frequency.log(), frequency]
        return torch.stack(columns[: self._terms], dim=1)
