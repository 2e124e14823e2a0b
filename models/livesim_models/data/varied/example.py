"""Make one example of what a network is given and of what it should return."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import cast

import torch
from torch import Tensor, nn

from livesim.config.settings import Camera as CameraSettings
from livesim.config.settings import Reconstruction
from livesim.reconstruction.forward.model import expected_photons
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.plan import make_plan
from livesim.reconstruction.reconstructor import Reconstructor
from livesim.values.pattern import Pattern
from livesim_models.conditions import conditions_of, span_of
from livesim_models.data.sample import scaled
from livesim_models.data.truth import passed, unit_noise_to_signal
from livesim_models.data.varied.camera import drawn_camera, photographed
from livesim_models.data.varied.instrument import Instrument, drawn_instrument
from livesim_models.data.varied.scenery import Sceneries
from livesim_models.data.varied.textures import Random
from livesim_models.normalisation import levels_of
from livesim_models.steps import Hybrid

EDGE = 4
"""Raw pixels at every border that are left out: there a reconstruction fades."""
PHOTONS = (1.0, 5000.0)
_MOVES, _FARTHEST = 0.15, 3.0
"""How often the object moves during a stack, and how far at most, pixels of the doubled grid."""
_LEAST_ERROR = 1e-6
"""Mean square in units of the levels: less is as good."""
_LOST = 2.0
"""What a decibel below the plain image counts, in units of one above it."""
_SIGNAL_ERROR = 0.6
"""Standard deviation of the logarithm of the noise-to-signal ratio as calibrated."""


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """A plain reconstruction, what is known of it, and the image wanted; or a batch of them."""

    plain: Tensor
    """[2 y, 2 x] photo-electrons per raw pixel."""
    white: Tensor
    """[2 y, 2 x] the same with white noise, see `Conditions.white`."""
    target: Tensor
    """[2 y, 2 x]"""
    values: Tensor
    """[value] of the conditions."""

    def to(self, device: torch.device) -> Example:
        """Return the same on `device`."""
        return Example(*(getattr(self, field.name).to(device) for field in fields(self)))

    def turned(self, symmetry: int) -> Example:
        """Return a batch in one of the eight symmetries of the square, 0 ... 7."""

        def turn(images: Tensor) -> Tensor:
            return torch.rot90(images.flip(-1) if symmetry & 4 else images, symmetry & 3, (-2, -1))

        return replace(
            self, plain=turn(self.plain), white=turn(self.white), target=turn(self.target)
        )

    def restored(self, step: nn.Module) -> Tensor:
        """Return what a network makes of the plain images of a batch, [batch, 2 y, 2 x]."""
        return cast(Hybrid, step).restored(self.plain, self.white, self.values)

    def loss(self, restored: Tensor) -> Tensor:
        """Return the mean decibels that restored images lack."""
        return lacking(self.decibels(restored))

    def decibels(self, restored: Tensor) -> Tensor:
        """Return by how many dB restored images are nearer to the target than plain ones."""
        return gain_db(restored, self.plain, self.target, span_of(self.values))


def lacking(gained: Tensor) -> Tensor:
    """Return the mean decibels that images lack, those that they lose counted twice.

    So all light counts alike, and a network is careful where it does not know what it sees.
    """
    return ((_LOST - 1.0) * (-gained).relu() - gained).mean()


def gain_db(restored: Tensor, plain: Tensor, target: Tensor, span: Tensor) -> Tensor:
    """Return by how many dB restored images are nearer to the target than plain ones, [batch]."""
    restored_off, plain_off = (
        ((image - target) / span).square().mean(dim=(-2, -1)) + _LEAST_ERROR
        for image in (restored, plain)
    )
    return 10.0 * torch.log10(plain_off / restored_off)


def collated(examples: list[Example]) -> Example:
    """Put examples of one size side by side."""
    return Example(
        *(torch.stack([getattr(one, field.name) for one in examples]) for field in fields(Example))
    )


def drawn_example(
    sceneries: Sceneries, size: int, random: Random, photons: float | None = None
) -> Example:
    """Return an example of `size` x `size` raw pixels, less the borders.

    Everything is drawn from `random`, so the same state gives the same example.

    Parameters
    ----------
    photons
        At the brightest pixel of the light in focus; None = drawn as well.
    """
    if photons is None:
        photons = math.exp(random.uniform(math.log(PHOTONS[0]), math.log(PHOTONS[1])))
    own, camera = drawn_instrument(size, photons, random), drawn_camera(random)
    sharp, haze = _lit(sceneries, own, size, photons, random)
    mean = expected_photons(
        _moved(sharp, own.true, random), own.true, own.transfer, background=haze[::2, ::2]
    ).flatten(0, 1)
    low = photographed(mean.float(), camera, random)
    sharp, haze = camera.gain_error * sharp, camera.gain_error * haze
    off = math.exp(_SIGNAL_ERROR * random.standard_normal())
    signal = unit_noise_to_signal(sharp, own.known, own.optics)
    noise = scaled(signal, off * camera.variance(float(mean.mean())))
    known = replace(own.known, noise_to_signal=noise)
    wanted = passed(sharp + haze, known, own.optics)
    otf = Otf.theoretical(own.optics)
    return example_of(low, known, otf, camera.believed_read_noise, wanted)


def _lit(
    sceneries: Sceneries, own: Instrument, size: int, photons: float, random: Random
) -> tuple[Tensor, Tensor]:
    """Return (light in focus, other light) [2 y, 2 x] in photo-electrons per raw pixel."""
    scenery = sceneries(2 * size, random)
    sharp = torch.from_numpy(scenery.focused)
    blurred = torch.fft.rfft2(sharp) * own.transfer[:, : size + 1].float()
    peak = float(torch.fft.irfft2(blurred, s=sharp.shape).max().clamp(min=1e-6))
    haze = photons * (torch.from_numpy(scenery.haze) + scenery.floor)
    return photons / peak * sharp, haze


def example_of(low: Tensor, known: Pattern, otf: Otf, read_noise: float, wanted: Tensor) -> Example:
    """Return the example of a raw stack, less the borders.

    Parameters
    ----------
    low
        [frame, y, x] photo-electrons.
    known
        The pattern as it is believed.
    read_noise
        Electrons, likewise.
    wanted
        [2 y, 2 x] photo-electrons per raw pixel.
    """
    plan = make_plan(known, otf, CameraSettings(), Reconstruction())
    levels = levels_of(low.mean(dim=0))
    conditions = conditions_of(plan, levels, read_noise)
    plain = Reconstructor(plan)(low[None]).image
    white = conditions.white(plain)
    edge = slice(2 * EDGE, -2 * EDGE)

    def inside(image: Tensor) -> Tensor:
        return image[..., edge, edge].clone()

    return Example(inside(plain[0]), inside(white[0]), inside(wanted), conditions.values[0])


def _moved(focused: Tensor, pattern: Pattern, random: Random) -> Tensor:
    """Return the object as it moves during the stack [angle, phase, 2 y, 2 x], or one at rest."""
    if random.random() > _MOVES:
        return focused
    sides = (1, 7) if pattern.layout == "hexagonal" else _frames(pattern)
    count = sides[0] * sides[1]
    path = torch.linspace(-0.5, 0.5, count)[:, None, None]
    dy, dx = random.uniform(-_FARTHEST, _FARTHEST, 2)
    rows, columns = focused.shape
    turns = dy * torch.fft.fftfreq(rows)[:, None] + dx * torch.fft.rfftfreq(columns)[None]
    spectra = torch.fft.rfft2(focused) * torch.exp(-2j * torch.pi * path * turns)
    return torch.fft.irfft2(spectra, s=(rows, columns)).reshape(*sides, rows, columns)


def _frames(pattern: Pattern) -> tuple[int, int]:
    return len(pattern.angles), len(pattern.angles[0].phases_rad)
