"""Print the rows of a measurement as a table and keep them as JSON in `results`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.table import Table

from livesim.speed.machine import conditions

_BEGAN = conditions()
"""Before anything is measured, so that the load of the machine is that of others."""

RESULTS = Path(__file__).parent / "results"
Row = dict[str, Any]
Found = TypeVar("Found")


def report(name: str, title: str, rows: list[Row], **more: Any) -> None:
    """Print `rows` as a table and write them with machine, versions and date."""
    show(title, rows)
    RESULTS.mkdir(exist_ok=True)
    document = {"title": title, "rows": rows, **more, "run": _BEGAN}
    (RESULTS / f"{name}.json").write_text(
        json.dumps(document, indent=2, allow_nan=False) + "\n", encoding="utf-8"
    )


def show(title: str, rows: list[Row]) -> None:
    """Print `rows` as a table."""
    table = Table(title=title)
    for column in rows[0]:
        table.add_column(column, justify="left" if column == "method" else "right")
    for row in rows:
        table.add_row(*[_text(value) for value in row.values()])
    Console(width=120).print(table)


def by(
    found: Sequence[Found],
    name: str,
    summary: Callable[[list[Found]], Row],
    of: Callable[[Found], Any] | None = None,
) -> list[Row]:
    """Return a row for every value of a property: `summary` of what has it.

    Parameters
    ----------
    found
        What was measured.
    name
        Heading of the property and, without `of`, its key in the rows of `found`.
    summary
        Makes the rest of a row.
    of
        Returns the property.
    """
    values = [of(one) if of else one[name] for one in found]
    each = sorted(dict.fromkeys(values), key=lambda value: (isinstance(value, str), value))
    return [
        {name: value, **summary([f for f, own in zip(found, values, strict=True) if own == value])}
        for value in each
    ]


def _text(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
