"""Teach a network on plain images by raw stacks alone, and say whether it has learned anything.

It learns from the larger part of a split what the smaller part shows (`trust.evidence`): no bright
reference and no truth are needed. Its answers to drawn examples are held where they were, so that
it forgets little (learning without forgetting, Li & Hoiem, ECCV 2016).
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor

from livesim_models.conditions import given
from livesim_models.data.varied.example import Example
from livesim_models.evaluation.similarity import BORDER
from livesim_models.network import Network
from livesim_models.registry import build
from livesim_models.steps import Hybrid
from livesim_models.training.held_out import learned_mask
from livesim_models.training.judging import Errors, JudgedRecording, compared
from livesim_models.training.varied import Learner
from livesim_models.trust.evidence import Evidence

EXAMINE_EVERY = 25
"""Steps between two looks at what is held out."""
PATIENCE = 6
"""Looks without a lower error after which there is nothing more to gain."""
_RATE, _WARM_UP, _AVERAGING = 4e-4, 25, 0.98
_KEEPING = 0.2
"""What a change of the answers to drawn examples counts."""
_CROP, _MARGIN = 128, 16
"""Pixels of what is learned from at a time, and those around it that do not count."""
_BATCH = 4


@dataclass(frozen=True, slots=True, eq=False)
class Adapted:
    """What came of an adaptation."""

    network: Network
    """The best one seen."""
    steps: int
    """In all."""
    seconds: float
    errors: Errors
    recordings: Mapping[str, Errors]
    """The same by recording."""

    @property
    def gained(self) -> bool:
        """Whether the network is better than before, and on no recording worse."""
        return self.errors.fell and not any(one.rose for one in self.recordings.values())


@dataclass(frozen=True, slots=True)
class Look:
    """How far an adaptation is."""

    steps: int
    seconds: float
    error: float
    """In the squares that say when to stop, the plain image's being 1."""
    lowest: float


def adapt(
    network: Network,
    evidence: Sequence[Evidence],
    rehearsal: Sequence[Example],
    most_seconds: float,
    tell: Callable[[Look], None],
) -> Adapted:
    """Adapt a network to raw stacks until their held-out error falls no more.

    Parameters
    ----------
    network
        To begin with; it stays as it is.
    evidence
        The raw stacks.
    rehearsal
        Batches of drawn examples.
    most_seconds
        After which it stops in any case.
    tell
        Hears of every look at what is held out; where it raises KeyboardInterrupt, the best network
        so far is the outcome.

    Raises
    ------
    ValueError
        If a field is too small, or the plain image's error cannot be told from the noise.
    """
    learned, judged = _divided(evidence)
    first, learner = Hybrid(network), _learner(network)
    generator = torch.Generator().manual_seed(1)
    began, error, lowest, lowest_at = time.monotonic(), math.inf, math.inf, 0
    best, steps = learner.averaged_network, 0
    try:
        for steps in itertools.count():
            if steps % EXAMINE_EVERY == 0:
                error = _error(judged, learner.averaged)
                if error < lowest:
                    best, lowest, lowest_at = deepcopy(learner.averaged_network), error, steps
            seconds = time.monotonic() - began
            tell(Look(steps, seconds, error, lowest))
            if steps - lowest_at >= PATIENCE * EXAMINE_EVERY or seconds > most_seconds:
                break
            drawn = rehearsal[steps % len(rehearsal)].turned(steps // len(rehearsal) % 8)
            loss = learned[steps % len(learned)].loss(learner.learning, generator)
            kept = _kept(learner.learning, first, drawn)
            learner.follow(loss + _KEEPING * kept, _rate(steps), _AVERAGING, steps)
    except KeyboardInterrupt:
        pass
    best.requires_grad_(False)
    found = compared(judged, first, Hybrid(best))
    return Adapted(best, steps, time.monotonic() - began, *found)


class _Learned:
    """One raw stack to learn from."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        shape = evidence.shape
        self._mask = learned_mask(shape).to(evidence.plain)
        self._kernel = _cut_share(evidence.share, shape)
        self._unit = evidence.unseen_noise.mean()

    def loss(self, hybrid: Hybrid, generator: torch.Generator) -> Tensor:
        """Return the mean of (W R - S)² in some places of a new split, in units of S's noise."""
        plain, white, unseen, mask = self._crops(generator)
        values = self._evidence.conditions.values.expand(len(plain), -1)
        restored = hybrid.restored(plain, white, values)
        held = torch.fft.irfft2(torch.fft.rfft2(restored) * self._kernel, s=(_CROP, _CROP))
        inner = (..., slice(_MARGIN, -_MARGIN), slice(_MARGIN, -_MARGIN))
        counted = mask[inner]
        squared = (held - unseen)[inner].square() * counted
        return squared.sum() / counted.sum().clamp(min=1.0) / self._unit

    def _crops(self, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Return places of a split: plain, white and unseen images and the mask, [place, y, x]."""
        split = self._evidence.split(generator)
        images = torch.stack([split.plain, split.white, split.unseen, self._mask])
        return torch.stack([_crop(images, generator) for _ in range(_BATCH)], dim=1).unbind()


def _divided(evidence: Sequence[Evidence]) -> tuple[list[_Learned], dict[str, JudgedRecording]]:
    """Return what to learn from, and what to judge by: of several stacks every fourth."""
    learned, judged = [], {}
    for name in dict.fromkeys(one.recording for one in evidence):
        own = [one for one in evidence if one.recording == name]
        kept = own[1::4] or own
        judged[name] = JudgedRecording(kept)
        learned += [_Learned(one) for one in own if len(own) == 1 or one not in kept]
    return learned, judged


def _learner(network: Network) -> Learner[Hybrid]:
    copies = deepcopy(network).requires_grad_(True), build(network.architecture)
    return Learner.of(Hybrid, *copies, _RATE)


def _kept(hybrid: Hybrid, first: Hybrid, drawn: Example) -> Tensor:
    """Return by how much a network's answers to drawn examples have changed, mean square.

    In units of what a plain image is off by. Before the first step it is 0, and so is its gradient.
    """
    channels, _ = given(drawn.plain, drawn.white, drawn.values)
    with torch.no_grad():
        before = first.network(channels)
    return (hybrid.network(channels) - before).square().mean()


def _rate(number: int) -> float:
    return _RATE * min(1.0, (number + 1) / _WARM_UP)


def _error(judged: Mapping[str, JudgedRecording], hybrid: Hybrid) -> float:
    return sum(one.stopping_error(hybrid) for one in judged.values()) / len(judged)


def _cut_share(share: Tensor, shape: tuple[int, int]) -> Tensor:
    """Return the share of a field's frequencies for images of `_CROP` pixels along each side."""
    kernel = torch.fft.fftshift(torch.fft.irfft2(share, s=shape))
    rows, columns = (slice(n // 2 - _CROP // 2, n // 2 + _CROP // 2) for n in shape)
    return torch.fft.rfft2(torch.fft.ifftshift(kernel[rows, columns]))


def _crop(images: Tensor, generator: torch.Generator) -> Tensor:
    """Return a place of images [image, y, x], the same of each."""
    first = BORDER - _MARGIN
    top, left = (
        first + int(torch.randint(n - _CROP - 2 * first + 1, (), generator=generator))
        for n in images.shape[-2:]
    )
    return images[:, top : top + _CROP, left : left + _CROP]
