"""Say in one sentence what is wrong with a setting, a file or a message that pydantic refused.

Settings, pattern files, logs, recipes, model cards and messages all come here, so the same fault
reads the same wherever it is made.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Any, get_args, get_type_hints

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from livesim.values.quoting import MOST_QUOTED, briefly, shortened

WITHOUT_VALUE = ("value_error", "assertion_error")
"""Kinds of faults whose message says already what was found."""
_NO_KEY = re.compile(r"\[key\]|(constrained-|function-|literal\[|tuple\[).*|float|int|str|bool")
"""Parts of a place that pydantic adds: which of several types, and that the key itself is wrong."""
_PLAIN = {
    "dict_type": "expected keys with values",
    "model_type": "expected keys with values",
    "path_type": "expected a path",
    "float_parsing": "expected a number",
    "float_type": "expected a number",
    "int_parsing": "expected a whole number",
    "int_type": "expected a whole number",
    "int_from_float": "expected a whole number",
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
    "string_type": "expected text in quotes",
    "tuple_type": "expected values in brackets, as in [1, 2]",
    "list_type": "expected values in brackets, as in [1, 2]",
}
"""Instead of pydantic's words, which are Python's."""


class SettingsError(ValueError):
    """The settings are wrong; the message says which, what was expected and what was found."""


def sentence(error: ValidationError, kind: type[Any] | None = None) -> str:
    """Put the first fault in words: the place, what was expected, what was found.

    An unknown key comes before all other faults, for a misspelt key is often why another is
    missing.

    Parameters
    ----------
    error
        What pydantic found.
    kind
        The model or dataclass that the values were meant for; with it the nearest known key is
        named for an unknown one.
    """
    faults, fault = error.errors(), first_fault(error)
    place = _place(fault["loc"])
    if _is_unknown_key(fault["type"]):
        return _unknown_key(fault["loc"], kind)
    if fault["type"] in ("missing", "missing_argument"):
        return f"expected the key '{place}', found none"
    if fault["type"] == "json_invalid":
        return f"expected JSON, found: {fault['msg']}"
    same = (one for one in faults if one["loc"] != fault["loc"] and _place(one["loc"]) == place)
    reasons = (_reason(fault), *(_reason(one).removeprefix("expected ") for one in same))
    reason = ", or ".join(dict.fromkeys(reasons))
    if fault["type"] not in WITHOUT_VALUE:
        reason = f"{reason}, found {briefly(fault['input'])}"
    return shortened(f"{place}: {reason}" if place else reason)


def first_fault(error: ValidationError) -> ErrorDetails:
    """Return the fault that `sentence` tells: an unknown key, or else the first."""
    faults = error.errors()
    return next((one for one in faults if _is_unknown_key(one["type"])), faults[0])


def _place(loc: Sequence[int | str]) -> str:
    """Return the key that is wrong, as the user wrote it."""
    return _key(part for part in loc if not _NO_KEY.fullmatch(str(part)))


def _key(parts: Iterable[int | str]) -> str:
    """Return a key of the parts, none of which is longer than what is quoted."""
    return ".".join(shortened(str(part), MOST_QUOTED) for part in parts)


def _reason(fault: ErrorDetails) -> str:
    """Return what was expected."""
    words = fault["msg"].removeprefix("Value error, ").replace("Input should be", "expected", 1)
    return _PLAIN.get(fault["type"], words)


def _is_unknown_key(fault: str) -> bool:
    return fault in ("extra_forbidden", "unexpected_keyword_argument")


def _unknown_key(place: Sequence[int | str], kind: type[Any] | None) -> str:
    words = f"unknown key '{_key(place)}'"
    known = _known_keys(kind, place[:-1])
    near = difflib.get_close_matches(str(place[-1])[:MOST_QUOTED], known, n=1, cutoff=0.0)
    return f"{words}; the nearest known key is '{near[0]}'" if near else words


def _known_keys(kind: type[Any] | None, place: Sequence[int | str]) -> list[str]:
    """Return the keys of the table or object at `place`; none where it is not known."""
    for part in place:
        if part in _fields(kind):
            kind = _described_in(get_type_hints(kind)[str(part)])
        # Otherwise it is the number of an item or of a channel: what is inside has the same kind.
    return _fields(kind)


def _fields(kind: type[Any] | None) -> list[str]:
    if kind is None:
        return []
    if issubclass(kind, BaseModel):
        return list(kind.model_fields)
    return [field.name for field in dataclasses.fields(kind)]


def _described_in(annotation: Any) -> type[Any] | None:
    """Return the model or dataclass inside an annotation such as `tuple[Angle, ...] | None`."""
    if isinstance(annotation, type) and (
        issubclass(annotation, BaseModel) or dataclasses.is_dataclass(annotation)
    ):
        return annotation
    inside = (_described_in(one) for one in get_args(annotation))
    return next((one for one in inside if one is not None), None)
