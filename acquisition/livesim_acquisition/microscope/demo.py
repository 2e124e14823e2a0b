"""Set up the small microscope of `livesim demo`, which looks at gliding filaments."""

from __future__ import annotations

from livesim.config.settings import Camera, Optics, Settings
from livesim.config.simulation import Background, Simulation, TruePattern
from livesim.config.specimens import FilamentSettings

PIXEL_NM = 65.0
SETTINGS = Settings(
    optics=Optics(numerical_aperture=1.49, emission_nm=525.0, pixel_nm=PIXEL_NM, otf_damping=0.5),
    camera=Camera(offset=100.0, gain=2.0, read_noise=1.5),
)
"""Without `[simulation]`: what an engine gets."""
DIRECTIONS_DEG = (-50.0, 10.0, 70.0)
PHASE_ERROR_DEG = 2.0
BACKGROUND = 0.03
"""Light without pattern, of the peak."""
SPEED_NM_PER_S = 1500.0
EXPOSURE_MS = 5.0


def demo_settings(size: int, photons: float, stacks: int) -> Settings:
    """Return a microscope for gliding filaments, its phases as uneven as those of real ones.

    Parameters
    ----------
    size
        Rows and columns of a raw frame.
    photons
        Photo-electrons of the brightest pixel.
    stacks
        Time points.
    """
    simulation = Simulation(
        size=(size, size),
        time_points=stacks,
        exposure_ms=EXPOSURE_MS,
        peak_photons=photons,
        seed=1,
        pattern=TruePattern(
            directions_deg=DIRECTIONS_DEG, modulation=(0.8,), phase_error_deg=PHASE_ERROR_DEG
        ),
        background=Background(uniform=BACKGROUND),
        filaments=FilamentSettings(speed_nm_per_s=SPEED_NM_PER_S),
    )
    return SETTINGS.model_copy(update={"simulation": simulation})
