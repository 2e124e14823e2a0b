"""Prepare what each group of frames is estimated from, the other groups' zero order included.

All groups show the same object: the zero order of the others counts as one more frame without
fringes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.reconstruction.estimate.parameters import Parameters
from livesim.reconstruction.estimate.spectra import Spectra, Steady


@dataclass(frozen=True, eq=False)
class Frames:
    """The frames and the zero order that one group is estimated from."""

    own: Tensor
    """[time, frame, y, x // 2 + 1] spectra of its frames."""
    others: Tensor | None
    """[time, 1, y, x // 2 + 1] zero order of the other groups, a last frame, if there are any."""
    noise: Tensor
    """[frame] noise power per spectral sample, float64."""
    intensity: Tensor
    """[frame] relative brightness that was divided out, float64; 1 for the last frame."""
    level: float
    """Mean photo-electrons."""
    steady: Steady

    def map(self, work: Callable[[Tensor], Tensor]) -> Tensor:
        """Return `work` of all frames, [time, frame, ...]."""
        if self.others is None:
            return work(self.own)
        return torch.cat([work(self.own), work(self.others)], dim=1)


def frames_of(spectra: Spectra, at: Sequence[Parameters | None]) -> list[Frames]:
    """Return the frames of every group, with the zero order of the others beside them.

    The fringes of the patterns `at` are taken off it; groups without a pattern give their mean.
    """
    groups = len(at)
    rows = torch.stack([_row(one, noise) for one, noise in zip(at, spectra.noise, strict=True)])
    precision = 1.0 / (rows.square() * spectra.noise).sum(dim=1)
    weights = precision * (spectra.brightness.mean(dim=1) > 0.0) * (1.0 - torch.eye(groups))
    total = weights.sum(dim=1)
    if not bool((total > 0.0).all()):
        return [_frames(spectra, number, None, spectra.noise[number]) for number in range(groups)]
    shares = (weights / total[:, None])[..., None] * rows
    parts = torch.view_as_real(spectra.frames).flatten(3).flatten(1, 2)
    others = (shares.flatten(1).float() @ parts).unflatten(-1, (*spectra.frames.shape[-2:], 2))
    others = torch.view_as_complex(others)
    noise = torch.cat([spectra.noise, 1.0 / total[:, None]], dim=1)
    return [
        _frames(spectra, number, others[:, number : number + 1], noise[number])
        for number in range(groups)
    ]


def _row(at: Parameters | None, noise: Tensor) -> Tensor:
    """Return the row of weights that turns a group's frames into the zero order, [frame]."""
    if at is None:
        return torch.full_like(noise, 1.0 / len(noise))
    return at.unmixing(noise)[0].real


def _frames(spectra: Spectra, number: int, others: Tensor | None, noise: Tensor) -> Frames:
    own = spectra.intensity[number]
    intensity = torch.ones_like(noise)
    intensity[: len(own)] = own / own.mean()
    return Frames(
        spectra.frames[:, number], others, noise, intensity, spectra.level, spectra.steady
    )
