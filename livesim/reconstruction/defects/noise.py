"""Measure how far pixels scatter about what their neighbours say, over the light."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from livesim.reconstruction.defects.sharpness import REACH

BLOCK = 8
"""Pixels on a side over which the light is averaged."""
_BINS = 16
_MOST_BLOCKS = 509
"""That are looked at; a prime, so that they lie in all columns."""
_KEPT, _KEPT_VARIANCE = 0.75, 0.368
"""Share of the smallest remainders that is used, and their variance of a normal distribution."""
_SATURATED = 0.5
_SURE = 5.0
_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Scatter:
    """The variance of the counts of one pixel: constant + slope * mean + square * mean²."""

    constant: float
    slope: float
    square: float
    least: float
    step: float
    """Counts by which one photo-electron changes a pixel, at least; of an EMCCD twice that."""

    def variance(self, counts: Tensor) -> Tensor:
        """Return the variance where the mean is `counts`."""
        found = self.constant + self.slope * counts + self.square * counts.square()
        return found.clamp(min=self.least)


def light_of(frames: Tensor) -> Tensor:
    """Return the mean of every block of frames [frame, y, x]."""
    return avg_pool2d(frames[:, None], BLOCK, ceil_mode=True)[:, 0]


def scatter_of(remainders: Tensor, light: Tensor, gain: float, noise_gain: float) -> Scatter:
    """Fit the scatter of pixels; a few per cent of outliers do no harm.

    Parameters
    ----------
    remainders
        [frame, y, x] counts minus what the neighbours say.
    light
        [frame, block, block] as `light_of` returns it.
    gain
        Counts per photo-electron as the settings say, for frames that cannot tell it.
    noise_gain
        Variance of a remainder over that of a pixel.
    """
    means, variances = _unsaturated(*_bins(remainders, light))
    constant, slope, error = _line(means, variances / noise_gain)
    least = 0.5 * float(variances.min()) / noise_gain
    if slope <= _SURE * error:  # as of a few points in the dark: bins hold next to no light
        slope, least = gain, float(variances.median()) / noise_gain
        constant = least - slope * float(means.median())
    upper = means >= means.median()
    over = (variances / noise_gain - constant - slope * means)[upper] / means[upper].square()
    return Scatter(
        constant=constant,
        slope=slope,
        square=max(float(over.median()), 0.0) if bool((means[upper] > 0.0).all()) else 0.0,
        least=max(least, 1e-12),
        step=slope,
    )


def _bins(remainders: Tensor, light: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and variance of the remainders of as many blocks of about equal light each."""
    whole = _inner_blocks(remainders)
    rows, columns = whole.shape[1:3]
    means = light[:, 1 : 1 + rows, 1 : 1 + columns].flatten()
    count = min(len(means), _MOST_BLOCKS)
    some = torch.arange(count) * len(means) // count
    means = means[some]
    blocks = whole[some // (rows * columns), some // columns % rows, some % columns].flatten(1)
    bins = min(_BINS, count)
    each = count // bins
    parts = means.argsort()[: bins * each].view(bins, each)
    found = _variances(blocks[parts].flatten(1))
    return means[parts].mean(dim=1).double(), found.double()


def _unsaturated(means: Tensor, variances: Tensor) -> tuple[Tensor, Tensor]:
    """Return the bins without those in which brighter light scatters less: it is cut off."""
    kept = variances >= _SATURATED * variances.cummax(dim=0).values
    return means[kept], variances[kept]


def _inner_blocks(remainders: Tensor) -> Tensor:
    """Return [frame, block, block, y, x] of the blocks that touch no border."""
    assert BLOCK > REACH
    inner = remainders[:, BLOCK:-BLOCK, BLOCK:-BLOCK]
    return inner.unfold(1, BLOCK, BLOCK).unfold(2, BLOCK, BLOCK)


def _variances(remainders: Tensor) -> Tensor:
    """Return the variance [bin] of remainders [bin, pixel]; outliers do no harm."""
    squares = remainders.square()
    most = squares.kthvalue(max(int(_KEPT * squares.shape[1]), 1), keepdim=True).values
    kept = squares <= most
    return (squares * kept).sum(dim=1) / kept.sum(dim=1) / _KEPT_VARIANCE


def _line(means: Tensor, variances: Tensor) -> tuple[float, float, float]:
    """Return (constant, slope, its error) of the variances, whose errors are proportional."""
    centre = means.mean()
    design = torch.stack([torch.ones_like(means), means - centre], dim=1)
    expected = variances.mean().expand_as(variances)
    for _ in range(_ROUNDS):
        weight = 1.0 / expected.square().clamp(min=1e-24)
        inverse = torch.linalg.pinv((design * weight[:, None]).T @ design)
        level, slope = inverse @ (design * weight[:, None]).T @ variances
        expected = (design @ torch.stack([level, slope])).clamp(min=0.1 * float(variances.median()))
    spread = (weight * (variances - expected).square()).mean().sqrt()
    error = float(spread * inverse[1, 1].clamp(min=0.0).sqrt())
    return float(level - slope * centre), float(slope), error
