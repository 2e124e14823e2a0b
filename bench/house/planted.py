"""Plant a wrong import in every room and see that the contracts refuse it.

`python -m bench.house.planted`: the product is copied, one module of a room is given an import of a
room that lies above it, and import-linter is run; at last there is a room that no contract names.
What passes is named, and the exit status is 1.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("livesim", "acquisition", "gui", "models")
PACKAGES = {
    "livesim": "livesim",
    "livesim_acquisition": "acquisition/livesim_acquisition",
    "livesim_gui": "gui/livesim_gui",
    "livesim_models": "models/livesim_models",
}
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"


@dataclass(frozen=True, slots=True)
class Plant:
    """A room, and an import that has no business there."""

    room: str
    wrong: str


def plants(contracts: list[dict[str, object]]) -> Iterator[Plant]:
    """Yield a wrong import for every room that a layers contract names."""
    for contract in contracts:
        for container in contract.get("containers", []):  # type: ignore[attr-defined]
            layers = [layer.split(" | ") for layer in contract["layers"]]  # type: ignore[attr-defined]
            yield from _within(container, layers)
    yield Plant("livesim_acquisition", "livesim.engine")
    yield Plant("livesim_gui", "livesim.io")
    yield Plant("livesim_models", "livesim.wire")


def _within(container: str, layers: list[list[str]]) -> Iterator[Plant]:
    """Yield an import of the layer above; in the highest, one of a neighbour or of nobody's."""
    for number, rooms in enumerate(layers):
        for room in rooms:
            above = layers[number - 1][0] if number else None
            others = [one for one in rooms if one != room]
            wrong = f"{container}.{above or others[0]}" if above or others else None
            if wrong is not None:
                yield Plant(f"{container}.{room}", wrong)


def file_of(module: str, root: Path) -> Path:
    """Return the file of a module, or of a package's __init__."""
    package, _, rest = module.partition(".")
    path = root / PACKAGES[package] / rest.replace(".", "/")
    return path.with_suffix(".py") if path.with_suffix(".py").exists() else path / "__init__.py"


def refused(plant: Plant, root: Path) -> bool:
    """Plant one import in a copy, and return whether the contracts refuse it."""
    file = file_of(plant.room, root)
    before = file.read_text(encoding="utf-8")
    lines = before.splitlines(keepends=True)
    end = _end_of_head(lines)
    file.write_text("".join([*lines[:end], f"import {plant.wrong}\n", *lines[end:]]))
    try:
        return _lint(root).returncode != 0
    finally:
        file.write_text(before, encoding="utf-8")


def _end_of_head(lines: list[str]) -> int:
    """Return where the first import may stand: behind a future import, or else at the end."""
    futures = [n for n, line in enumerate(lines, 1) if line.startswith("from __future__")]
    return futures[0] if futures else len(lines)


def _lint(root: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", LINT, "--no-cache", "--config", str(root / "pyproject.toml")]
    path = ":".join(str(root / name) for name in (".", *FOLDERS[1:]))
    environment = {"PYTHONPATH": path, "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, timeout=120
    )


def main() -> int:
    """Try every room; print what became of each."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        shutil.copy(ROOT / "pyproject.toml", root)
        for name in FOLDERS:
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        if _lint(root).returncode:
            print("expected contracts that hold before anything is planted, found broken ones")
            return 2
        passed = []
        for plant in plants(contracts):
            kept = refused(plant, root)
            print(f"{'refused' if kept else 'PASSED '}  {plant.room} -> {plant.wrong}", flush=True)
            passed += [] if kept else [plant]
        (root / "livesim" / "attic.py").write_text('"""A room that no contract names."""\n')
        if not _lint(root).returncode:
            passed.append(Plant("livesim.attic", "nothing, but no contract names it"))
    print(f"{len(passed)} wrong import(s) passed")
    return 1 if passed else 0


if __name__ == "__main__":
    sys.exit(main())
