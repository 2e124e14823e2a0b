"""Train a small RCAN on pairs of images as the report does: crops, turns, percentiles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import l1_loss

from bench.report import Row
from livesim_models.network import Network
from livesim_models.rcan.model import RcanArchitecture
from livesim_models.registry import build

DARKEST, BRIGHTEST = 0.02, 0.999
"""Quantiles of an image that become 0 and 1."""
STEP_ONE = RcanArchitecture(inputs=9, outputs=9, groups=3, blocks=2, features=16, reduction=4)
STEP_TWO = STEP_ONE.model_copy(update={"inputs": 1, "outputs": 1, "space_to_depth": 2})
"""The report's have 5 groups of 3 blocks with 32 features, and no space-to-depth front."""
BATCH, CROP, RATE, AVERAGING = 4, 64, 2e-3, 0.98
LOOKS = 6
"""Points of a learning curve."""


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """What a network is given and what it should return, [channel, y, x] each, normalised."""

    given: Tensor
    wanted: Tensor

    @classmethod
    def of(cls, given: Tensor, wanted: Tensor) -> Pair:
        """Return the pair of two images, each scaled by percentiles of its own."""
        return cls(normalised(given), normalised(wanted))


def normalised(image: Tensor) -> Tensor:
    """Return an image, or all frames of a stack, with its percentiles as 0 and 1."""
    shares = torch.tensor([DARKEST, BRIGHTEST])
    low, high = torch.quantile(image.flatten(), shares).tolist()
    return (image - low) / max(high - low, 1e-6)


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A network and how it came about."""

    network: Network
    curve: list[Row]
    """After so many steps, PSNR in dB on examples that it does not learn from."""

    @torch.inference_mode()
    def __call__(self, image: Tensor) -> Tensor:
        """Return the restored image [channel, y, x]; in units of its percentiles."""
        restored: Tensor = self.network(normalised(image)[None])[0]
        return restored


def trained(
    architecture: RcanArchitecture,
    pairs: Sequence[Pair],
    held_out: Sequence[Pair],
    steps: int,
    told: Callable[[Row], None],
) -> Trained:
    """Return a network that has learned from pairs; few numbers, so a mean of its weights is kept.

    Adam, the mean absolute error as Chen et al. (Nat. Methods 18, 678, 2021), a rate that falls to
    nothing; `told` hears of every point of the learning curve.
    """
    torch.manual_seed(1)
    network, mean, curve = build(architecture), build(architecture), list[Row]()
    mean.load_state_dict(network.state_dict())
    optimizer, random = torch.optim.Adam(network.parameters()), np.random.default_rng(1)
    cell = architecture.space_to_depth
    for step in range(1, steps + 1):
        given, wanted = _batch(pairs, cell * CROP, random)
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1.0 - (step - 1) / steps)
        optimizer.zero_grad(set_to_none=True)
        l1_loss(network(given), wanted).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        _average(mean, network, min(AVERAGING, step / (10.0 + step)))
        if step % max(steps // LOOKS, 1) == 0:
            curve.append({"step": step, "dB": decibels(mean, held_out)})
            told(curve[-1])
    return Trained(mean, curve)


@torch.no_grad()
def _average(mean: Network, network: Network, decay: float) -> None:
    for kept, value in zip(mean.parameters(), network.parameters(), strict=True):
        kept.lerp_(value, 1.0 - decay)


@torch.inference_mode()
def decibels(network: Network, pairs: Sequence[Pair]) -> float:
    """Return the mean PSNR of what a network makes of pairs, of which 0 to 1 is the range."""
    off = [float((network(one.given[None])[0] - one.wanted).square().mean()) for one in pairs]
    return float(np.mean([-10.0 * np.log10(value) for value in off]))


def _batch(pairs: Sequence[Pair], side: int, random: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Return matching crops [batch, channel, y, x], turned and mirrored by chance."""
    crops = [_crop(pairs[int(n)], side, random) for n in random.integers(0, len(pairs), BATCH)]
    given, wanted = (torch.stack(images) for images in zip(*crops, strict=True))
    return given, wanted


def _crop(pair: Pair, side: int, random: np.random.Generator) -> tuple[Tensor, Tensor]:
    top, left = (int(random.integers(0, n - side + 1)) for n in pair.given.shape[-2:])
    turns, mirror = int(random.integers(4)), bool(random.integers(2))

    def cut(image: Tensor) -> Tensor:
        part = image[:, top : top + side, left : left + side].rot90(turns, (1, 2))
        return part.flip(2) if mirror else part

    return cut(pair.given), cut(pair.wanted)
