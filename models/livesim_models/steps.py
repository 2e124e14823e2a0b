"""Wrap a network with its normalisation, as the step that it is, in photo-electrons."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import pixel_shuffle

from livesim.values.pattern import Levels
from livesim_models.conditions import Conditions, given
from livesim_models.normalisation import in_range, stabilised, unstabilised

_STABILISED_SCALE = 0.1
"""A few photo-electrons to a few thousand are then 0.2 ... 10."""


class StepOne(nn.Module):
    """Denoises the raw frames of a stack together, at their own resolution.

    The network sees stabilised photo-electrons and returns its change in standard deviations of the
    noise.
    """

    def __init__(self, network: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.network = network

    def forward(self, photons: Tensor, read_noise: Tensor | float) -> Tensor:
        """Return denoised photo-electrons [batch, frame, y, x]; `read_noise` in electrons."""
        return unstabilised(self.stable(photons, read_noise), read_noise)

    def stable(self, photons: Tensor, read_noise: Tensor | float) -> Tensor:
        """Return the stabilised denoised photo-electrons, as training compares them."""
        noisy = stabilised(photons, read_noise)
        scaled = _STABILISED_SCALE * noisy
        change = self.network(scaled).float() - scaled
        return noisy + change


class StepTwo(nn.Module):
    """Denoises a reconstruction on the doubled grid."""

    on_plain = False
    """Whether it works on plain images alone, without a step one."""

    def __init__(self, network: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor, levels: Levels | Tensor | Conditions) -> Tensor:
        """Return the restored image [batch, 2 y, 2 x] in photo-electrons.

        Parameters
        ----------
        image
            [batch, 2 y, 2 x] in photo-electrons.
        levels
            What counts as 0 and as 1, for all or, as [batch, 2] or among conditions, for each.
        """
        low, high = _pair(levels, image)
        scaled = (image - low) / (high - low)
        restored = self.network(scaled[:, None]).float()[:, 0]
        return low + (high - low) * restored


def _pair(levels: Levels | Tensor | Conditions, image: Tensor) -> tuple[Tensor, Tensor]:
    if isinstance(levels, Conditions):
        levels = levels.levels
    if isinstance(levels, Levels):
        levels = torch.tensor([[levels.low, levels.high]], device=image.device)
    low, high = levels.to(image).unbind(dim=1)
    return low[:, None, None], high[:, None, None]


class Hybrid(nn.Module):
    """Adds to a plain image what a network makes of it and of the conditions it was made under.

    It sees no raw frames, so it serves every layout of a raw stack.
    """

    on_plain = True

    def __init__(self, network: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.network = network

    def forward(self, plain: Tensor, conditions: Conditions) -> Tensor:
        """Return the restored images [batch, 2 y, 2 x] of plain ones, in photo-electrons."""
        return self.restored(plain, conditions.white(plain), conditions.values)

    def restored(self, plain: Tensor, white: Tensor, values: Tensor) -> Tensor:
        """Return the same where the image with white noise is known; see `conditions.given`."""
        channels, unit = given(plain, white, values)
        return plain + unit * self.network(channels).float()[:, 0]


class EndToEnd(nn.Module):
    """Makes a picture on the doubled grid of raw frames alone, as ML-SIM does.

    Christensen et al., Biomed. Opt. Express 12, 2720 (2021). It knows neither pattern nor optics
    nor what an electron is: the picture has a brightness scale and a sharpness of its own.

    Parameters
    ----------
    network
        Returns the four pixels of the doubled grid that lie in every raw pixel.
    kept
        Frames of a raw stack that it sees, counted from 0; () = all.
    """

    OUTPUTS: ClassVar = 4

    def __init__(self, network: Callable[[Tensor], Tensor], kept: Sequence[int] = ()) -> None:
        super().__init__()
        self.network, self._kept = network, list(kept)

    def forward(self, frames: Tensor) -> Tensor:
        """Return pictures [batch, 2 y, 2 x] of frames [batch, frame, y, x] in any unit.

        0 is the darkest place of the picture and 1 the brightest, about.
        """
        seen = frames[:, self._kept] if self._kept else frames
        return pixel_shuffle(self.network(in_range(seen)).float(), 2)[:, 0]
