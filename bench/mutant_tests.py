"""Run the tests of a room against one changed place at a time, in processes that are ended."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Generator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from bench.mutants import Mutant

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
PATIENCE = 3.0
"""Tests that take so many times as long as all of the room did, and a minute, hang: noticed."""


class Room:
    """The tests of a room, and which functions each of them calls."""

    def __init__(self, room: str, folder: Path) -> None:
        self._folder = folder
        globs = [sorted((folder / "tests").glob(glob)) for glob in TESTS[room]]
        self._files = [str(file) for files in globs for file in files]
        called, begin = folder / "called.json", time.monotonic()
        code = _run(lambda: _run_tests(self._files, folder, Calls(folder / room, called)), None)
        if code != 0:
            raise RuntimeError(f"expected the tests of {room} to pass, found that they do not")
        self._limit_s = 60.0 + PATIENCE * (time.monotonic() - begin)
        self._tests: dict[str, list[str]] = json.loads(called.read_text(encoding="utf-8"))

    def notices(self, mutant: Mutant) -> str | None:
        """Try one place in a process of its own; return what noticed it, None where nothing did."""
        tests = self._files
        if mutant.function is not None:
            tests = self._tests.get(f"{mutant.file}:{mutant.function}", [])
        if not tests:
            return None
        path = self._folder / mutant.file
        source = path.read_bytes()
        path.write_bytes(source[: mutant.start] + mutant.after.encode() + source[mutant.end :])
        try:
            code = _run(lambda: _run_tests(tests, self._folder), self._limit_s)
        finally:
            path.write_bytes(source)
        if code is None:
            return "the time"
        return None if code == 0 else "a test"


class Calls:
    """A plugin of pytest that writes which tests call which functions of a folder.

    Parameters
    ----------
    folder
        Whose functions.
    target
        A JSON file, "file:first line of a function" -> tests.
    """

    def __init__(self, folder: Path, target: Path) -> None:
        self._folder, self._root, self._target = str(folder), target.parent, target
        self._called: dict[tuple[str, int], set[str]] = {}
        self._now = ""
        threading.settrace(self._see)
        sys.settrace(self._see)

    def _see(self, frame: FrameType, _event: str, _argument: object) -> None:
        code = frame.f_code
        if code.co_filename.startswith(self._folder):
            tests = self._called.setdefault((code.co_filename, code.co_firstlineno), set())
            tests.add(self._now)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[object], request: pytest.FixtureRequest
    ) -> Generator[None, object, object]:
        """Take what is made for all tests of a file as called by them all."""
        before = self._now
        if fixturedef.scope != "function":
            self._now = request.node.nodeid or before
        try:
            return (yield)
        finally:
            self._now = before

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Hear which test begins."""
        self._now = nodeid

    def pytest_sessionfinish(self) -> None:
        """Write what was called, in the order of the tests."""
        sys.settrace(None)
        lines = {
            f"{Path(file).relative_to(self._root)}:{line}": sorted(tests - {""})
            for (file, line), tests in self._called.items()
        }
        self._target.write_text(json.dumps(lines), encoding="utf-8")


def _run(tests: Callable[[], int], limit_s: float | None) -> int | None:
    """Run tests in a copy of this process, ended whatever they do; None = they took too long."""
    child = os.fork()
    if not child:
        try:
            code = tests()
        except Warning:  # is an error, as in all tests, though it comes after the last of them
            code = FAILED
        except BaseException:  # noqa: BLE001 - or it would go on as this process
            traceback.print_exc()
            code = BROKEN
        os._exit(code)
    end = None if limit_s is None else time.monotonic() + limit_s
    while end is None or time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
            if code not in (0, FAILED, NOT_COLLECTED):
                raise RuntimeError(f"expected the tests to run, found {code}")
            return code
        time.sleep(0.05)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def _run_tests(tests: list[str], folder: Path, *plugins: object) -> int:
    """Run tests until one fails."""
    os.setsid()
    os.chdir(folder)
    for module in [one for one in sys.modules if one.partition(".")[0] in OURS]:
        del sys.modules[module]  # loaded from where nothing is changed
    parts = (folder, *(folder / one for one in ("acquisition", "gui", "models")))
    sys.path[:0] = map(str, parts)
    os.environ["PYTHONPATH"] = os.pathsep.join(map(str, parts))
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
            *tests,
        ]
        return int(pytest.main(words, list(plugins)))
