"""Every bench and every test of a GPU can start: the names that it imports are there."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ROOTS = {
    "bench": ROOT,
    "tests": ROOT,
    "livesim": ROOT,
    "livesim_acquisition": ROOT / "acquisition",
    "livesim_gui": ROOT / "gui",
    "livesim_models": ROOT / "models",
}


@cache
def names_of(module):
    """Return all names in a module of this project."""
    place = ROOTS[module.partition(".")[0]].joinpath(*module.split("."))
    file = next(one for one in (place.with_suffix(".py"), place / "__init__.py") if one.exists())
    names = {one.stem for one in place.iterdir()} if place.is_dir() else set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {one.asname or one.name for one in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names


@pytest.mark.parametrize("folder", ["bench", "tests/gpu"])
def test_every_name_that_is_imported_is_there(folder):
    missing = []
    for file in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module.partition(".")[0] in ROOTS:
                known = names_of(node.module)
                missing += [
                    f"{file.relative_to(ROOT)}: {one.name} of {node.module}"
                    for one in node.names
                    if one.name not in known
                ]
    assert missing == []
