"""Put changes such as `--set optics.pixel_nm=65` over the values of a settings file."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from livesim.config.either import with_excluded
from livesim.config.errors import first_fault
from livesim.config.old_names import with_new_names
from livesim.config.presets import give_way
from livesim.config.toml import parse_toml

_WORD = re.compile(r"(?!(true|false|nan|inf)$)[A-Za-z./~\\][^\"'\n]*")
"""What stands for itself after --set key=, such as none or the path of a model; a shell takes the
quotes away that TOML wants around it."""


def overridden(values: dict[str, Any], changes: Sequence[str]) -> dict[str, Any]:
    """Return `values` with every "section.key=value" put in; the value is TOML, or a bare word.

    Raises
    ------
    SettingsError
        If a change is no TOML.
    """
    changed = copy.deepcopy(values)
    for change in changes:
        _apply(changed, change)
    return changed


def _apply(values: dict[str, Any], change: str) -> None:
    key, _, text = change.partition("=")
    word = _WORD.fullmatch(text.strip())
    line = change if word is None else f"{key} = {json.dumps(word[0])}"
    changed = with_new_names(parse_toml(line, f"--set {change}", "key=value in TOML"))
    give_way(values, changed)
    merge(values, changed)


def merge(values: dict[str, Any], changed: dict[str, Any]) -> None:
    """Put changed keys, in tables within tables, into `values`; networks exclude each other."""
    for key, value in changed.items():
        if isinstance(value, dict) and isinstance(values.get(key), dict):
            merge(values[key], with_excluded(value) if key == "steps" else value)
        else:
            values[key] = value


def blamed(
    error: ValidationError, values: dict[str, Any], changes: Sequence[str], kind: type[BaseModel]
) -> Sequence[str]:
    """Return the changes without which a fault is not there; none where the file itself has it."""
    fault = _told(first_fault(error))
    asked = [change for change in changes if not change.endswith("={}")]  # a table's defaults

    def heals(left_out: Sequence[str]) -> bool:
        kept = [change for change in changes if change not in left_out]
        return fault not in _faults(overridden(values, kept), kind)

    single = [change for change in asked if heals([change])]
    return single or (asked if heals(asked) else [])


def _faults(values: dict[str, Any], kind: type[BaseModel]) -> list[tuple[object, str]]:
    try:
        kind.model_validate(values)
    except ValidationError as error:
        return [_told(fault) for fault in error.errors()]
    return []


def _told(fault: ErrorDetails) -> tuple[object, str]:
    return fault["loc"], fault["msg"]
