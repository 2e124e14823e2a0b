"""Estimate the illumination pattern of an array of raw frames."""

from __future__ import annotations

from livesim.api.arrays import Array, RawStacks
from livesim.config.settings import Settings
from livesim.io.otf import otf_profile
from livesim.pipeline.build import calibrate as estimated
from livesim.pipeline.build import estimation_stacks
from livesim.values.errors import DataError
from livesim.values.pattern import Pattern


def calibrate(raw: Array, settings: Settings) -> Pattern:
    """Estimate the illumination pattern from raw stacks that were taken with the same one.

    It needs no prior. At most 16 raw stacks are used, evenly spread over the leading axes.

    Parameters
    ----------
    raw
        Camera counts […, frames, y, x] or […, angle, phase, y, x]: numpy, torch or dask, of any
        byte order, or what `livesim.open` returns.
    settings
        Of the microscope, with ``optics.pixel_nm``.

    Returns
    -------
    The pattern: for each angle the wave vector in cycles/µm, the phase of every frame in rad and
    the modulation of every harmonic, with the significance of each angle.

    Raises
    ------
    DataError
        If the array holds no whole raw stacks of counts, or no angle shows fringes.
    SettingsError
        If the pixel size is not known.
    """
    stacks = RawStacks(raw, settings.pattern)
    chosen = stacks.spread(estimation_stacks(stacks.frame_shape))
    pattern = estimated(chosen, settings, otf_profile(settings))
    if not any(angle.usable for angle in pattern.angles):
        raise DataError("array: expected fringes in at least one angle, found none")
    return pattern
