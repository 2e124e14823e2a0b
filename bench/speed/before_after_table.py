"""Make the table of what `bench.speed.before_after` has measured."""

from __future__ import annotations

from typing import Any

from livesim.speed.tables import Sheet

WORDS = ("method", "revision")


def sheet(found: dict[str, Any]) -> Sheet:
    """Return a row for every revision: ms, and how many times faster than the first that can."""
    rows = found["rows"]
    stages = [name for name in rows[0] if name not in WORDS]
    firsts = {name: _first(rows, name) for name in stages}
    made = tuple(
        (
            f"{row['method']} ({row['revision']})",
            *(_cell(row[name], firsts[name]) for name in stages),
        )
        for row in rows
    )
    title = f"Before and after, each the median of {found['rounds']} rounds"
    return Sheet(title, ("up to", *stages), made)


def _first(rows: list[dict[str, Any]], stage: str) -> float | None:
    return next((row[stage] for row in rows if row[stage] is not None), None)


def _cell(took: float | None, first: float | None) -> str:
    if took is None or first is None:
        return "–"
    time = f"{took:.3g} ms" if took < 1000.0 else f"{took / 1000.0:.3g} s"
    return f"{time}, {first / took:.2f} x"
