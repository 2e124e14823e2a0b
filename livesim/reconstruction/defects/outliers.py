"""Take the pixels out of frames that differ too much from what their neighbours say."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from livesim.reconstruction.defects.neighbours import Field, Prediction
from livesim.reconstruction.defects.noise import BLOCK, Scatter, light_of
from livesim.reconstruction.defects.replacement import put

_PASSES, _ROUNDS = 6, 8
"""How often the noise is measured, and in between how often the strongest outliers are taken."""
_FULL = (0.03, 0.1)
"""Of the brightest light, by how much saturated pixels may scatter, at least and at most."""
_BEYOND_FULL = 1.5
_FEWEST = 5
"""Frames from which the extremes can be left out of a mean."""


@dataclass(frozen=True, slots=True, eq=False)
class Limit:
    """By how much a pixel may differ from what its neighbours say.

    The tails of the noise are bounded by Bernstein's inequality, which holds of Poisson light and
    of an electron-multiplying register alike.
    """

    scatter: Scatter
    floor: float
    """Counts without light."""
    odds: float
    """Against noise beyond the limit, their logarithm."""
    frames: float = 1.0
    """Of which the mean is meant."""

    def noise(self, light: Tensor, noise_gain: float | Tensor) -> Tensor:
        """Return the limit for noise alone, where the mean light is `light`."""
        spread = (2.0 * self.odds * noise_gain * self.scatter.variance(light)).sqrt()
        return spread + 0.5 * self.odds * self.scatter.step / self.frames

    def __call__(self, brightest: Tensor, noise_gain: Tensor, leak: Tensor) -> Tensor:
        """Return the limit where the brightest neighbour is so bright."""
        light = (brightest - self.floor).clamp(min=0.0)
        return self.noise(brightest, noise_gain) + leak * light


LimitOf = Callable[[Tensor, Tensor], Limit]
"""Remainders [frame, y, x] and light [frame, block, block] -> the limit."""


class Outliers:
    """The outliers of one or several maps that show the same pixels.

    Parameters
    ----------
    values
        [map, pixel]; where a pixel is taken out, what its neighbours say is put in.
    remainders
        [map, pixel] values minus what the neighbours say.
    limit_of
        Measures the noise; called again while outliers are found, since they disturb it.
    """

    def __init__(self, field: Field, values: Tensor, remainders: Tensor, limit_of: LimitOf) -> None:
        self._field, self._values, self._limit_of = field, values, limit_of
        self._middle = middle_of(remainders)
        self._bad = torch.zeros(len(self._middle), dtype=torch.bool)
        self._taken: list[tuple[Tensor, Tensor]] = []

    def find(self, most: int) -> Tensor:
        """Return the outliers, sorted; more than `most` are not all found."""
        for _ in range(_PASSES):
            before = len(self._taken)
            limit = self._take_out(most)
            if len(self._taken) == before or int(self._bad.sum()) > most:
                break
        return self._confirmed(limit) if self._taken else self._bad.nonzero()[:, 0]

    @property
    def _mean(self) -> Tensor:
        return self._values[0] if len(self._values) == 1 else self._values.mean(dim=0)

    def _take_out(self, most: int) -> Limit:
        """Take out the strongest outliers of every neighbourhood until there are no more."""
        shape = self._field.shape
        light = light_of(self._mean.view(-1, *shape))
        limit = self._limit_of(self._middle.view(-1, *shape), light)
        kernel = self._field.sharpness.kernel
        screen = _spread(limit.noise(light, float(kernel.square().sum())), shape).flatten()
        full = self._full(limit)
        for _ in range(_ROUNDS):
            candidates = ((self._middle.abs() > screen) & ~self._bad).nonzero()[:, 0]
            new = self._standing_out(candidates, limit, full)
            if not len(new) or int(self._bad.sum()) > most:
                break
            self._take(new)
        return limit

    def _standing_out(self, candidates: Tensor, limit: Limit, full: float) -> Tensor:
        """Return the candidates beyond the limit that no stronger one nearby explains."""
        if not len(candidates):
            return candidates
        prediction = self._field.predict(candidates)
        excess = self._middle[candidates].abs() / self._limits(prediction, limit)
        strength = torch.zeros_like(self._middle)
        strength[candidates] = excess
        alone = excess >= strength[prediction.neighbours].amax(dim=1)
        # Saturated light has sharp rims; nothing that was brighter than that was light.
        saturated = (self._values[:, prediction.neighbours] >= full) & prediction.used
        rim = (saturated.sum(dim=-1) > 1) & (self._values[:, candidates] < _BEYOND_FULL * full)
        return candidates[(excess > 1.0) & alone & ~rim.any(dim=0)]

    def _take(self, new: Tensor) -> None:
        """Take new pixels out, and see what the remainders around them are now."""
        self._bad[new] = True
        self._taken.append((new, self._values[:, new]))
        put(self._values, self._field.predict(new, self._bad))
        near = self._field.reached(new)
        expected = self._field.predict(near)(self._values)
        self._middle[near] = middle_of(self._values[:, near] - expected)

    def _confirmed(self, limit: Limit) -> Tensor:
        """Return the outliers that are some still, now that the others are out."""
        pixels = torch.cat([pixels for pixels, _ in self._taken])
        own = torch.cat([values for _, values in self._taken], dim=1)
        prediction = self._field.predict(pixels, self._bad)
        off = middle_of(own - prediction(self._values)).abs()
        wrong = off > self._limits(prediction, limit)
        self._values[:, pixels[~wrong]] = own[:, ~wrong]
        return pixels[wrong].sort().values

    def _limits(self, prediction: Prediction, limit: Limit) -> Tensor:
        """Return by how much the pixels of a prediction may differ from it."""
        brightest = prediction.brightest(self._mean)
        return limit(brightest, prediction.noise_gain, self._field.leaks(prediction))

    def _full(self, limit: Limit) -> float:
        """Return from which count on pixels may be saturated.

        That is hardly less than the most that four pixels in a square reach.
        """
        images = self._values.view(len(self._values), -1, self._field.shape[1])
        pairs = torch.minimum(images[:, 1:], images[:, :-1])
        top = float(torch.minimum(pairs[..., 1:], pairs[..., :-1]).max())
        span, (least, most) = top - limit.floor, _FULL
        dark = float(limit.scatter.variance(torch.tensor(limit.floor)))
        return top - min(max(least * span, 4.0 * math.sqrt(dark)), most * span)


def middle_of(remainders: Tensor) -> Tensor:
    """Return the mean [pixel] over maps [map, pixel], the least and the most left out."""
    count = len(remainders)
    if count == 1:
        return remainders[0]
    if count < _FEWEST:
        return remainders.median(dim=0).values
    ends = remainders.amin(dim=0) + remainders.amax(dim=0)
    return (remainders.sum(dim=0) - ends) / (count - 2)


def _spread(blocks: Tensor, shape: tuple[int, int]) -> Tensor:
    """Return values of blocks [frame, block, block] at every pixel [frame, y, x]."""
    rows = blocks.repeat_interleave(BLOCK, dim=1)[:, : shape[0]]
    return rows.repeat_interleave(BLOCK, dim=2)[:, :, : shape[1]]
