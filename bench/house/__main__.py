"""Measure how a checkout is built: rooms, arrows, floors, circles, sizes.

    python -m bench.house CHECKOUT [--json]

Files are parsed, never imported. What the words mean here:

- **folder**: one that holds Python files; **lines** are all of a file, blank ones as well.
- **room**: what lies directly in `livesim/`, a package or a module, save `__init__`. The packages
  beside `livesim` are one room each, counted apart.
- **arrow**: one room imports from another, however often; imports within functions count, names
  in strings do not.
- **circle**: rooms, or files, that all reach each other. **floors**: the longest way down along
  the arrows, counted in rooms; a circle counts as one.
- **length of a function**: from `def` to its last line, docstring included; product only.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.house.graph import Arrow, circles, floors, reach
from bench.house.sources import AREAS, Function, Source, sources
from bench.house.tables import tables

HOUSE = "livesim"
BESIDE = ("livesim_acquisition", "livesim_gui", "livesim_models")


def file_arrows(product: Sequence[Source]) -> set[Arrow]:
    """Return which module of the product imports which."""
    known = {source.module for source in product}
    arrows = set()
    for source in product:
        for name in source.imported():
            target = name if name in known else name.rpartition(".")[0]
            if target in known and target != source.module:
                arrows.add((source.module, target))
    return arrows


def room(module: str) -> str | None:
    """Return the room that a module lies in; None for `livesim/__init__` and examples."""
    package, *inside = module.split(".")
    if package == HOUSE:
        return f"{HOUSE}.{inside[0]}" if inside else None
    return package if package in BESIDE else None


def room_arrows(arrows: Iterable[Arrow]) -> set[Arrow]:
    """Return which room imports which."""
    ends = ((room(start), room(end)) for start, end in arrows)
    return {(start, end) for start, end in ends if start and end and start != end}


def house(product: Sequence[Source], *, alone: bool) -> dict[str, Any]:
    """Return the rooms of `livesim`: `alone`, or with the packages beside it."""
    names = {found for source in product if (found := room(source.module))}
    if alone:
        names = {name for name in names if name.startswith(f"{HOUSE}.")}
    arrows = {arrow for arrow in room_arrows(file_arrows(product)) if names.issuperset(arrow)}
    reached = reach(names, arrows)
    floor = floors(reached)
    return {
        "rooms": len(names),
        "arrows": len(arrows),
        "floors": max(floor.values()),
        "circles": circles(reached),
        "floor of": dict(sorted(floor.items(), key=lambda one: (one[1], one[0]))),
        "imports": {name: sorted(end for start, end in arrows if start == name) for name in floor},
    }


def sizes(product: Sequence[Source]) -> dict[str, Any]:
    """Return the lengths of files and functions, and where the largest are."""
    functions = [(length(node), node.name, one.path) for one in product for node in one.functions()]
    lengths = [lines for lines, *_ in functions]
    lines, name, path = max(functions)
    largest = max(product, key=lambda one: one.lines)
    return {
        "largest file": f"{largest.path}: {largest.lines} lines",
        "largest function": f"{path}: {name}, {lines} lines",
        "functions": len(functions),
        "median function": statistics.median(lengths),
        "p95 function": statistics.quantiles(lengths, n=20, method="inclusive")[-1],
    }


def length(node: Function) -> int:
    """Return the lines from `def` to the end."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


def folders(found: Iterable[Source]) -> dict[str, dict[str, int]]:
    """Return files and lines of every folder."""
    files, lines = Counter[str](), Counter[str]()
    for source in found:
        files[str(source.path.parent)] += 1
        lines[str(source.path.parent)] += source.lines
    return {name: {"files": files[name], "lines": lines[name]} for name in sorted(files)}


def measure(checkout: Path) -> dict[str, Any]:
    """Return all figures of a checkout."""
    found = sources(checkout)
    by_area = {area: [one for one in found if one.area == area] for area in AREAS}
    product = by_area["product"]
    of_files = reach({one.module for one in product}, file_arrows(product))
    return {
        "folders": {area: folders(some) for area, some in by_area.items()},
        HOUSE: house(product, alone=True),
        "all packages": house(product, alone=False),
        "circles of files": circles(of_files),
        "sizes": sizes(product),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--json", action="store_true", help="print JSON rather than tables")
    asked = parser.parse_args()
    try:
        found = measure(asked.checkout)
    except ValueError as error:
        sys.exit(str(error))
    if asked.json:
        print(json.dumps(found, indent=2))
    else:
        for table in tables(found, HOUSE):
            Console(width=None if sys.stdout.isatty() else 120).print(table)


if __name__ == "__main__":
    main()
