"""Settings of a small microscope of three beams for tests."""

from __future__ import annotations

from livesim.config.settings import Settings

OPTICS = {
    "numerical_aperture": 1.4,
    "emission_nm": 525.0,
    "excitation_nm": 488.0,
    "refractive_index": 1.515,
    "pixel_nm": 80.0,
    "otf_damping": 1.0,
}


def volume_settings(planes, order, *, optics=None, pattern=None, **tables) -> Settings:
    """Return the settings of so many planes that come in an order; other keywords are tables."""
    stepping = {"phases": 5, "harmonics": 2, "order": order, "sizes": {"z": planes}}
    return Settings.model_validate(
        {"optics": OPTICS | (optics or {}), "pattern": stepping | (pattern or {})} | tables
    )
