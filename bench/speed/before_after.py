"""Time each stage in one revision after another: `python -m bench.speed.before_after`.

Every revision gets a git worktree of its own for as long as this runs; the same stages
(`bench.speed.before_after_stages`) are timed with the modules of one after another, in rounds, so
that all of them see the same machine. Wanted: a clone with its history. `--revisions` takes others.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track

from bench.report import RESULTS, Row, report
from bench.speed import before_after_stages
from bench.speed.before_after_stages import STAGES
from livesim.engine.threads import SPINS
from livesim.speed.timing import Times
from tests.support.scenes import CAMERA, OPTICS, simulate

ROOT = RESULTS.parents[1]
NAME = "before_after"
SIDES = (128, 256, 512)
ROUNDS = 3
PARTS = (".", "acquisition", "gui", "models")
"""Folders of a revision that hold packages."""


Took = dict[str, Any]
"""Stage -> ms in one round; None where a revision has no such stage."""


@dataclass(frozen=True, slots=True)
class Change:
    """A revision, and what was changed up to it."""

    revision: str
    words: str


CHANGES = (
    Change("1190882", "the first that agrees with the textbook order"),
    Change("63a151e", "estimation: shifts searched in batches, one round fewer"),
    Change("5184e8c", "estimation: all parameters differentiated at once"),
    Change("cff4fef", "the first networks"),
    Change("113628d", "networks: bfloat16 where the processor has it"),
    Change("972718c", "estimation: on the lens that two bands share"),
    Change("d5e50f2", "start: without what only recording and evaluation need"),
    Change("906db95", "estimation: fewer copies, cheaper mirrors"),
    Change("3a727d8", "networks: frozen for inference, laid out once, in strips"),
    Change("d5a587a", "start: without the readers of file formats"),
    Change("d550158", "reconstruction: in blocks that a cache holds, nothing large allocated"),
    Change("2098754", "estimation: bands before transforms, fewer searches and linearisations"),
    Change("HEAD", "as it is now"),
)
"""The steps that were meant to make something faster, oldest first."""


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--revisions", nargs="+", help="Others than the list in this module.")
    asked = parser.parse_args()
    changes = [Change(one, subject(one)) for one in asked.revisions or ()] or list(CHANGES)
    found = measure(changes, asked.rounds)
    rows = [row(change, found[change.revision]) for change in changes]
    report(NAME, "The same stages with one revision after another, ms", rows, rounds=asked.rounds)


def measure(changes: Sequence[Change], rounds: int) -> dict[str, list[Took]]:
    """Return for each revision what its stages took, round by round."""
    found: dict[str, list[Took]] = {one.revision: [] for one in changes}
    turns = [change for _ in range(rounds) for change in changes]
    with ExitStack() as kept:
        given = Path(kept.enter_context(tempfile.TemporaryDirectory()))
        write_given(given)
        trees = {one.revision: kept.enter_context(worktree(one.revision)) for one in changes}
        for change in track(turns, "Revisions", console=Console(stderr=True)):
            found[change.revision].append(stages_with(trees[change.revision], given))
    return found


def write_given(folder: Path) -> None:
    """Write what is timed: raw stacks, and settings that every revision knows."""
    for side in SIDES:
        np.save(folder / f"{side}.npy", simulate(0, (side, side), peak=300.0).counts.numpy())
    write_settings(folder)


def write_settings(folder: Path) -> None:
    """Write the settings, those alone that are not as they would be anyway."""
    sections = {"optics": OPTICS, "camera": CAMERA}
    settings = {
        name: one.model_dump(mode="json", exclude_unset=True) for name, one in sections.items()
    }
    (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")


@contextmanager
def worktree(revision: str) -> Iterator[Path]:
    """Check a revision out beside this one, for as long as it is needed."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        git("worktree", "add", "--detach", str(tree), revision)
        try:
            yield tree
        finally:
            git("worktree", "remove", "--force", str(tree))


def stages_with(tree: Path, given: Path) -> Took:
    """Time every stage in a process that has the modules of a revision."""
    paths = os.pathsep.join(str(tree / part) for part in PARTS)
    command = [sys.executable, "-P", str(before_after_stages.__file__), str(given)]
    # All alike: what other work on the machine takes must not count for one of them, nor must
    # compiling its modules.
    alike = {"GOMP_SPINCOUNT": SPINS, "PYTHONDONTWRITEBYTECODE": ""}
    environment = {**os.environ, "PYTHONPATH": paths, **alike}
    done = subprocess.run(
        command, cwd=tree, env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    took: Took = json.loads(done.stdout.splitlines()[-1])
    return took


def row(change: Change, rounds: Sequence[Took]) -> Row:
    """Return the median over the rounds of every stage; None where a revision has no such stage."""
    medians: Row = dict.fromkeys(STAGES)
    for stage in STAGES:
        times = [one[stage] for one in rounds if one[stage] is not None]
        if times:
            medians[stage] = Times.of(times).median_ms
    return {"method": change.words, "revision": short(change.revision), **medians}


def short(revision: str) -> str:
    """Return a revision's short name, of HEAD's as well."""
    return git("rev-parse", "--short", revision)


def subject(revision: str) -> str:
    """Return the first line of what was said of a revision."""
    return git("log", "-1", "--format=%s", revision)


def git(*words: str) -> str:
    """Return what git answers in this repository."""
    done = subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout.strip()


if __name__ == "__main__":
    main()
