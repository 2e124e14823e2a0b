"""Simulate raw stacks of pictures as ML-SIM was trained on, each with the picture that is wanted.

Christensen et al., Biomed. Opt. Express 12, 2720 (2021), section 2.2; the numbers are those of its
data generator. A picture is lit by stripes, blurred and photographed with Gaussian noise; what is
wanted is the picture itself, not blurred. Lengths are raw pixels, of which the picture has twice as
many along a side, or as many where its own grid is asked for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from livesim.config.section import Section
from livesim.reconstruction.grid import frequency_axes
from livesim.reconstruction.otf import Otf
from livesim.values.numbers import Positive
from livesim_models.data.varied.photographs import Picture
from livesim_models.data.varied.scenery import PICTURES
from livesim_models.data.varied.textures import Random, scaled
from livesim_models.normalisation import in_range

EDGE = 4
"""Raw pixels at every border that are left out: there the blur brings the opposite border in."""
GREYS = 255
_LINES_OVER = 512.0
"""Raw pixels over which the lines of a pattern are counted."""
_LEAST_ERROR = 1e-6

Spread = tuple[float, float]
"""The mean, and how far from it at most; every value between is as likely."""


class StripesRecipe(Section):
    """One set of parameters that stacks are simulated with."""

    psf_scale: Spread = (0.9, 0.05)
    """s of the point spread function (2 J1(s r) / (s r))²: the cut-off is s / pi cycles/pixel."""
    lines: Spread = (126.0, 15.0)
    """Of the pattern over 512 pixels."""
    modulation: Spread = (0.8, 0.15)
    orientation_deg: float = 30.0
    """By which all angles are turned together at most, and each by itself:"""
    angle_deg: float = 5.0
    phase_deg: float = 90.0
    """By which the phase of every frame is off at most."""
    noise: Spread = (0.08, 0.0)
    """Gaussian, in standard deviations of the frame."""
    shuffled: bool = False
    """Whether the angles come in any order."""


PUBLISHED = StripesRecipe()
"""The set of the published training."""
NOTEBOOK = StripesRecipe(
    psf_scale=(0.6, 0.0),
    lines=(130.0, 7.5),
    modulation=(0.5, 0.0),
    phase_deg=13.5,
    noise=(0.08, 0.04),
    shuffled=True,
)
"""The set of the published notebook; its stripes are finer than its optics resolve."""
EXACT = StripesRecipe(
    psf_scale=(0.9, 0.0), lines=(126.0, 0.0), modulation=(0.8, 0.0), angle_deg=0.0, phase_deg=0.0
)
"""The published set without its errors."""


class SimulatorRecipe(Section):
    """The raw stacks that a network from end to end learns from."""

    angles: Annotated[int, Field(ge=1, le=16)] = 3
    phases: Annotated[int, Field(ge=1, le=16)] = 3
    kept: tuple[Annotated[int, Field(ge=0)], ...] = ()
    """Frames of a stack that the network sees, counted from 0; () = all."""
    photons: tuple[Positive, Positive] = (1700.0, 15600.0)
    """Light whose shot noise at the brightest pixel is about as strong as the noise of the sets,
    4 to 12 % of a frame's standard deviation, which is about a fifth of its range: for the card."""
    sets: Annotated[tuple[StripesRecipe, ...], Field(min_length=1)] = (PUBLISHED,)
    """Every one is as likely."""

    @property
    def frames(self) -> int:
        """Of a whole stack."""
        return self.angles * self.phases

    @property
    def seen(self) -> int:
        """Frames that the network sees."""
        return len(self.kept) or self.frames


@dataclass(frozen=True, slots=True, eq=False)
class StackExample:
    """A raw stack and the picture that is wanted; or a batch of them."""

    frames: Tensor
    """[frame, y, x], the darkest pixel of the stack at 0, the brightest at 1."""
    target: Tensor
    """[2 y, 2 x] likewise."""

    def to(self, device: torch.device) -> StackExample:
        """Return the same on `device`."""
        return StackExample(self.frames.to(device), self.target.to(device))

    def turned(self, symmetry: int) -> StackExample:
        """Return a batch with rows and columns exchanged, or not.

        A flip would move the first pixel of the frames against that of the picture.
        """
        if not symmetry & 1:
            return self
        return replace(self, frames=self.frames.mT, target=self.target.mT)

    def restored(self, step: nn.Module) -> Tensor:
        """Return what a network makes of the frames, [batch, 2 y, 2 x]."""
        made: Tensor = step(self.frames)
        return made

    def loss(self, restored: Tensor) -> Tensor:
        """Return the mean square difference to the picture."""
        return mse_loss(restored, self.target)

    def decibels(self, restored: Tensor) -> Tensor:
        """Return the PSNR, [batch]."""
        off = (restored - self.target).square().mean(dim=(-2, -1))
        return -10.0 * torch.log10(off + _LEAST_ERROR)


def stacked(examples: list[StackExample]) -> StackExample:
    """Put examples of one size side by side."""
    return StackExample(
        torch.stack([one.frames for one in examples]), torch.stack([one.target for one in examples])
    )


def drawn_stack(
    recipe: SimulatorRecipe, size: int, random: Random, noise: float | None = None
) -> StackExample:
    """Return an example of `size` x `size` raw pixels, less the borders.

    Everything is drawn from `random`, so the same state gives the same example.

    Parameters
    ----------
    noise
        In standard deviations of a frame; None = drawn as well.
    """
    light = recipe.sets[int(random.integers(len(recipe.sets)))]
    picture = drawn_picture(2 * size, random)
    frames = simulated_frames(picture, light, (recipe.angles, recipe.phases), random, noise)
    inside, doubled = slice(EDGE, -EDGE), slice(2 * EDGE, -2 * EDGE)
    whole = torch.from_numpy(picture)
    return StackExample(frames[:, inside, inside].clone(), whole[doubled, doubled].clone())


def drawn_picture(side: int, random: Random) -> Picture:
    """Return a photograph, a texture or a drawing [side, side] between 0 and 1."""
    shares = np.array([*PICTURES.values()])
    draw = [*PICTURES][int(random.choice(len(PICTURES), p=shares / shares.sum()))]
    return scaled(draw(side, random))


def simulated_frames(
    picture: Picture,
    light: StripesRecipe,
    stack_shape: tuple[int, int],
    random: Random,
    noise: float | None = None,
    *,
    finer: int = 2,
) -> Tensor:
    """Return the raw stack [frame, y, x] of a picture in 8 bits, from 0 to 1.

    Parameters
    ----------
    picture
        [finer y, finer x] between 0 and 1.
    stack_shape
        (angles, phases).
    noise
        In standard deviations of a frame; None = as the light says.
    """
    shape = (picture.shape[0], picture.shape[1])
    lit = torch.from_numpy(picture) * _stripes(shape, light, stack_shape, random, finer)
    passed = Otf(_drawn(light.psf_scale, random) / math.pi).at(*frequency_axes(shape, 1.0 / finer))
    half = passed[:, : shape[1] // 2 + 1].to(lit.dtype)
    mean = torch.fft.irfft2(torch.fft.rfft2(lit) * half, s=shape)[:, ::finer, ::finer]
    share = _drawn(light.noise, random) if noise is None else noise
    drawn = torch.from_numpy(random.standard_normal(tuple(mean.shape), dtype="float32"))
    seen = mean + share * mean.std(dim=(1, 2), keepdim=True) * drawn
    return (GREYS * in_range(seen)).round() / GREYS


def _stripes(
    shape: tuple[int, int],
    light: StripesRecipe,
    stack_shape: tuple[int, int],
    random: Random,
    finer: int,
) -> Tensor:
    """Return the light of every frame on the picture's grid, [frame, y, x], 0 to 1."""
    angles, phases = stack_shape
    turn = _off(light.orientation_deg, random)
    ways = [math.pi * n / angles + turn + _off(light.angle_deg, random) for n in range(angles)]
    if light.shuffled:
        random.shuffle(ways)
    k = _drawn(light.lines, random) / _LINES_OVER
    modulation = _drawn(light.modulation, random)
    y, x = (torch.arange(n, dtype=torch.float32) / finer for n in shape)
    frames = []
    for way in ways:
        along = k * (math.cos(way) * x[None, :] + math.sin(way) * y[:, None])
        first = random.uniform(0.0, 1.0)
        for number in range(phases):
            phase = first + number / phases + _off(light.phase_deg, random) / (2.0 * math.pi)
            wave = torch.cos(2.0 * math.pi * (along + phase))
            frames.append(0.5 + 0.5 * min(modulation, 1.0) * wave)
    return torch.stack(frames)


def _drawn(spread: Spread, random: Random) -> float:
    mean, most = spread
    return float(mean + most * random.uniform(-1.0, 1.0))


def _off(most_deg: float, random: Random) -> float:
    """Return an error in radians."""
    return math.radians(most_deg) * float(random.uniform(-1.0, 1.0))
