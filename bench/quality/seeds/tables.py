"""Make the tables of the page out of the rows that were measured."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from bench.quality.seeds.cases import NOISE, PHASES
from bench.quality.seeds.fields import DATA
from bench.report import Row, report, show

SCORES = ("psnr", "ssim", "fitted psnr", "fitted ssim")
TIMES = "times"


def write_tables(rows: list[Row]) -> None:
    """Print the tables and write them to the results."""
    if not rows:
        raise SystemExit("expected rows that are measured, found none yet")
    data = [table for part in DATA if (table := _of_data(part, rows))]
    sweeps = {
        f"{part}, {score}": of_sweep(part, rows, score)
        for part in (NOISE, PHASES)
        for score in ("ssim", "psnr", "fitted psnr")
    }
    times = [row for row in rows if row["part"] == TIMES]
    times = [row for row in times if row["runs"] == max(row["runs"] for row in times)]
    for title, table in {**sweeps, TIMES: times}.items():
        if table:
            show(title, table)
    report(
        "seeds",
        "livesim beside the methods of ML-SIM's comparison",
        [row for table in data for row in table],
        sweeps=sweeps,
        times=times,
    )


def _of_data(part: str, rows: list[Row]) -> list[Row]:
    """Return the mean scores of every method on the pictures that all of them have."""
    own = _complete(part, rows)
    return [
        {"data": part, "method": method, "pictures": len(found), "side": found[0]["side"]}
        | {score: float(np.mean([row[score] for row in found])) for score in SCORES}
        for method, found in _by_method(own).items()
    ]


def of_sweep(part: str, rows: list[Row], score: str) -> list[Row]:
    """Return a row a method, a column a value of the sweep, of the pictures that all have."""
    own = _complete(part, rows)
    values = sorted({row["value"] for row in own})
    return [
        {"method": method} | {f"{value:g}": _mean(score, found, value) for value in values}
        for method, found in _by_method(own).items()
    ]


def _mean(score: str, rows: list[Row], value: float) -> float:
    return float(np.mean([row[score] for row in rows if row["value"] == value]))


def _complete(part: str, rows: list[Row]) -> list[Row]:
    """Return the rows of a part, of the largest side, whose picture every method has.

    They are in the order in which the methods were first measured, of whatever part.
    """
    own = [row for row in rows if row["part"] == part]
    own = [row for row in own if row["side"] == max(row["side"] for row in own)]
    made: dict[tuple[float | None, str], set[str]] = {}
    for row in own:
        made.setdefault((row["value"], row["picture"]), set()).add(row["method"])
    every = {row["method"] for row in own}
    order = list(dict.fromkeys(row["method"] for row in rows))
    whole = [row for row in own if made[row["value"], row["picture"]] == every]
    return sorted(whole, key=lambda row: order.index(row["method"]))


def _by_method(rows: Iterable[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["method"], []).append(row)
    return found
