"""Draw a three-beam microscope: its optics, light and planes, and what is believed of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from livesim.config.settings import Optics
from livesim.reconstruction.forward.pupil import Pupil
from livesim.reconstruction.volume.plan import greatest_step_nm
from livesim.reconstruction.volume.stack import VolumeOptics
from livesim.values.pattern import Pattern, PatternAngle
from livesim.values.volume_pattern import VolumePattern
from livesim_models.data.scene import lit
from livesim_models.data.varied.instrument import dimming, estimated, phases_near_even
from livesim_models.data.varied.textures import Random

_MEDIA = (1.333, 1.406, 1.473, 1.515)
_ANGLES, _PHASES = 3, 5
_SPHERICAL = 11
"""Noll's index."""


@dataclass(frozen=True, slots=True, eq=False)
class VolumeInstrument:
    """A microscope as it is, and as it is believed to be."""

    optics: Optics
    """As believed."""
    pupil: Pupil
    """As it is."""
    true: VolumePattern
    known: VolumePattern
    """With the errors of an estimate."""
    moved_um: Tensor | None
    """[angle, z, (z, y, x)] by how much the specimen moves."""

    @property
    def step(self) -> float:
        """Distance of the planes over the greatest that would do."""
        return self.true.z_step_nm / greatest_step_nm(self.known, self.optics)

    @property
    def known_optics(self) -> VolumeOptics:
        """What is believed, as estimates take it."""
        pixel_nm, known = self.true.lateral.pixel_nm, self.known
        return VolumeOptics(self.optics, known.excitation_nm, pixel_nm, known.z_step_nm)


def drawn_volume_instrument(
    size: int, planes: int, photons: float, random: Random
) -> VolumeInstrument:
    """Return a microscope for `planes` planes of `size` x `size` pixels in some light."""
    optics, pupil = _optics(random)
    true = _pattern(optics, size, planes, random)
    worse = min(1.0 / math.sqrt(photons), 0.7)
    axial = tuple(
        psi + math.radians(1.5 + 8.0 * worse) * random.standard_normal()
        for psi in true.axial_phases_rad
    )
    lateral = estimated(true.lateral, photons, random)
    known = replace(true, lateral=lateral, axial_phases_rad=axial)
    return VolumeInstrument(optics, pupil, true, known, _moved(planes, random))


def _optics(random: Random) -> tuple[Optics, Pupil]:
    """Return optics as believed, and the pupil as it is."""
    index = float(random.choice(_MEDIA))
    aperture, emission = index * random.uniform(0.8, 0.975), random.uniform(460.0, 690.0)
    cutoff = 2000.0 * aperture / emission
    sampling = random.uniform(0.6, 0.98)
    damping = float(math.exp(random.uniform(math.log(0.12), 0.0)))
    believed = Optics(
        numerical_aperture=aperture,
        emission_nm=emission,
        refractive_index=index,
        pixel_nm=500.0 * sampling / cutoff,
        otf_damping=min(1.0, max(0.05, damping * math.exp(0.25 * random.standard_normal()))),
    )
    off = emission * (1.0 + 0.015 * random.standard_normal())
    true = believed.model_copy(update={"emission_nm": off, "otf_damping": damping})
    waves = 0.05 * random.standard_normal() if random.random() < 0.5 else 0.0
    return believed, Pupil(true, {_SPHERICAL: waves} if waves else {})


def _pattern(optics: Optics, size: int, planes: int, random: Random) -> VolumePattern:
    reach = random.uniform(0.62, 0.98) * optics.cutoff_cycles_per_um / 2.0
    first, sign = random.uniform(0.0, math.pi), random.choice((-1.0, 1.0))
    contrast, beam = random.uniform(0.4, 1.0), random.uniform(0.45, 1.3)
    whole = 1.0 + 2.0 * beam**2
    strengths = (contrast * 4.0 * beam / whole, contrast * 2.0 * beam**2 / whole)
    bright, angles = dimming(_ANGLES, _PHASES, random), []
    for number in range(_ANGLES):
        turn = first + math.pi * number / _ANGLES + math.radians(3.0) * random.standard_normal()
        k = reach * (1.0 + 0.005 * random.standard_normal())
        phases = phases_near_even(_PHASES, sign, random)
        modulation = tuple(m * random.uniform(0.8, 1.0) for m in strengths)
        flat = PatternAngle((1.0, 0.0), phases, modulation, intensity=bright[number])
        angles.append(lit(flat, (k * math.cos(turn), k * math.sin(turn))))
    assert optics.pixel_nm is not None
    focus = random.uniform(-1.0, 1.0)
    axial = tuple(focus + 0.1 * random.standard_normal() for _ in range(_ANGLES))
    lateral = Pattern(optics.pixel_nm, (size, size), tuple(angles))
    excitation = optics.emission_nm * random.uniform(0.9, 0.96)
    index = optics.refractive_index
    pattern = VolumePattern(lateral, planes, 100.0, excitation, index, axial)
    step = random.uniform(0.55, 0.98) * greatest_step_nm(pattern, optics)
    return replace(pattern, z_step_nm=step)


def _moved(planes: int, random: Random) -> Tensor | None:
    """Return how a specimen drifts between the angles and a stage stops beside planes, or None."""
    if random.random() < 0.75:
        return None
    drift = random.uniform(0.0, 0.06) * random.standard_normal((_ANGLES, 1, 3)).cumsum(axis=0)
    stops = random.uniform(0.0, 0.03) * random.standard_normal((_ANGLES, planes, 1))
    return torch.from_numpy(drift + stops * (1.0, 0.0, 0.0))
