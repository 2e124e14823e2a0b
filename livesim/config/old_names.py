"""Read the keys of earlier versions under their present names."""

from __future__ import annotations

from typing import Any

OLD_NAMES = {
    "watchdog.follow": "tracking.follow",
    "watchdog.estimate": "tracking.estimate",
    "watchdog.examine": "doctor.examine",
}
"""Keys of earlier versions, which settings, recordings and --set may still use."""


def with_new_names(values: dict[str, Any]) -> dict[str, Any]:
    """Return `values` with every key of `OLD_NAMES` under its present name.

    Raises
    ------
    ValueError
        If a key stands there under both names.
    """
    found = {name: dict(one) if isinstance(one, dict) else one for name, one in values.items()}
    for old, new in OLD_NAMES.items():
        (old_table, old_key), (table, key) = old.split("."), new.split(".")
        given = found.get(old_table)
        if not isinstance(given, dict) or old_key not in given:
            continue
        present = found.setdefault(table, {})
        if not isinstance(present, dict):
            continue  # no table: the settings refuse it
        if key in present:
            raise ValueError(f"expected {new} alone, found its old name {old} as well")
        present[key] = given.pop(old_key)
    emptied = {old.split(".")[0] for old in OLD_NAMES}
    return {name: one for name, one in found.items() if name not in emptied or one != {}}
