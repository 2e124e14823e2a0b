"""Named sets of reconstruction settings: what they stand for, and what wins over what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_FAIRSIM: Mapping[str, Any] = {
    "wiener": 0.05,
    "richardson_lucy_iterations": 5,
    "apodization": {"shape": "triangle", "cutoff": "auto", "bend": 1.0},
}
PRESETS: Mapping[str, Mapping[str, Any]] = {
    "fairsim": _FAIRSIM,
    "report": {**_FAIRSIM, "processing": "report"},
}
"""Name -> the keys of `[reconstruction]` that it sets; those of the MPhil report's Table 1, and its
processing as well."""


def with_preset(table: Any) -> Any:
    """Return a `[reconstruction]` with what its preset sets and it does not."""
    preset = _preset_of(table)
    own = {} if preset is None else table.get("apodization", {})
    if preset is None or not isinstance(own, Mapping):  # no table: it is refused as what it is
        return table
    return {**preset, **table, "apodization": {**preset["apodization"], **own}}


def give_way(values: dict[str, Any], changed: Mapping[str, Any]) -> None:
    """Take out of settings what a preset among their changes sets: it wins over a file's keys."""
    preset, own = _preset_of(changed.get("reconstruction")), values.get("reconstruction")
    if preset is not None and isinstance(own, dict):
        for key in preset:
            own.pop(key, None)


def _preset_of(table: Any) -> Mapping[str, Any] | None:
    name = table.get("preset") if isinstance(table, Mapping) else None
    return PRESETS.get(name) if isinstance(name, str) else None
