"""Make the events of a SIM time-lapse as pycromanager acquires them."""

from __future__ import annotations

from itertools import product
from math import prod
from typing import Any

from livesim.config.acquisition import Acquisition
from livesim.config.settings import PatternSettings, Settings, SettingsError
from livesim.values.frames import StackIndex

Event = dict[str, Any]
SLOWER = ("z", "channel", "time")
"""The axes that [pattern] order does not name, fastest first."""


def make_events(settings: Settings) -> list[Event]:
    """Return one event a frame, in the order of acquisition.

    Events of one list that differ in nothing but their axes become one camera sequence; the
    exposure, the channel, z and `min_start_time` end it, so none of these changes within a stack.

    Raises
    ------
    SettingsError
        If there is no `[acquisition]`, or its interval is too short or in the wrong order.
    """
    own = acquisition_of(settings)
    order = axis_order(settings.pattern)
    sizes = sizes_of(own) | dict(zip(("angle", "phase"), settings.pattern.stack_shape, strict=True))
    _check_interval(own, order, sizes)
    places = product(*(range(sizes[axis]) for axis in reversed(order)))
    return [_event(own, dict(zip(reversed(order), place, strict=True))) for place in places]


def acquisition_of(settings: Settings) -> Acquisition:
    """Return the section `[acquisition]`, or raise `SettingsError` where there is none."""
    if settings.acquisition is None:
        raise SettingsError("expected [acquisition] in the settings, found none")
    return settings.acquisition


def sizes_of(own: Acquisition) -> dict[str, int]:
    """Return how many raw stacks there are along time, channel and z."""
    return {
        "time": own.time_points,
        "channel": max(1, len(own.channels)),
        "z": max(1, len(own.z_um)),
    }


def stream_sizes(own: Acquisition) -> dict[str, int]:
    """Return the same for all axes of a stream."""
    return {field: sizes_of(own).get(field, 1) for field in StackIndex.__dataclass_fields__}


def axis_order(pattern: PatternSettings) -> list[str]:
    """Return all axes but the position, fastest first."""
    given = [axis for axis in pattern.order if axis != "position"]
    frames = [axis for axis in ("phase", "angle") if axis not in given]
    return [*frames, *given, *(axis for axis in SLOWER if axis not in given)]


def _check_interval(own: Acquisition, order: list[str], sizes: dict[str, int]) -> None:
    if not own.interval_s:
        return
    if order[-1] != "time":
        raise SettingsError(
            f"[acquisition] expected time as the slowest axis with interval_s, "
            f"found {order[-1]} in [pattern] order"
        )
    stacks = prod(sizes.values()) // sizes["time"] // sizes["channel"]
    needed_s = stacks * sum(own.exposure_of(c) or 0.0 for c in range(sizes["channel"])) / 1000.0
    if own.interval_s < needed_s:
        raise SettingsError(
            f"[acquisition] expected interval_s of at least {needed_s:g} s, the exposures of one "
            f"time point, found {own.interval_s:g}"
        )


def _event(own: Acquisition, place: dict[str, int]) -> Event:
    axes: dict[str, int | str] = {name: place[name] for name in ("time", "angle", "phase")}
    event: Event = {"axes": axes}
    exposure_ms = own.exposure_of(place["channel"])
    if exposure_ms is not None:
        event["exposure"] = exposure_ms
    if own.channels:
        axes["channel"] = own.channels[place["channel"]]
        event["config_group"] = [own.channel_group, axes["channel"]]
    if own.z_um:
        axes["z"] = place["z"]
        event["z"] = own.z_um[place["z"]]
    if own.interval_s:
        event["min_start_time"] = place["time"] * own.interval_s
    return event
