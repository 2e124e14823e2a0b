"""Estimate the illumination pattern of an array of raw frames."""

from __future__ import annotations

import warnings

from livesim.api.arrays import SOURCE, Array, RawStacks
from livesim.config.settings import Settings
from livesim.io.otf import otf_profile
from livesim.pipeline.calibration import calibrate as estimated
from livesim.pipeline.calibration import estimation_stacks
from livesim.values.errors import DataError
from livesim.values.pattern import WIDEFIELD_ONLY, Pattern


def calibrate(raw: Array, settings: Settings, *, strict: bool = False) -> Pattern:
    """Estimate the illumination pattern from raw stacks that were taken with the same one.

    It needs no prior. At most 16 raw stacks are used, evenly spread over the leading axes.

    Parameters
    ----------
    raw
        Camera counts […, frames, y, x] or […, angle, phase, y, x]: numpy, torch or dask, of any
        byte order, or what `livesim.open` returns.
    settings
        Of the microscope, with ``optics.pixel_nm``.
    strict
        Refuse raw stacks in which no angle shows fringes.

    Returns
    -------
    The pattern: for each angle the wave vector in cycles/µm, the phase of every frame in rad and
    the modulation of every harmonic, with the significance of each angle. If no angle shows
    fringes it is widefield only, which a warning says.

    Raises
    ------
    DataError
        If the array holds no whole raw stacks of counts, or, if `strict`, no angle shows fringes.
    SettingsError
        If the pixel size is not known.
    """
    pattern = estimated_from(RawStacks(raw, settings.pattern), settings)
    check_fringes(pattern, strict=strict)
    return pattern


def estimated_from(stacks: RawStacks, settings: Settings) -> Pattern:
    """Estimate the pattern of some raw stacks, at most 16 of them, whatever it is worth."""
    chosen = stacks.spread(estimation_stacks(stacks.frame_shape))
    return estimated(chosen, settings, otf_profile(settings))


def check_fringes(pattern: Pattern, *, strict: bool) -> None:
    """Warn the caller's caller of a pattern without fringes.

    Raises
    ------
    DataError
        If `strict`, instead.
    """
    if not pattern.is_widefield_only:
        return
    if strict:
        raise DataError(f"{SOURCE}: expected fringes in at least one angle, found none")
    warnings.warn(WIDEFIELD_ONLY, stacklevel=3)
