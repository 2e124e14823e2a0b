"""Choose between what the settings and what a file say: pixel size, z step, channel names.

The pixel size of the settings wins, because microscopes write wrong ones; a z step and names that
the file states win over the plan in `[acquisition]`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from livesim.config.settings import Settings, SettingsError
from livesim.values.numbers import COARSEST_NM, FINEST_NM

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
        If neither says how large a pixel is, or the file alone says what no microscope has.
    """
    if settings_nm is None:
        if recorded_nm is None:
            raise SettingsError(
                f"{source}: expected pixel_nm in [optics] or in the file's metadata, found neither"
            )
        if not FINEST_NM <= recorded_nm <= COARSEST_NM:
            raise SettingsError(
                f"{source}: expected pixels of {FINEST_NM} to {COARSEST_NM} nm, found "
                f"{recorded_nm:g} nm in its metadata; give pixel_nm in [optics]"
            )
        return PixelSize(recorded_nm)
    if recorded_nm is None or abs(recorded_nm / settings_nm - 1) <= TOLERANCE:
        return PixelSize(settings_nm)
    warning = (
        f"{source}: expected pixels of {settings_nm:g} nm as the settings say, "
        f"found {recorded_nm:g} nm in the file; the settings are used"
    )
    return PixelSize(settings_nm, (warning,))


def unknown_channels(settings: Settings, count: int, source: Path) -> tuple[str, ...]:
    """Say which tables `[channels.N]` are of no channel of a recording, in one sentence or none."""
    unknown = [f"[channels.{number}]" for number in sorted(settings.channels) if number >= count]
    if not unknown:
        return ()
    there = "channel 0" if count == 1 else f"channels 0 to {count - 1}"
    return (
        f"{source}: expected settings of {there}, as many as it has, counted from 0, found "
        f"{', '.join(unknown)} too: not used",
    )


def z_step_nm(settings: Settings, planes: int, stated: float | None = None) -> float | None:
    """Return the distance of two planes; None where there is one plane, or nobody knows.

    That in `[volumes]` wins.

    Parameters
    ----------
    planes
        How many there are: `[acquisition]` is believed only where it takes as many.
    stated
        By the file; it wins.
    """
    if planes < 2:
        return None
    set_nm = None if settings.volumes is None else settings.volumes.z_step_nm
    if set_nm is not None or stated is not None:
        return set_nm or stated
    own = settings.acquisition
    if own is None or own.z_step_um is None or len(own.z_um) != planes:
        return None
    return own.z_step_um * 1000.0


def channel_names(settings: Settings, count: int, stated: Sequence[str] = ()) -> tuple[str, ...]:
    """Return a name for each channel; none at all where nobody knows one.

    A `name` in `[channels.N]` wins, then what the file states, then the presets in
    `[acquisition]`, if they are as many as the channels.
    """
    presets = () if settings.acquisition is None else settings.acquisition.channels
    known = next((tuple(names) for names in (stated, presets) if len(names) == count), ())
    own = {n: channel.name for n, channel in settings.channels.items() if channel.name}
    if not known and not any(number < count for number in own):
        return ()
    made_up = known or tuple(f"channel {number}" for number in range(count))
    return tuple(own.get(number, name) for number, name in enumerate(made_up))
