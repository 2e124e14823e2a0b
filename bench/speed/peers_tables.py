"""Make the tables that compare livesim with other programs."""

from __future__ import annotations

from bench.speed.published import beside
from livesim.speed.tables import Found, Sheet, number_words, times_words


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
