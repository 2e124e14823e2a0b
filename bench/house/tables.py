"""Lay the figures of `bench.house` out as tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table

Figures = Mapping[str, Any]


def tables(found: Figures, house: str) -> Iterator[Table]:
    """Return the tables: folders by area, rooms by floor, and the figures that sum them up."""
    for area, folders in found["folders"].items():
        yield _folders(area, folders)
    yield _rooms(found["all packages"])
    yield _summary(found, house)


def _folders(area: str, folders: Mapping[str, Mapping[str, int]]) -> Table:
    table = _table(area, "folder", "files", "lines")
    for name, counts in folders.items():
        table.add_row(name, str(counts["files"]), str(counts["lines"]))
    table.add_section()
    total = (sum(one[kind] for one in folders.values()) for kind in ("files", "lines"))
    table.add_row(f"{len(folders)} folders", *map(str, total))
    return table


def _rooms(found: Figures) -> Table:
    table = _table("rooms, from the top floor down", "room", "floor", "arrows", "imports")
    for name, floor in reversed(found["floor of"].items()):
        imports = found["imports"][name]
        short = ", ".join(one.rpartition(".")[2] for one in imports)
        table.add_row(name, str(floor), str(len(imports)), short)
    return table


def _summary(found: Figures, house: str) -> Table:
    table = _table("in sum", "figure", house, "all packages")
    for figure in ("rooms", "arrows", "floors", "circles"):
        pair = (found[house][figure], found["all packages"][figure])
        table.add_row(figure, *(str(len(one) if figure == "circles" else one) for one in pair))
    table.add_row("circles of files", "", str(len(found["circles of files"])))
    for figure, value in found["sizes"].items():
        table.add_row(figure, "", f"{value:g}" if isinstance(value, float | int) else value)
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title)
    for column in columns:
        table.add_column(column)
    return table
