"""The settings that may change while a stream runs, and the frozen record of their changes."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from livesim.config.old_names import OLD_NAMES
from livesim.config.overrides import merge
from livesim.config.settings import Settings, SettingsError, parse_settings
from livesim.values.frames import StackIndex
from livesim.values.illumination import changes_in_force

STEERED = (
    "steps.one",
    "steps.two",
    "steps.all",
    "steps.precision",
    "reconstruction.wiener",
    "reconstruction.notch.strength",
    "reconstruction.notch.fwhm_cycles_per_um",
    "reconstruction.apodization.shape",
    "reconstruction.apodization.cutoff",
    "reconstruction.apodization.bend",
    "tracking.follow",
    "tracking.estimate",
)
"""All that may change between two raw stacks: what the frames are stays as it is."""

Value = bool | float | str
Changes = Mapping[str, Value]
"""Dotted key -> its new value."""


@dataclass(frozen=True, slots=True)
class NetworkFile:
    """The model file of a network."""

    sha256: str
    card: Mapping[str, Any]
    """What it is and what it was trained on, as the file says."""


@dataclass(frozen=True, slots=True)
class SettingsChange:
    """One change of the settings; it holds from `stack` on, that stack included."""

    stack: StackIndex
    received_ns: int
    """When the last frame of that stack was received, wall clock."""
    old: Changes
    new: Changes
    networks: Mapping[str, NetworkFile] = field(default_factory=dict)
    """File name -> the networks in use before and after, where those are what changed."""


def steered(settings: Settings, changes: Changes) -> Settings:
    """Return the settings with changes; a network for all takes the place of one and two.

    Raises
    ------
    SettingsError
        If a key is none of `STEERED`, or its value is wrong.
    """
    values: dict[str, Any] = settings.model_dump(mode="json", exclude_none=True)
    changed: dict[str, Any] = {}
    for given, value in changes.items():
        key = OLD_NAMES.get(given, given)
        _check(key)
        *tables, last = key.split(".")
        table = changed
        for name in tables:
            table = table.setdefault(name, {})
        table[last] = value
    merge(values, changed)
    return parse_settings(values, "steering")


def difference(old: Settings, new: Settings) -> tuple[dict[str, Value], dict[str, Value]]:
    """Return the keys of `STEERED` in which two settings differ: their old and new values."""
    pairs = {key: (value_of(old, key), value_of(new, key)) for key in STEERED}
    differing = {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}
    return {k: old for k, (old, _) in differing.items()}, {k: n for k, (_, n) in differing.items()}


def value_of(settings: Settings, key: str) -> Value:
    """Return the value of a dotted key."""
    value: Any = settings
    for name in key.split("."):
        value = getattr(value, name)
    return value  # type: ignore[no-any-return]


def settings_at(
    indices: Iterable[StackIndex], first: Settings, changes: Sequence[SettingsChange]
) -> Iterator[Settings]:
    """Return the settings of each raw stack, in the order in which they were received."""
    states = [first]
    for change in changes:
        states.append(steered(states[-1], change.new))
    for _, count in changes_in_force(indices, [change.stack for change in changes]):
        yield states[count]


def _check(key: str) -> None:
    if key not in STEERED:
        near = difflib.get_close_matches(key, STEERED, n=1, cutoff=0.0)[0]
        raise SettingsError(
            f"expected a setting that can change while a stream runs, such as '{near}', "
            f"found '{key}'"
        )
