"""Predict a pixel from its neighbours, and bound how far light can make it differ from that.

No image is sharper than its optics pass. So the light on a pixel follows from its neighbours but
for their noise and a remainder, which is largest of a point source, and that much is known.
"""

from __future__ import annotations

from functools import cached_property, lru_cache

import torch
from torch import Tensor

from livesim.reconstruction.otf import Otf

REACH = 3
"""Pixels in each direction that count as neighbours."""
_SIGNAL_TO_NOISE = 1e3
"""Of the prediction: lower ones blur, higher ones add the neighbours' noise."""
_MARGIN = 1.06
"""Of the cut-off, for an emission that is no single wavelength."""
_FAINTEST = 0.15
"""Of a point source's peak: from darker neighbours nothing is concluded."""
_GRID = 64
_STEPS = 4
"""Places of point sources in a pixel, along an axis."""
_WINDOW = 2 * REACH + 1


@lru_cache(maxsize=16)
def sharpness_of(cutoff: float) -> Sharpness:
    """Return the `Sharpness` of optics; dear only the first time."""
    return Sharpness(cutoff)


class Sharpness:
    """How a pixel follows from its neighbours within `REACH`, for optics and a pixel.

    The prediction is the best linear one for objects whose power falls with the frequency, of mean
    unknown (ordinary kriging; Cressie, Statistics for Spatial Data, 1993, section 3.2).

    Parameters
    ----------
    cutoff
        Of the optics, in cycles per raw pixel.
    """

    def __init__(self, cutoff: float) -> None:
        self.cutoff = cutoff
        at = torch.arange(-REACH, REACH + 1)
        y, x = (axis.flatten() for axis in torch.meshgrid(at, at, indexing="ij"))
        beside = (y != 0) | (x != 0)
        self.offsets = torch.stack([y[beside], x[beside]], dim=1)
        """[neighbour, 2] (y, x)."""
        self._covariance = self._covariances(self.offsets[:, None] - self.offsets)
        self._with_centre = self._covariances(self.offsets)

        self._every = torch.ones(1, len(self.offsets), dtype=torch.bool)
        self._of_every = self.weights(self._every)

    @cached_property
    def kernel(self) -> Tensor:
        """[y, x] float32: what correlates with an image to the remainders of its pixels."""
        kernel = torch.zeros(_WINDOW, _WINDOW, dtype=torch.float64)
        kernel[self.offsets[:, 0] + REACH, self.offsets[:, 1] + REACH] = -self._of_every[0]
        kernel[REACH, REACH] = 1.0
        return kernel.float()

    @cached_property
    def leak(self) -> float:
        """The bound of the remainder where all neighbours are usable."""
        return float(self.leaks(self._every, self._of_every))

    def weights(self, usable: Tensor) -> Tensor:
        """Return the weights [pixel, neighbour] of the neighbours that are `usable`; float64.

        Those of a pixel without any usable neighbour are 0.
        """
        count = len(self.offsets)
        system = torch.zeros(len(usable), count + 1, count + 1, dtype=torch.float64)
        pairs = usable[:, :, None] & usable[:, None, :]
        system[:, :count, :count] = self._covariance * pairs
        system[:, count, :count] = system[:, :count, count] = usable.double()
        noise = torch.where(usable, 1.0 / _SIGNAL_TO_NOISE, 1.0).double()
        system += torch.diag_embed(torch.cat([noise, ~usable.any(dim=1, keepdim=True)], dim=1))
        wanted = torch.cat([self._with_centre * usable, usable.any(dim=1, keepdim=True)], dim=1)
        solved: Tensor = torch.linalg.solve(system, wanted)
        return solved[:, :count] * usable

    def leaks(self, usable: Tensor, weights: Tensor) -> Tensor:
        """Return the bound [pixel] of the remainder, as a share of what two usable neighbours hold.

        That of point sources anywhere near, without background.
        """
        centre, around = self._points
        remainder = (centre[:, None] - around @ weights.T).abs()
        bright = torch.stack([(around * one).topk(2).values[:, 1] for one in usable], dim=1)
        return (remainder / bright.clamp(min=_FAINTEST)).amax(dim=0)

    @cached_property
    def _points(self) -> tuple[Tensor, Tensor]:
        """Point sources: what a pixel [source] and its neighbours [source, neighbour] get."""
        frequency = torch.fft.fftfreq(_GRID, dtype=torch.float64)
        passed = Otf(_MARGIN * self.cutoff).at(frequency[:, None], frequency)
        farthest = 3 * REACH * _STEPS
        places = torch.arange(-farthest, farthest + 1).double() / _STEPS
        waves = torch.exp(2j * torch.pi * places[:, None] * frequency)
        image = (waves @ passed.to(waves.dtype) @ waves.T).real / passed.sum()
        source = torch.arange(-2 * REACH * _STEPS, 2 * REACH * _STEPS + 1)
        y, x = (one.flatten() for one in torch.meshgrid(source, source, indexing="ij"))
        near = torch.cat([torch.zeros(1, 2).long(), self.offsets]) * _STEPS + farthest
        values = image[near[:, 0] + y[:, None], near[:, 1] + x[:, None]]
        return values[:, 0], values[:, 1:]

    def _covariances(self, offsets: Tensor) -> Tensor:
        """Return the covariance of the light on two pixels, 1 at 0."""
        frequency = torch.fft.fftfreq(_GRID, dtype=torch.float64)
        size = torch.hypot(frequency[:, None], frequency)
        power = Otf(self.cutoff).at(frequency[:, None], frequency).square() / (size + 2.0 / _GRID)
        found = torch.fft.ifft2(power).real
        return found[offsets[..., 0] % _GRID, offsets[..., 1] % _GRID] / found[0, 0]
