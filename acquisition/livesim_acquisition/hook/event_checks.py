"""Refuse events with which pycromanager would go wrong without a word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from livesim.config.settings import PatternSettings, SettingsError
from livesim.values.errors import DataError
from livesim.values.frames import FrameAxes, StackIndex
from livesim_acquisition.hook.event_axes import EventAxes

HELD = {
    "exposure": "exposure",
    "config_group": "channel",
    "z": "z",
    "x": "x",
    "y": "y",
    "stage_positions": "stage",
    "camera": "camera",
    "min_start_time": "min_start_time",
}
"""What ends a camera sequence when it changes, in the words of the settings."""

Event = Mapping[str, Any]


def check_events(events: Sequence[Event], pattern: PatternSettings) -> None:
    """Refuse what pycromanager takes without a word, and then does wrong or never ends.

    Parameters
    ----------
    events
        Of one call of `acquire`.

    Raises
    ------
    SettingsError
        If the events are no list of dictionaries, carry `tags` (which hangs), `properties` that
        differ (which are not applied), or axes without a place; if two of them share a place, a
        raw stack is not whole, or something ends the camera's sequence in the middle of one.
    """
    if not isinstance(events, list) or not events:
        raise SettingsError(
            "expected a list of events: a generator takes one picture at a time, or hangs; "
            f"found {type(events).__name__}{' without events' if isinstance(events, list) else ''}"
        )
    _check_keys(events)
    check_stacks(events, pattern)


def check_stacks(events: Sequence[Event], pattern: PatternSettings) -> None:
    """Refuse events that do not make whole raw stacks, each of them taken without a change.

    Raises
    ------
    SettingsError
        If axes have no place or share one, a raw stack is not whole, or something ends the camera's
        sequence in the middle of one.
    """
    for index, frames in _by_stack(events, pattern).items():
        _check_stack(index, frames, pattern.stack_frames)


def _check_keys(events: Sequence[Event]) -> None:
    for number, event in enumerate(events):
        if not isinstance(event, Mapping) or not isinstance(event.get("axes"), Mapping):
            raise SettingsError(f"event {number}: expected a dictionary with axes, found {event!r}")
        if "tags" in event:
            raise SettingsError(
                f"event {number}: expected no tags, with which pycromanager never ends; "
                "put what belongs to the frame into its axes"
            )
    differing = [
        n for n, event in enumerate(events) if _properties(event) != _properties(events[0])
    ]
    if differing:
        raise SettingsError(
            f"event {differing[0]}: expected the same properties in all events of one acquire(), "
            "for pycromanager merges them and applies only the first; set them beforehand, or "
            "let the camera trigger what changes from frame to frame"
        )


def _properties(event: Event) -> list[list[Any]]:
    return sorted(list(one) for one in event.get("properties", []))


def _by_stack(
    events: Sequence[Event], pattern: PatternSettings
) -> dict[StackIndex, dict[FrameAxes, Event]]:
    """Return the events of every raw stack by their place."""
    axes = EventAxes(pattern)
    stacks: dict[StackIndex, dict[FrameAxes, Event]] = {}
    for number, event in enumerate(events):
        try:
            place = axes.place(event["axes"])
        except DataError as error:
            raise SettingsError(f"event {number}: {error}") from error
        frames = stacks.setdefault(place.stack, {})
        if place in frames:
            raise SettingsError(
                f"event {number}: expected a place of its own, found {dict(event['axes'])} again"
            )
        frames[place] = event
    return stacks


def _check_stack(index: StackIndex, frames: Mapping[FrameAxes, Event], expected: int) -> None:
    if len(frames) != expected:
        raise SettingsError(
            f"{_words(index)}: expected {expected} frames in every raw stack, found {len(frames)}"
        )
    first = next(iter(frames.values()))
    for event in frames.values():
        changed = [name for key, name in HELD.items() if event.get(key) != first.get(key)]
        if changed:
            raise SettingsError(
                f"{_words(index)}: expected the same {changed[0]} for all frames of a raw stack, "
                "found another one: it would end the camera's sequence in the middle"
            )


def _words(index: StackIndex) -> str:
    return f"raw stack at time {index.time}, channel {index.channel}, z {index.z}"
