"""Pixel size of the settings and of the file in, the one to use out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from livesim.config.settings import SettingsError

TOLERANCE = 0.01
"""Files round their pixel size; a difference beyond this is a disagreement."""


@dataclass(frozen=True, slots=True)
class PixelSize:
    """The raw pixel to use."""

    nm: float
    warnings: tuple[str, ...] = ()
    """One sentence where settings and file disagree."""


def choose_pixel_nm(
    settings_nm: float | None, recorded_nm: float | None, source: Path
) -> PixelSize:
    """Choose between `[optics] pixel_nm` and what the recording says; the settings win.

    Raises
    ------
    SettingsError
        If neither says how large a pixel is.
    """
    if settings_nm is None:
        if recorded_nm is None:
            raise SettingsError(
                f"{source}: expected pixel_nm in [optics] or in the file's metadata, found neither"
            )
        return PixelSize(recorded_nm)
    if recorded_nm is None or abs(recorded_nm / settings_nm - 1) <= TOLERANCE:
        return PixelSize(settings_nm)
    warning = (
        f"{source}: expected pixels of {settings_nm:g} nm as the settings say, "
        f"found {recorded_nm:g} nm in the file; the settings are used"
    )
    return PixelSize(settings_nm, (warning,))
