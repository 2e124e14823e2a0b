"""Change the code one place at a time and see whether its tests notice: `python -m bench.mutants`.

One room after the other, a sample of places is drawn by a seed; each is changed in a copy of the
code, and the tests of the room run until the first that fails. What nothing notices survives, and
is listed. A run can be ended at any time: places that were tried are not tried again.

    python -m bench.mutants --rooms livesim/wire --sample 40 --seconds 500
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import io
import json
import os
import random
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.report import RESULTS, Row, report

ROOT = Path(__file__).parents[1]
COPIED = ("livesim", "acquisition", "gui", "models", "tests", "bench", "pyproject.toml")
IMPORTED = ("numpy", "pytest", "torch", "zarr", "zmq", "pydantic", "tifffile", "yaozarrs")
"""Loaded once, before every process that tries a place begins as a copy of this one."""
OURS = ("livesim", "livesim_acquisition", "livesim_gui", "livesim_models", "tests")
TESTS = {
    "livesim/io/write": ("unit/io/test_write_*.py", "unit/io/test_syncing.py"),
    "livesim/wire": ("unit/wire/test_*.py",),
    "livesim/engine": ("unit/engine/test_*.py",),
    "livesim/reconstruction": ("unit/reconstruction/test_*.py",),
}
"""Room -> its tests."""
FAILED, NOT_COLLECTED, BROKEN = 1, 2, 99
"""Exit codes of pytest, and of a process in which it did not run."""
LIMIT_S = 150
"""For the tests of one place; what takes longer hangs, and has been noticed."""
OTHER: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mutant:
    """One place and what stands there instead."""

    room: str
    file: str
    line: int
    before: str
    after: str
    start: int
    end: int
    """In bytes of the file."""


def mutants_of(room: str) -> Iterator[Mutant]:
    """Find all places of a room that can be changed."""
    for path in sorted((ROOT / room).rglob("*.py")):
        source = path.read_bytes()
        begins = [0]
        for line in source.splitlines(keepends=True):
            begins.append(begins[-1] + len(line))
        for node in ast.walk(ast.parse(source)):
            changed = _changed(node)
            if changed is None:
                continue
            start = begins[node.lineno - 1] + node.col_offset
            end = begins[node.end_lineno - 1] + node.end_col_offset
            yield Mutant(
                room,
                str(path.relative_to(ROOT)),
                node.lineno,
                source[start:end].decode(),
                changed,
                start,
                end,
            )


def _changed(node: ast.AST) -> str | None:
    """Return what stands in the place of a node instead; None where nothing does."""
    if isinstance(node, ast.Compare | ast.BinOp | ast.BoolOp):
        other = copy.deepcopy(node)
        operator = node.ops[0] if isinstance(node, ast.Compare) else node.op
        if type(operator) not in OTHER:
            return None
        new = OTHER[type(operator)]()
        if isinstance(other, ast.Compare):
            other.ops[0] = new
        else:
            other.op = new
        return f"({ast.unparse(other)})"
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        return f"({ast.unparse(node.operand)})"
    if isinstance(node, ast.Constant) and type(node.value) in (bool, int, float):
        return str(not node.value) if type(node.value) is bool else repr(node.value + 1)
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return "pass"
    return None


def is_noticed(mutant: Mutant, folder: Path) -> str | None:
    """Try one place in a process of its own; return what noticed it, None where nothing did."""
    path = folder / mutant.file
    source = path.read_bytes()
    path.write_bytes(source[: mutant.start] + mutant.after.encode() + source[mutant.end :])
    try:
        return _outcome(mutant, folder)
    finally:
        path.write_bytes(source)


def _outcome(mutant: Mutant, folder: Path) -> str | None:
    """Run the tests in a copy of this process, which is ended whatever they do."""
    child = os.fork()
    if not child:
        try:
            code = _run_tests(mutant, folder)
        except Warning:  # is an error, as in all tests, though it comes after the last of them
            code = FAILED
        except BaseException:  # noqa: BLE001 - or it would go on as this process
            traceback.print_exc()
            code = BROKEN
        os._exit(code)
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
            if code not in (0, FAILED, NOT_COLLECTED):
                raise RuntimeError(f"expected the tests of {mutant.room} to run, found {code}")
            return None if code == 0 else "a test"
        time.sleep(0.05)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "the time"


def _run_tests(mutant: Mutant, folder: Path) -> int:
    """Run the tests of the room until one fails, those that name the file first."""
    import pytest

    os.setsid()
    os.chdir(folder)
    for module in [one for one in sys.modules if one.partition(".")[0] in OURS]:
        del sys.modules[module]  # loaded from where nothing is changed
    parts = (folder, *(folder / one for one in ("acquisition", "gui", "models")))
    sys.path[:0] = map(str, parts)
    os.environ["PYTHONPATH"] = os.pathsep.join(map(str, parts))
    files = [one for glob in TESTS[mutant.room] for one in sorted((folder / "tests").glob(glob))]
    name = Path(mutant.file).stem
    files.sort(key=lambda one: name not in one.read_text(encoding="utf-8"))
    silent = io.StringIO()
    with contextlib.redirect_stdout(silent), contextlib.redirect_stderr(silent):
        words = [
            "-x",
            "-q",
            "--assert=plain",
            "-p",
            "no:cacheprovider",
            "-k",
            "not killed",
            *map(str, files),
        ]
        return int(pytest.main(words))


def main() -> None:
    """Try the places that were not tried yet, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rooms", nargs="*", default=list(TESTS))
    parser.add_argument("--sample", type=int, default=80, help="places of each room")
    parser.add_argument("--seconds", type=float, default=500.0, help="no further place after them")
    parser.add_argument("--seed", type=int, default=22)
    options = parser.parse_args()
    tried: list[Row] = _tried()
    known = {(row["file"], row["line"], row["before"], row["after"]) for row in tried}
    end = time.monotonic() + options.seconds
    for module in IMPORTED:
        with contextlib.suppress(ImportError):
            __import__(module)
    with TemporaryDirectory() as folder:
        for name in COPIED:
            _copy(ROOT / name, Path(folder) / name)
        for room in options.rooms:
            places = list(mutants_of(room))
            drawn = random.Random(options.seed).sample(places, min(options.sample, len(places)))
            for mutant in drawn:
                key = (mutant.file, mutant.line, mutant.before, mutant.after)
                if key in known or time.monotonic() > end:
                    continue
                noticed = is_noticed(mutant, Path(folder))
                row = asdict(mutant) | {"noticed by": noticed}
                tried.append({name: row[name] for name in row if name not in ("start", "end")})
                print(f"{noticed or 'SURVIVED'}: {mutant.file}:{mutant.line}", flush=True)
                _write(tried)
    _write(tried)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def _tried() -> list[Row]:
    path = RESULTS / "mutants.json"
    if not path.exists():
        return []
    found: list[Row] = json.loads(path.read_text(encoding="utf-8"))["tried"]
    return found


def _write(tried: list[Row]) -> None:
    rows: list[Row] = []
    for room in TESTS:
        own = [row for row in tried if row["room"] == room]
        noticed = sum(row["noticed by"] is not None for row in own)
        share = 100.0 * noticed / len(own) if own else None
        rows.append({"room": room, "tried": len(own), "noticed": noticed, "percent": share})
    with contextlib.redirect_stdout(io.StringIO()):
        report("mutants", "places of the code that were changed", rows, tried=tried)


if __name__ == "__main__":
    main()
