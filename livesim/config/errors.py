"""A pydantic error in; one sentence that names the place, what was expected and what was found."""

from __future__ import annotations

from pydantic import ValidationError


def complaint(source: str, error: ValidationError) -> str:
    """Put the first error in words.

    Parameters
    ----------
    source
        The file, or what else the values came from.
    error
        What pydantic found.
    """
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"]) or "the document"
    if first["type"] == "extra_forbidden":
        return f"{source}: expected only known keys, found {place}"
    if first["type"] == "missing":
        return f"{source}: expected the key {place}, found none"
    if first["type"] == "json_invalid":
        return f"{source}: expected JSON, found: {first['msg']}"
    reason = first["msg"].removeprefix("Value error, ").replace("Input should be", "expected", 1)
    if first["type"] == "value_error":
        return f"{source}: {place}: {reason}"
    return f"{source}: {place}: {reason}, found {first['input']!r}"
