"""Settings and what a file states -> the z step and the channels' names of a time-lapse."""

from __future__ import annotations

from collections.abc import Sequence

from livesim.config.settings import Settings


def z_step_nm(settings: Settings, planes: int, stated: float | None = None) -> float | None:
    """Return the distance of two planes; None where there is one plane, or nobody knows.

    Parameters
    ----------
    planes
        How many there are: `[acquisition]` is believed only where it takes as many.
    stated
        By the file; it wins.
    """
    if planes < 2 or stated is not None:
        return stated if planes > 1 else None
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
