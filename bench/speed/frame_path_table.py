"""Make the table of what `bench.speed.frame_path` has measured, and word its bounds."""

from __future__ import annotations

from typing import Any

from livesim.speed.tables import Sheet

OURS, WHOLE = "livesim", "whole arrays"
ALONE, CACHED = "its transforms alone", "its transforms, rows in the cache"
RAMPED, COMPILED = "separated and shifted", "separated and shifted, numba"

Found = dict[str, Any]


def sheet(found: Found) -> Sheet:
    """Return all rows."""
    rows = found["rows"]
    columns = ("work", *(name for name in rows[0] if name != "method"))
    names = ("method", *columns[1:])
    cells = tuple(tuple(_cell(row[name]) for name in names) for row in rows)
    return Sheet("The reconstruction on a CPU, piece by piece", columns, cells)


def bounds(found: Found) -> str:
    """Return how far the reconstruction is from its bounds, and what a compiled kernel would give.

    On one thread and by processor time, which is the same whatever else runs on the machine.
    """
    ms = {row["method"]: row["CPU ms"] for row in found["rows"] if row["threads"] == 1}
    ours = ms[OURS]
    words = (
        f"On one thread a raw stack takes {ours / ms[WHOLE]:.2f} of the processor time that whole "
        f"arrays take, {ours / ms[ALONE]:.2f} times that of its transforms alone, and "
        f"{ours / ms[CACHED]:.2f} times that of as many transforms of rows that stay in the cache."
    )
    if COMPILED not in ms:
        return words
    return (
        f"{words} What lies between the counts and the first transforms takes "
        f"{ms[RAMPED] / ours:.2f} of the whole with torch and {ms[COMPILED] / ours:.2f} with a "
        "kernel that numba compiled."
    )


def _cell(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
