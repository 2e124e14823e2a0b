"""Settings as plain values in, the text of a TOML file out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any


def toml_text(values: Mapping[str, Any]) -> str:
    """Return tables of texts, numbers, truth values and lists of these or of tables as TOML.

    Python's own tomllib only reads. Numbers keep all their digits, so that what is read back is
    the same.
    """
    return "\n".join(_lines(values, ())).strip() + "\n"


def _lines(values: Mapping[str, Any], place: tuple[str, ...]) -> Iterator[str]:
    tables = {key: value for key, value in values.items() if isinstance(value, Mapping)}
    plain = {key: value for key, value in values.items() if key not in tables}
    if plain and place:
        yield f"\n[{'.'.join(place)}]"
    yield from (f"{key} = {_value(value)}" for key, value in plain.items())
    for key, table in tables.items():
        yield from _lines(table, (*place, key))


def _value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(one) for one in value)}]"
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{key} = {_value(one)}' for key, one in value.items())} }}"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)  # TOML escapes as JSON does
    return repr(value)
