"""Make settings out of keyword arguments, as a notebook gives them."""

from __future__ import annotations

import difflib
from typing import Any

from pydantic import BaseModel

from livesim.config.settings import Settings, SettingsError, parse_settings

SECTIONS = ("optics", "pattern", "camera", "reconstruction", "steps", "tracking", "doctor", "live")
"""Whose keys may be given by themselves: no two of them have a key in common."""


def settings(**keys: Any) -> Settings:
    """Return settings made of single keys and of whole sections.

    Parameters
    ----------
    keys
        Keys by their own names (``numerical_aperture=1.4``, ``gain=2.0``, ``wiener=0.1``) and
        sections as mappings (``reconstruction={"wiener": 0.1}``), as in the TOML file.

    Raises
    ------
    SettingsError
        If a key is unknown, missing or given twice, or its value is wrong.

    Examples
    --------
    >>> livesim.settings(numerical_aperture=1.4, emission_nm=525, pixel_nm=65)
    """
    values: dict[str, Any] = {
        name: dict(value) if hasattr(value, "items") else value
        for name, value in keys.items()
        if name in Settings.model_fields
    }
    known = _sections_by_key()
    for key, value in keys.items():
        if key in Settings.model_fields:
            continue
        if key not in known:
            near = difflib.get_close_matches(key, [*known, *Settings.model_fields], 1, 0.0)[0]
            raise SettingsError(f"unknown key '{key}'; the nearest known key is '{near}'")
        table = values.setdefault(known[key], {})
        if not isinstance(table, dict):
            raise SettingsError(f"expected {known[key]} as a mapping or by its keys, found both")
        if key in table:
            raise SettingsError(f"expected {known[key]}.{key} once, found it twice")
        table[key] = value
    return parse_settings(values, "settings")


def _sections_by_key() -> dict[str, str]:
    models = {name: Settings.model_fields[name].annotation for name in SECTIONS}
    return {
        key: name
        for name, model in models.items()
        if isinstance(model, type) and issubclass(model, BaseModel)
        for key in model.model_fields
    }
