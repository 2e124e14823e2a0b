"""What `livesim demo` looks at: the settings of a small microscope, and the microscope itself."""

from __future__ import annotations

import math

import numpy as np

from livesim.config import Camera, Optics, Settings
from livesim.frames import PatternAngle
from livesim_acquisition.microscope import SimulatedMicroscope
from livesim_acquisition.specimen import Filaments

PIXEL_NM = 65.0
SETTINGS = Settings(
    optics=Optics(numerical_aperture=1.49, emission_nm=525.0, pixel_nm=PIXEL_NM, otf_damping=0.5),
    camera=Camera(offset=100.0, gain=2.0, read_noise=1.5),
)
PERIOD_NM = 196.0
"""Of the fringes: 0.9 of the optical cut-off."""
DIRECTIONS_DEG = (-50.0, 10.0, 70.0)
PHASE_ERROR_DEG = 3.0
MODULATION = 0.8
BACKGROUND = 0.03
"""Light without pattern, of the peak."""
FILAMENTS = 24
"""In a field of 256 x 256."""
SPEED_NM_PER_S = 1500.0


def demo_microscope(size: int, photons: float, seed: int = 1) -> SimulatedMicroscope:
    """Return a microscope for gliding filaments, its phases as uneven as those of real ones.

    Parameters
    ----------
    size
        Rows and columns of a raw frame.
    photons
        Photo-electrons of the brightest pixel.
    """
    random = np.random.default_rng(seed)
    return SimulatedMicroscope(
        SETTINGS.optics,
        SETTINGS.camera,
        tuple(_angle(direction_deg, random) for direction_deg in DIRECTIONS_DEG),
        Filaments(
            (2 * size, 2 * size),
            PIXEL_NM / 2,
            count=max(4, round(FILAMENTS * (size / 256) ** 2)),
            speed_nm_per_s=SPEED_NM_PER_S,
            seed=seed,
        ),
        peak_photons=photons,
        background_photons=BACKGROUND * photons,
        seed=seed,
    )


def _angle(direction_deg: float, random: np.random.Generator) -> PatternAngle:
    k, direction = 1000.0 / PERIOD_NM, math.radians(direction_deg)
    steps_deg = np.arange(3) * 120.0 + random.uniform(-PHASE_ERROR_DEG, PHASE_ERROR_DEG, 3)
    phases = random.uniform(0.0, 2.0 * np.pi) + np.deg2rad(steps_deg)
    wave_vector = (k * math.cos(direction), k * math.sin(direction))
    return PatternAngle(wave_vector, tuple(phases.tolist()), (MODULATION,))
