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
_ROUGH = 0.7
"""Of the limit of noise, from which a pixel at the border is looked at."""
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

    def __call__(self, bright: Tensor, noise_gain: Tensor, leak: Tensor) -> Tensor:
        """Return the limit where two neighbours are so bright."""
        light = (bright - self.floor).clamp(min=0.0)
        return self.noise(bright, noise_gain) + leak * light


LimitOf = Callable[[Tensor, Tensor], Limit]
"""Remainders [frame, y, x] and light [frame, block, block] -> the limit."""


class Outliers:
    """The outliers of one or several maps that show the same pixels.

    Parameters
    ----------
    values
        [map, pixel]; left as they are.
    remainders
        [map, pixel] values minus what the neighbours say; rough at the border.
    limit_of
        Measures the noise; called again while outliers are found, since they disturb it.
    """

    def __init__(self, field: Field, values: Tensor, remainders: Tensor, limit_of: LimitOf) -> None:
        self._field, self._values, self._limit_of = field, values, limit_of
        self._remainders = _mean(remainders)
        """[pixel]; exact where they were looked at."""
        self._mean = _mean(values)
        self._bad = torch.zeros(len(self._mean), dtype=torch.bool)
        self._taken: list[tuple[Tensor, Tensor]] = []

    def find(self, most: int, known: tuple[Limit, Tensor] | None = None) -> Tensor:
        """Return the outliers, sorted; more than `most` are not all found.

        Parameters
        ----------
        most
            Outliers from which the search is given up.
        known
            Limit and light [frame, block, block] of these values, where they have been measured.
        """
        limit, light = known or self._measured()
        for _ in range(_PASSES):
            before = len(self._taken)
            self._take_out(limit, light, most)
            if len(self._taken) == before:
                break
            if int(self._bad.sum()) > most:
                return self._bad.nonzero()[:, 0]
            limit, light = self._measured()
        return self._confirmed(limit) if self._taken else torch.zeros(0, dtype=torch.int64)

    def _measured(self) -> tuple[Limit, Tensor]:
        light = light_of(self._mean.view(-1, *self._field.shape))
        return self._limit_of(self._remainders.view(-1, *self._field.shape), light), light

    def _take_out(self, limit: Limit, light: Tensor, most: int) -> None:
        """Take out the strongest outliers of every neighbourhood until there are no more."""
        gain = float(self._field.sharpness.kernel.square().sum())
        screen = limit.noise(light, gain)
        for _ in range(_ROUNDS):
            candidates = self._beyond(screen)
            new = self._standing_out(candidates[~self._bad[candidates]], limit)
            if not len(new) or int(self._bad.sum()) > most:
                break
            self._take(new)

    def _beyond(self, screen: Tensor) -> Tensor:
        """Return the pixels beyond the limits [frame, block, block] of noise.

        At the border, where remainders are rough, all that are near to it as well.
        """
        (rows, columns), border = self._field.shape, self._field.border
        found, size = [], rows * columns
        for number, (own, limits) in enumerate(
            zip(self._remainders.split(size), screen, strict=True)
        ):
            wide = limits[:, None, :, None].expand(-1, BLOCK, -1, BLOCK)
            wide = wide.reshape(len(limits) * BLOCK, -1)[:rows, :columns].flatten()
            wide[border] *= _ROUGH
            found.append((own.abs() > wide).nonzero()[:, 0] + number * size)
        return torch.cat(found)

    def _standing_out(self, candidates: Tensor, limit: Limit) -> Tensor:
        """Return the candidates beyond the limit that no stronger one nearby explains."""
        candidates = self._beyond_noise(candidates, limit)
        if not len(candidates):
            return candidates
        prediction = self._field.predict(candidates)
        off = self._remainders[candidates].abs()
        beyond = off > self._limits(prediction, limit)
        # What a pixel leaves beside itself is less than its own remainder.
        strength = torch.zeros_like(self._remainders)
        strength[candidates] = off * beyond
        new = beyond & (off >= strength[prediction.neighbours].amax(dim=1))
        if bool(new.any()):
            new &= ~self._on_a_rim(prediction, limit)
        return candidates[new]

    def _beyond_noise(self, candidates: Tensor, limit: Limit) -> Tensor:
        """Return the candidates that noise does not explain; their remainders are exact then."""
        if not len(candidates):
            return candidates
        prediction = self._field.predict(candidates)
        off = middle_of(self._values[:, candidates] - prediction(self._values))
        self._remainders[candidates] = off
        beyond = off.abs() > limit.noise(prediction.bright(self._mean), prediction.noise_gain)
        return candidates[beyond]

    def _on_a_rim(self, prediction: Prediction, limit: Limit) -> Tensor:
        """Return which pixels lie at the sharp rim of saturated light.

        Nothing that was brighter than that was light.
        """
        full = self._full(limit)
        saturated = (self._values[:, prediction.neighbours] >= full) & prediction.used
        near = (saturated.sum(dim=-1) > 1) & (
            self._values[:, prediction.pixels] < _BEYOND_FULL * full
        )
        return near.any(dim=0)

    def _take(self, new: Tensor) -> None:
        """Take new pixels out, and see what the remainders around them are now."""
        if not self._taken:
            self._values, self._mean = self._values.clone(), self._mean.clone()
        self._bad[new] = True
        self._taken.append((new, self._values[:, new]))
        near = self._field.reached(new)
        taken = near[self._bad[near]]  # those taken before had been predicted from the new ones
        put(self._values, self._field.predict(taken, self._bad))
        self._mean[taken] = self._values[:, taken].mean(dim=0)
        near = self._field.reached(taken)
        expected = self._field.predict(near)(self._values)
        self._remainders[near] = middle_of(self._values[:, near] - expected)

    def _confirmed(self, limit: Limit) -> Tensor:
        """Return the outliers that are some still, now that the others are out."""
        pixels = torch.cat([pixels for pixels, _ in self._taken])
        own = torch.cat([values for _, values in self._taken], dim=1)
        prediction = self._field.predict(pixels, self._bad)
        off = middle_of(own - prediction(self._values)).abs()
        return pixels[off > self._limits(prediction, limit)].sort().values

    def _limits(self, prediction: Prediction, limit: Limit) -> Tensor:
        """Return by how much the pixels of a prediction may differ from it."""
        bright = prediction.bright(self._mean)
        return limit(bright, prediction.noise_gain, self._field.leaks(prediction))

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


def _mean(values: Tensor) -> Tensor:
    """Return the mean [pixel] over maps [map, pixel]; of a single one itself."""
    return values[0] if len(values) == 1 else values.mean(dim=0)


def middle_of(remainders: Tensor) -> Tensor:
    """Return the mean [pixel] over maps [map, pixel], the least and the most left out."""
    count = len(remainders)
    if count == 1:
        return remainders[0]
    if count < _FEWEST:
        return remainders.median(dim=0).values
    ends = remainders.amin(dim=0) + remainders.amax(dim=0)
    return (remainders.sum(dim=0) - ends) / (count - 2)
