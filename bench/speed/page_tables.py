"""Make the tables of the performance page from what each measurement has found."""

from __future__ import annotations

from typing import Any

from bench.markdown import digits
from bench.speed.published import beside
from livesim.speed.tables import Found, Sheet, number_words, times_words

OURS, WHOLE = "livesim", "whole arrays"
ALONE, CACHED = "its transforms alone", "its transforms, rows in the cache"
RAMPED = "separated and shifted"
PERCENTILES = ("p50", "p95", "p99")


def comparison_sheets(found: Found) -> list[Sheet]:
    """Return the table of what was timed in turn, and that of published figures."""
    return [_peers(found), _published(found)]


def _peers(found: Found) -> Sheet:
    rows = tuple(
        (f"{row['job']}: {row['program']}", *times_words(row["times"]), f"{row['ratio']:.2f}")
        for row in found.get("peers", ())
    )
    return Sheet("Others, in turn", ("job", "median ms", "IQR ms", "times ours"), rows)


def _published(found: Found) -> Sheet:
    rows = tuple(
        (
            f"{one.other.program}: {one.other.job} ({one.other.source})",
            one.other.device,
            number_words(one.other.milliseconds),
            number_words(one.other.peak_gflops),
            one.device,
            number_words(one.milliseconds),
            number_words(one.gflops),
            number_words(one.rates),
            number_words(one.times),
        )
        for one in beside(found)
    )
    columns = (
        "published",
        "on",
        "ms",
        "peak GFLOP/s",
        "ours on",
        "ms",
        "GEMM GFLOP/s",
        "our rate / theirs",
        "times ours at equal rates",
    )
    return Sheet("Published figures, and ours beside them", columns, rows)


def frame_path_sheet(found: Found) -> Sheet:
    """Return a row for every work that `bench.speed.frame_path` has timed."""
    rows = found["rows"]
    columns = ("work", *(name for name in rows[0] if name != "method"))
    names = ("method", *columns[1:])
    cells = tuple(tuple(digits(row[name]) for name in names) for row in rows)
    return Sheet("The reconstruction on a CPU, piece by piece", columns, cells)


def frame_path_bounds(found: Found) -> str:
    """Return how far the reconstruction is from its bounds.

    On one thread and by processor time, which is the same whatever else runs on the machine.
    """
    ms = {row["method"]: row["CPU ms"] for row in found["rows"] if row["threads"] == 1}
    ours = ms[OURS]
    return (
        f"On one thread a raw stack takes {ours / ms[WHOLE]:.2f} of the processor time that whole "
        f"arrays take, {ours / ms[ALONE]:.2f} times that of its transforms alone, and "
        f"{ours / ms[CACHED]:.2f} times that of as many transforms of rows that stay in the cache."
    )


def latency_by_stage(found: Found) -> Sheet:
    """Return a row for every stream: the percentiles of each stage."""
    streams: dict[str, dict[str, str]] = {}
    for row in found["rows"]:
        stream, _, stage = row["method"].rpartition(": ")
        streams.setdefault(stream, {})[stage] = _percentiles(row)
    stages = list(next(iter(streams.values())))
    rows = tuple((stream, *(took[one] for one in stages)) for stream, took in streams.items())
    title = "From the last raw frame to the result, p50 / p95 / p99 in ms"
    return Sheet(title, ("stream", *stages), rows)


def latency_by_spins(found: Found) -> Sheet:
    """Return a row for every number of turns that threads spin."""
    rows = tuple((row["method"], _percentiles(row)) for row in found["rows"])
    title = "The same with threads that spin longer or shorter"
    return Sheet(title, ("stream", "sent to heard"), rows)


def _percentiles(row: dict[str, Any]) -> str:
    return " / ".join(number_words(row[name]) for name in PERCENTILES)
