"""Judge networks on plain images by what was held out, without any truth."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from livesim_models.steps import Hybrid
from livesim_models.training.held_out import held_out_means
from livesim_models.trust.evidence import Evidence, Split

CLEAR = 2.0
"""Standard errors by which the error has to fall for a network to be adopted."""
_SPLITS = 2
"""Of a judged stack: the noise that the splits share is the stack's own."""
_MOST_JUDGED = 4
"""Stacks of a recording."""
_LEAST_ERROR = 0.01
"""Of the unseen part's noise: the plain image's own is a good tenth of it, however bright."""


@dataclass(frozen=True, slots=True)
class Errors:
    """The mean square error of a network on what was held out; the plain image's is 1."""

    before: float
    after: float
    uncertainty: float
    """Standard error of their difference."""

    @property
    def fell(self) -> bool:
        """Whether the error fell by more than its own uncertainty."""
        return self.before - self.after > CLEAR * self.uncertainty

    @property
    def rose(self) -> bool:
        """Whether it rose by more than that."""
        return self.after - self.before > CLEAR * self.uncertainty


def compared(
    judged: Mapping[str, JudgedRecording], before: Hybrid, after: Hybrid
) -> tuple[Errors, dict[str, Errors]]:
    """Return the errors of two networks on all recordings together, and on each."""
    each = {name: one.decided(before, after) for name, one in judged.items()}
    first, last = (torch.cat(part) for part in zip(*each.values(), strict=True))
    return _errors(first, last), {name: _errors(*pair) for name, pair in each.items()}


def _errors(before: Tensor, after: Tensor) -> Errors:
    error = float((after - before).std() / math.sqrt(len(before)))
    return Errors(float(before.mean()), float(after.mean()), error)


class _JudgedStack:
    """One raw stack to judge by; it is always split in the same way."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        generator = torch.Generator().manual_seed(2)
        self._splits = [evidence.split(generator) for _ in range(_SPLITS)]

    @torch.no_grad()
    def errors(self, hybrid: Hybrid | None = None) -> tuple[Tensor, Tensor]:
        """Return the errors in the held-out squares, for stopping and for deciding, [square] each.

        Of a network, or of the plain image.
        """
        means = [held_out_means(self._squared(split, hybrid)) for split in self._splits]
        stop, decide = (torch.stack(one).mean(dim=0) for one in zip(*means, strict=True))
        return stop, decide

    def _squared(self, split: Split, hybrid: Hybrid | None) -> Tensor:
        restored = split.plain
        if hybrid is not None:
            values = self.evidence.conditions.values
            restored = hybrid.restored(split.plain[None], split.white[None], values)[0]
        held = torch.fft.rfft2(restored) * self.evidence.share
        off = torch.fft.irfft2(held, s=self.evidence.shape) - split.unseen
        return off.square() - split.unseen_noise


class JudgedRecording:
    """What is judged of one recording.

    Raises
    ------
    ValueError
        If the plain image's error cannot be told from the noise.
    """

    def __init__(self, evidence: Sequence[Evidence]) -> None:
        self._judged = [_JudgedStack(one) for one in evidence[:_MOST_JUDGED]]
        self._stop, self._decide = (float(one.mean()) for one in self._errors(None))
        least = _LEAST_ERROR * float(evidence[0].unseen_noise.mean())
        if min(self._stop, self._decide) < least:
            raise ValueError(
                f"{evidence[0].recording}: expected an error of the plain image that can be told "
                "from the noise, found none: more raw stacks or a larger field are needed"
            )

    def stopping_error(self, hybrid: Hybrid) -> float:
        """Return a network's error where it is watched, the plain image's being 1."""
        return float(self._errors(hybrid)[0].mean()) / self._stop

    def decided(self, before: Hybrid, after: Hybrid) -> tuple[Tensor, Tensor]:
        """Return the errors of two networks in the squares that decide, in the same unit."""
        first, last = (self._errors(one)[1] / self._decide for one in (before, after))
        return first, last

    def _errors(self, hybrid: Hybrid | None) -> tuple[Tensor, Tensor]:
        """Return the errors in all squares; of stacks of one place they are averaged."""
        places: dict[str, list[tuple[Tensor, Tensor]]] = {}
        for one in self._judged:
            places.setdefault(one.evidence.place, []).append(one.errors(hybrid))
        means = [
            [torch.stack(part).mean(dim=0) for part in zip(*own, strict=True)]
            for own in places.values()
        ]
        stop, decide = (torch.cat(part) for part in zip(*means, strict=True))
        return stop, decide
