"""Draw a microscope: its optics, the light of every frame, and what is believed of both."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from livesim.config.settings import Optics
from livesim.reconstruction.grid import frequency_axes
from livesim.reconstruction.otf import Otf
from livesim.reconstruction.separation import group_unmixing, groups
from livesim.values.pattern import Pattern, PatternAngle, PatternLayout
from livesim_models.data.scene import lit
from livesim_models.data.varied.textures import Random

LAYOUTS: tuple[tuple[float, PatternLayout, int, int, int], ...] = (
    (0.70, "angle-phase", 3, 3, 1),
    (0.08, "angle-phase", 3, 5, 2),
    (0.04, "angle-phase", 3, 5, 1),
    (0.07, "angle-phase", 5, 5, 2),
    (0.04, "angle-phase", 5, 3, 1),
    (0.07, "hexagonal", 3, 7, 1),
)
"""(share, layout, wave vectors, frames of each, harmonics)."""
_MOST_NOISE = 600.0
"""Variance of a separated band in units of a mean frame's: with more, phases are drawn again."""


@dataclass(frozen=True, slots=True, eq=False)
class Instrument:
    """A microscope as it is, and as it is believed to be."""

    optics: Optics
    """As believed."""
    transfer: Tensor
    """[2 y, 2 x] the true transfer function, FFT order."""
    true: Pattern
    known: Pattern
    """The pattern with the errors of an estimate."""


def drawn_instrument(size: int, photons: float, random: Random) -> Instrument:
    """Return a microscope for frames of `size` x `size` pixels in some light."""
    aperture, emission = random.uniform(0.6, 1.5), random.uniform(450.0, 700.0)
    cutoff = 2000.0 * aperture / emission
    sampling = random.uniform(0.6, 1.0) if random.random() < 0.8 else random.uniform(0.25, 0.6)
    damping = float(np.exp(random.uniform(np.log(0.15), 0.0)))
    believed = min(1.0, damping * math.exp(0.2 * random.standard_normal()))
    optics = Optics(
        numerical_aperture=aperture,
        emission_nm=emission,
        pixel_nm=500.0 * sampling / cutoff,
        otf_damping=max(0.05, believed),
    )
    true = _pattern(optics, size, random)
    transfer = _transfer(optics, damping, size, random)
    return Instrument(optics, transfer, true, estimated(true, photons, random))


def _transfer(optics: Optics, damping: float, size: int, random: Random) -> Tensor:
    """Return a transfer function that a cut-off, a damping and a loss in one direction tell."""
    assert optics.pixel_nm is not None
    off = 1.0 + 0.02 * random.standard_normal()
    otf = Otf(off * optics.cutoff_cycles_per_um, damping)
    fy, fx = frequency_axes((2 * size, 2 * size), optics.pixel_nm / 2000.0)
    passed = otf.at(fy, fx)
    if random.random() < 0.7:
        return passed
    turn, loss = random.uniform(0.0, math.pi), random.uniform(0.0, 0.6)
    along = (math.cos(turn) * fy + math.sin(turn) * fx) / otf.cutoff
    return passed * (1.0 - loss * torch.sin(math.pi * along.clamp(-1.0, 1.0)).square())


def _pattern(optics: Optics, size: int, random: Random) -> Pattern:
    shares = [row[0] for row in LAYOUTS]
    _, layout, vectors, frames, harmonics = LAYOUTS[int(random.choice(len(LAYOUTS), p=shares))]
    assert optics.pixel_nm is not None
    reach = random.uniform(0.6, 1.0) * optics.cutoff_cycles_per_um / harmonics
    first, sign = random.uniform(0.0, math.pi), random.choice((-1.0, 1.0))
    dim = dimming(vectors, frames, random)
    while True:
        angles = []
        for number in range(vectors):
            turn = first + math.pi * number / vectors + math.radians(5.0) * random.standard_normal()
            k = reach * (1.0 + 0.01 * random.standard_normal())
            steps = (2.0**number if layout == "hexagonal" else 1.0) * sign
            phases = phases_near_even(frames, steps, random)
            most = 0.45 if layout == "hexagonal" else 1.0
            modulation = tuple(random.uniform(0.1, 1.0, harmonics) ** 0.7 * most)
            flat = PatternAngle((1.0, 0.0), phases, modulation, intensity=dim[number])
            angles.append(lit(flat, (k * math.cos(turn), k * math.sin(turn))))
        pattern = Pattern(optics.pixel_nm, (size, size), tuple(angles), layout=layout)
        if _noise(pattern) < _MOST_NOISE:
            return pattern


def phases_near_even(frames: int, steps: float, random: Random) -> tuple[float, ...]:
    """Return phases that are nearly even, now and then off by up to 90 degrees."""
    even = 2.0 * math.pi * steps * np.arange(frames) / frames + random.uniform(0.0, 2.0 * math.pi)
    if random.random() < 0.1:
        off = math.radians(random.uniform(10.0, 90.0)) * random.uniform(-1.0, 1.0, frames)
    else:
        off = math.radians(random.uniform(0.0, 8.0)) * random.standard_normal(frames)
    return tuple((even + off).tolist())


def dimming(vectors: int, frames: int, random: Random) -> list[tuple[float, ...]]:
    """Return the brightness of every frame, which bleaches and flickers."""
    count = vectors * frames
    loss = random.uniform(0.0, 0.03) if random.random() < 0.3 else 0.0
    bright = (1.0 - loss) ** np.arange(count) * (
        1.0 + random.uniform(0.0, 0.02) * random.standard_normal(count)
    )
    parts = (bright / bright.mean()).reshape(vectors, frames)
    return [tuple(row.tolist()) for row in parts]


def _noise(pattern: Pattern) -> float:
    """Return the variance of the noisiest band in units of that of a mean frame."""
    return max(
        float((unmixing.abs().square().sum(dim=1) * unmixing.shape[1]).max())
        for unmixing in map(group_unmixing, groups(pattern))
    )


def estimated(true: Pattern, photons: float, random: Random) -> Pattern:
    """Return the pattern with errors that grow as light gets less."""
    worse = min(1.0 / math.sqrt(photons), 0.7)
    size_um = true.shape[0] * true.pixel_nm / 1000.0
    knows_light = random.random() < 0.7

    def known(angle: PatternAngle) -> PatternAngle:
        count = len(angle.phases_rad)
        phases = np.array(angle.phases_rad)
        phases += math.radians(0.5 + 5.0 * worse) * random.standard_normal(count)
        off = (0.005 + 0.05 * worse) / size_um * random.standard_normal(2)
        k = (angle.k_cycles_per_um[0] + off[0], angle.k_cycles_per_um[1] + off[1])
        stretch = math.exp((0.03 + 0.2 * worse) * random.standard_normal())
        found = replace(
            angle,
            phases_rad=tuple(phases.tolist()),
            modulation=tuple(stretch * m for m in angle.modulation),
            intensity=angle.intensity if knows_light else (),
        )
        return lit(found, k)

    return replace(true, angles=tuple(known(angle) for angle in true.angles))
