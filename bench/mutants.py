"""Change the code one place at a time and see whether its tests notice: `python -m bench.mutants`.

A sample of places is drawn by a seed, of each room in turn; each is changed in a copy of the code,
and those tests of the room that call its function run, the quickest first, until one fails. What
nothing notices survives, and is listed; so does what only tests beyond `--tests-s` seconds would
notice, until `--again` gives the survivors more. Before that all tests run once on the code as it
is: they must pass, and tell who calls what. What stands in decorators declares rather than does,
and is no place. A run can be ended at any time: places that were tried are not tried again. They
are known by the text of their line, wherever that moves, and stay in the sample.

What survives is judged by hand in `mutants_judged.toml`, with the reason: `equivalent`, nobody
could see the difference; `free`, a number within its margin, which no test should hold fast. It
counts as not noticed all the same, and `--again` leaves it alone.

    python -m bench.mutants --rooms livesim/wire --sample 40 --seconds 500
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import io
import json
import random
import shutil
import time
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import ROOT
from bench.mutant_tests import TESTS, Room
from bench.report import RESULTS, Row, report

JUDGED = Path(__file__).with_name("mutants_judged.toml")
KINDS = ("equivalent", "free")
COPIED = ("livesim", "acquisition", "gui", "models", "tests", "bench", "pyproject.toml")
IMPORTED = ("numpy", "pytest", "torch", "zarr", "zmq", "pydantic", "tifffile", "yaozarrs")
"""Loaded once, before every process that tries a place begins as a copy of this one."""
UNTOLD = ("start", "end", "function")
"""Of a place, in the results."""
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
    text: str
    """Of that line."""
    before: str
    after: str
    number: int
    """From 0 on, of the places of a file that are the same in all of this but the line."""
    start: int
    end: int
    """In bytes of the file."""
    function: int | None
    """The first line of the function it is in."""


def mutants_of(room: str) -> Iterator[Mutant]:
    """Find all places of a room that can be changed."""
    for path in sorted((ROOT / room).rglob("*.py")):
        source = path.read_bytes()
        lines, begins = source.splitlines(keepends=True), [0]
        for line in lines:
            begins.append(begins[-1] + len(line))
        seen: Counter[tuple[str, str, str]] = Counter()
        for node, function in _nodes(ast.parse(source), None):
            changed = _changed(node)
            if changed is None:
                continue
            start = begins[node.lineno - 1] + node.col_offset
            end = begins[node.end_lineno - 1] + node.end_col_offset
            alike = (lines[node.lineno - 1].decode().strip(), source[start:end].decode(), changed)
            yield Mutant(
                room,
                str(path.relative_to(ROOT)),
                node.lineno,
                *alike,
                seen[alike],
                start,
                end,
                function,
            )
            seen[alike] += 1


def _nodes(node: ast.AST, function: int | None) -> Iterator[tuple[ast.AST, int | None]]:
    """Yield all nodes but those of decorators, each with the first line of its function."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        function = min([node.lineno, *(one.lineno for one in decorators)])
    yield node, function
    for child in ast.iter_child_nodes(node):
        if child not in decorators:
            yield from _nodes(child, function)


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


def main() -> None:
    """Try the places that were not tried yet, print, keep each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rooms", nargs="*", default=list(TESTS))
    parser.add_argument("--sample", type=int, default=80, help="places of each room")
    parser.add_argument("--seconds", type=float, default=500.0, help="no further place after them")
    parser.add_argument("--tests-s", type=float, default=30.0, help="of tests for one place")
    parser.add_argument("--again", action="store_true", help="try what survived once more")
    parser.add_argument("--seed", type=int, default=22)
    options = parser.parse_args()
    lines = {key(asdict(one)): one.line for room in TESTS for one in mutants_of(room)}
    tried = {key(row): row | {"line": lines[key(row)]} for row in _tried() if key(row) in lines}
    known = judged()
    done = {
        one
        for one, row in tried.items()
        if row["noticed by"] or one[:-1] in known or not options.again
    }
    for module in IMPORTED:
        with contextlib.suppress(ImportError):
            __import__(module)
    with TemporaryDirectory() as folder:
        for name in COPIED:
            _copy(ROOT / name, Path(folder) / name)
        for mutant, noticed in _outcomes(options, set(tried), done, Path(folder)):
            row = {name: part for name, part in asdict(mutant).items() if name not in UNTOLD}
            before = tried.get(key(row), {"at first": noticed})
            tried[key(row)] = row | {"noticed by": noticed, "at first": before["at first"]}
            print(f"{noticed or 'SURVIVED'}: {mutant.file}:{mutant.line}", flush=True)
            _write(list(tried.values()))
    _write(list(tried.values()))


Key = tuple[object, ...]
Outcome = tuple[Mutant, str | None]


def _outcomes(
    options: argparse.Namespace, tried: set[Key], done: set[Key], folder: Path
) -> Iterator[Outcome]:
    """Try one place of each room in turn, until there is none left or the time is over."""
    end = time.monotonic() + options.seconds
    rooms = [_outcomes_of(room, options, tried, done, folder) for room in options.rooms]
    for outcomes in zip_longest(*rooms):
        yield from (one for one in outcomes if one is not None)
        if time.monotonic() > end:
            return


def _outcomes_of(
    room: str, options: argparse.Namespace, tried: set[Key], done: set[Key], folder: Path
) -> Iterator[Outcome]:
    places = list(mutants_of(room))
    drawn = random.Random(options.seed).sample(places, len(places))
    # Those that were drawn before the code has changed stay in the sample.
    drawn.sort(key=lambda one: key(asdict(one)) not in tried)
    fresh = [one for one in drawn[: options.sample] if key(asdict(one)) not in done]
    tests = Room(room, folder, options.tests_s) if fresh else None
    for mutant in fresh if tests else ():
        yield mutant, tests.notices(mutant)


def key(row: Row) -> Key:
    """Return what tells one place from another."""
    return tuple(row[name] for name in ("file", "text", "before", "after", "number"))


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


def judged() -> dict[Key, Row]:
    """Return what was judged of places that survive: file, text, before, after -> the judgement."""
    found: list[Row] = tomllib.loads(JUDGED.read_text(encoding="utf-8"))["place"]
    return {(one["file"], one["text"], *one["change"]): one for one in found}


def _write(tried: list[Row]) -> None:
    known = judged()
    rows, survivors = [], []
    for room in TESTS:
        own = [row for row in tried if row["room"] == room]
        left = [row for row in own if row["noticed by"] is None]
        survivors += [_survivor(row, known.get(key(row)[:-1])) for row in left]
        kinds = Counter(one["judged"] for one in survivors[len(survivors) - len(left) :])
        rows.append({"room": room} | _figures(own, kinds))
    kinds = Counter(one["judged"] for one in survivors)
    rows.append({"room": "all"} | _figures(tried, kinds))
    with contextlib.redirect_stdout(io.StringIO()):
        more = {"survivors": survivors, "tried": tried}
        report("mutants", "places of the code that were changed", rows, **more)


def _figures(tried: list[Row], kinds: Counter[str | None]) -> Row:
    """Count places; the last figure leaves out those that nobody could notice."""
    noticed, at_first = (
        sum(row[when] is not None for row in tried) for when in ("noticed by", "at first")
    )
    visible = len(tried) - kinds["equivalent"]
    return {
        "tried": len(tried),
        "noticed": noticed,
        "percent": 100.0 * noticed / len(tried) if tried else None,
        "at first, percent": 100.0 * at_first / len(tried) if tried else None,
        **{kind: kinds[kind] for kind in KINDS},
        "percent but the equivalent": 100.0 * noticed / visible if visible else None,
    }


def _survivor(row: Row, judgement: Row | None) -> Row:
    """Say where something survives, and why, for the table on the page."""
    before, after = (" ".join(row[one].split()).replace("|", r"\|") for one in ("before", "after"))
    return {
        "place": f"{row['file']}:{row['line']}",
        "change": f"`{before}` → `{after}`",
        "judged": judgement and judgement["judged"],
        "why": judgement and judgement["why"],
    }


if __name__ == "__main__":
    main()
