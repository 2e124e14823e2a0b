"""Make tables of what `livesim bench` has measured, for the terminal and for a page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from livesim.speed.floor import H100_BF16_GFLOPS, H100_GB_S

Found = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table of words; the first column is text, the others are numbers."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def sheets(found: Found, comparisons: Iterable[Sheet] = ()) -> list[Sheet]:
    """Return every table of a measurement that has rows.

    Parameters
    ----------
    comparisons
        Tables of other programs, such as those of `bench.speed.peers`.
    """
    made = [
        _limits(found),
        _stages(found),
        _floors(found),
        _live(found),
        *comparisons,
        _curves(found),
    ]
    return [sheet for sheet in made if sheet.rows]


def show(found: Found, console: Console, comparisons: Iterable[Sheet] = ()) -> None:
    """Print all tables, the machine, and what was not measured."""
    console.print(machine_words(found))
    for sheet in sheets(found, comparisons):
        table = Table(title=sheet.title, title_justify="left")
        for number, column in enumerate(sheet.columns):
            table.add_column(column, justify="right" if number else "left")
        for row in sheet.rows:
            table.add_row(*row)
        console.print(table)
    for words in found["not_measured"]:
        console.print(words)


def machine_words(found: Found) -> str:
    """Return on what and when it was measured."""
    run = found["run"]
    gpu = run["gpu"] or "no GPU"
    return (
        f"{run['processor']}, {run['cores']} cores, {run['threads']} threads, {gpu}; torch "
        f"{run['torch']}, Python {run['python']}, livesim {run['livesim']}; {run['date'][:10]}. "
        f"Load of the machine when it began: {number_words(run['load_1min'])}."
    )


def _limits(found: Found) -> Sheet:
    rows = tuple(
        (
            limit["device"],
            *(number_words(limit["gemm_gflops"][one]) for one in ("float32", "bfloat16")),
            number_words(limit["copy_gb_s"]),
        )
        for limit in found["limits"]
    )
    columns = ("device", "GEMM float32, GFLOP/s", "GEMM bfloat16, GFLOP/s", "memory copy, GB/s")
    return Sheet("Limits of the machine, in the same run", columns, rows)


def _stages(found: Found) -> Sheet:
    rows = tuple(
        (stage["name"], stage["device"], *times_words(stage["times"]), _share(stage["of_limit"]))
        for stage in found["stages"]
    )
    size = found["size"]
    title = f"One raw stack of 3 x 3 x {size} x {size}"
    return Sheet(title, ("stage", "device", "median ms", "IQR ms", "of the limit"), rows)


def _floors(found: Found) -> Sheet:
    """Return how far every stage is from the least that its work takes at the limits."""
    rows = []
    for work in found.get("work", ()):
        h100 = _floor_ms(work, H100_BF16_GFLOPS, H100_GB_S)
        for stage, limit in _done(found, work["stage"]):
            precision = stage["name"].rpartition(", ")[2]
            rate = limit["gemm_gflops"].get(precision, limit["gemm_gflops"]["float32"])
            least = _floor_ms(work, rate, limit["copy_gb_s"])
            ratio = stage["times"]["median_ms"] / least
            rows.append(
                (
                    stage["name"],
                    stage["device"],
                    *(number_words(one) for one in (work["gflop"], work["mb"], least)),
                    f"{ratio:.3g}",
                    number_words(h100),
                )
            )
    columns = ("work", "device", "GFLOP", "MB", "floor ms", "times the floor", "on an H100, ms")
    return Sheet("Where the floor lies", columns, tuple(rows))


def _done(found: Found, name: str) -> list[tuple[Found, Found]]:
    """Return every stage that does this work, in any precision, with its device's limits."""
    limits = {limit["device"]: limit for limit in found["limits"]}
    return [
        (stage, limits[stage["device"]])
        for stage in found["stages"]
        if stage["name"] == name or stage["name"].startswith(f"{name}, ")
    ]


def _floor_ms(work: Found, gflops: float, gb_s: float) -> float:
    return 1000.0 * float(max(work["gflop"] / gflops, work["mb"] / 1000.0 / gb_s))


def _live(found: Found) -> Sheet:
    rows = tuple(
        (
            f"{live['size']} x {live['size']}, {live['steps']}",
            number_words(live["first_result_s"]),
            number_words(live["results_per_s"]),
            number_words(live["paced_per_s"]),
            *_percentiles(live["latency"]),
            number_words(live["memory_mb"]),
        )
        for live in found["live"]
    )
    columns = (
        "stream",
        "first result s",
        "results /s",
        "paced /s",
        "p50 ms",
        "p95 ms",
        "p99 ms",
        "memory MB",
    )
    return Sheet("Engine, source and listener, each a process", columns, rows)


def _curves(found: Found) -> Sheet:
    rows = tuple(
        (f"{point['varied']} {point['value']}", point["device"], *times_words(point["times"]))
        for point in found["curves"]
    )
    return Sheet("Plain reconstruction", ("varied", "device", "median ms", "IQR ms"), rows)


def times_words(times: dict[str, float]) -> tuple[str, str]:
    """Return (median, distance of the quartiles) of a task, both in ms."""
    return number_words(times["median_ms"]), number_words(times["iqr_ms"])


def _percentiles(latency: dict[str, float]) -> Iterable[str]:
    return [number_words(latency[name]) for name in ("p50_ms", "p95_ms", "p99_ms")]


def _share(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}"


def number_words(value: float | None) -> str:
    """Return a figure in three digits, or a dash where there is none."""
    if value is None:
        return "–"
    return f"{value:.0f}" if abs(value) >= 100.0 else f"{value:.3g}"
