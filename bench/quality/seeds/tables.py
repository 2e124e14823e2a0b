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
    own = [row for row in rows if row["part"] == part]
    return [
        {"data": part, "method": method, "pictures": len(found), "side": found[0]["side"]}
        | {score: float(np.mean([row[score] for row in found])) for score in SCORES}
        for method in _methods(own)
        if (found := _complete(own, method))
    ]


def of_sweep(part: str, rows: list[Row], score: str) -> list[Row]:
    """Return a row a method, a column a value of the sweep."""
    own = [row for row in rows if row["part"] == part]
    values = sorted({row["value"] for row in own})
    table = []
    for method in _methods(own):
        found = _complete(own, method)
        means = {
            f"{value:g}": float(np.mean([row[score] for row in found if row["value"] == value]))
            for value in values
            if any(row["value"] == value for row in found)
        }
        table.append({"method": method, **means})
    return table


def _methods(rows: Iterable[Row]) -> list[str]:
    return list(dict.fromkeys(row["method"] for row in rows))


def _complete(rows: list[Row], method: str) -> list[Row]:
    """Return a method's rows of the largest size there is."""
    found = [row for row in rows if row["method"] == method]
    side = max((row["side"] for row in found), default=0)
    return [row for row in found if row["side"] == side]
