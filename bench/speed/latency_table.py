"""Make the tables of what `bench.speed.latency` and `.latency_spins` have measured."""

from __future__ import annotations

from typing import Any

from livesim.speed.tables import Sheet

PERCENTILES = ("p50", "p95", "p99")


def by_stage(found: dict[str, Any]) -> Sheet:
    """Return a row for every stream: the percentiles of each stage."""
    streams: dict[str, dict[str, str]] = {}
    for row in found["rows"]:
        stream, _, stage = row["method"].rpartition(": ")
        streams.setdefault(stream, {})[stage] = _times(row)
    stages = list(next(iter(streams.values())))
    rows = tuple((stream, *(took[one] for one in stages)) for stream, took in streams.items())
    title = "From the last raw frame to the result, p50 / p95 / p99 in ms"
    return Sheet(title, ("stream", *stages), rows)


def by_spins(found: dict[str, Any]) -> Sheet:
    """Return a row for every number of turns that threads spin."""
    rows = tuple((row["method"], _times(row)) for row in found["rows"])
    title = "The same with threads that spin longer or shorter"
    return Sheet(title, ("stream", "sent to heard"), rows)


def _times(row: dict[str, Any]) -> str:
    return " / ".join(_ms(row[name]) for name in PERCENTILES)


def _ms(value: float) -> str:
    return f"{value:.0f}" if value >= 100.0 else f"{value:.3g}"
