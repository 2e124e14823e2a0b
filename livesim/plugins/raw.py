"""Hold what is to be restored of a layer, and what is known of it; it loads no torch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livesim.api.arrays import Array
from livesim.config.settings import Settings, SettingsError, load_settings


@dataclass(frozen=True, slots=True, eq=False)
class Raw:
    """What is to be restored, and what is known of it."""

    stacks: Array
    """Camera counts […, frames, y, x] or […, angle, phase, y, x]."""
    settings: Settings
    pattern: Path | None = None
    """A pattern file; None = the pattern is estimated."""
    leading: tuple[int, ...] | None = None
    """Axes that the results lie along; None = those of `stacks`."""
    places: NDArray[np.int64] | None = None
    """Where along `leading` the result of each raw stack lies; None = one after the other."""
    channel: int = 0

    def under(self, settings: Settings) -> Raw:
        """Return the same with other settings; a pixel size that they do not state is kept."""
        own = settings.of_channel(self.channel)
        if own.optics.pixel_nm is None:
            known = {"pixel_nm": self.settings.optics.pixel_nm}
            own = own.model_copy(update={"optics": own.optics.model_copy(update=known)})
        return replace(self, settings=own)


def raw_of(data: Array, own: Raw | None, settings: Path | None, pattern: Path | None) -> Raw:
    """Return what is to be restored of a layer.

    Parameters
    ----------
    data
        The layer's own array.
    own
        What livesim knows of it, where it has opened it.
    settings, pattern
        Files that win over what is known.

    Raises
    ------
    SettingsError
        If nothing says what microscope it is of.
    """
    if own is None and settings is None:
        raise SettingsError(
            "expected a settings file for a layer that livesim has not opened, found none"
        )
    if own is None:
        assert settings is not None
        return Raw(data, load_settings(settings), pattern)
    if settings is not None:
        own = own.under(load_settings(settings))
    return own if pattern is None else replace(own, pattern=pattern)
