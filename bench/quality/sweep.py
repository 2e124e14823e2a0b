"""Go through fields of many kinds in many lights, and write the table: what such benches share."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

import torch

from bench.quality.arbitration import scene
from bench.report import Row, report
from livesim_models.data.scene import Scene

Measure = Callable[[Scene, float, int, int], list[Row]]
"""Field, photons, its number, fissions -> rows."""


def sweep(
    name: str,
    title: str,
    values: tuple[str, str, Sequence[object]],
    measure: Measure,
    summary: Callable[[Sequence[Row]], Row],
    *,
    kinds: Sequence[str],
    photons: Sequence[float],
    fields: int,
    seed: int,
    words: str | None,
) -> None:
    """Parse the command line, measure every field, print and write a row for each value and light.

    Parameters
    ----------
    name, title
        Of the report.
    values
        Heading of the first column, its key in the rows that are measured, and its values.
    fields
        Of every kind, unless the command line says otherwise.
    seed
        Of the scenes, likewise.
    words
        What the bench says of itself.
    """
    parser = argparse.ArgumentParser(description=words)
    parser.add_argument("--fields", type=int, default=fields, help="of every kind")
    parser.add_argument("--size", type=int, default=128, help="raw pixels, both sides")
    parser.add_argument("--fissions", type=int, default=2)
    parser.add_argument("--seed", type=int, default=seed, help="of the scenes")
    options = parser.parse_args()
    torch.set_num_threads(1)
    found: list[Row] = []
    for kind in kinds:
        for number in range(options.fields):
            own = scene(kind, number, options.size, options.seed)
            for light in photons:
                rows = measure(own, light, number, options.fissions)
                found += [{"specimen": kind, "photons": light, **row} for row in rows]
    heading, key, several = values
    table = [
        {heading: value, "photons": light}
        | summary([row for row in found if row[key] == value and row["photons"] == light])
        for value in several
        for light in photons
    ]
    report(name, title, table, each=found, **vars(options))
