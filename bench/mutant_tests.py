"""Run the tests of a room against one changed place at a time, in processes that are ended."""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Generator
from itertools import accumulate
from pathlib import Path
from types import CodeType, FrameType
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from bench.mutants import Mutant

OURS = ("livesim", "livesim_acquisition", "livesim_gui", "livesim_models", "tests")
TESTS = {
    "livesim/io/write": (
        "unit/io/test_write_*.py",
        "unit/io/test_syncing.py",
        "unit/commands/test_export_data.py",
        "unit/commands/test_restore_pyramid.py",
        "unit/commands/test_simulate.py",
    ),
    "livesim/wire": ("unit/wire/test_*.py",),
    "livesim/engine": ("unit/engine/test_*.py",),
    "livesim/reconstruction": (
        "unit/reconstruction/test_*.py",
        "unit/acquisition/test_stack_starts.py",
    ),
}
"""Room -> its tests."""
FAILED, NOT_COLLECTED, NOT_LOADED, BROKEN = 1, 2, 4, 99
"""Exit codes of pytest, the third where a file fails before its tests are known, and of a process
in which it did not run; whatever else says nothing."""
ENDED_FOR_TIME = (-signal.SIGXCPU, -signal.SIGKILL)
PATIENCE = 5.0
"""Tests that compute so many times as long as they took, and a minute, hang: noticed."""
WAITING = 10.0
"""And so many times longer, where they wait: others may use the machine as well."""
IDLE_S, IDLE_CPU_S, LOOKED_S = 120.0, 1.0, 5.0
"""Tests that compute less than that in so long wait for what never comes, which hangs as well; and
how often that is looked at."""


class Room:
    """The tests of a room, which functions each of them calls, and how long it takes.

    Parameters
    ----------
    room
        A folder below `folder`.
    folder
        A copy of the code.
    tests_s
        Seconds of tests that are run for one place, the quickest first; at least one runs.
    """

    def __init__(self, room: str, folder: Path, tests_s: float) -> None:
        self._folder, self._tests_s = folder, tests_s
        globs = [sorted((folder / "tests").glob(glob)) for glob in TESTS[room]]
        files = [str(file) for found in globs for file in found]
        called, begin = folder / "called.json", time.monotonic()
        code = _run(lambda: _run_tests(files, folder, Calls(folder / room, called)), None)
        if code != 0:
            raise RuntimeError(f"expected the tests of {room} to pass, found that they do not")
        kept = json.loads(called.read_text(encoding="utf-8"))
        self._tests: dict[str, list[str]] = kept["calls"]
        self._took: dict[str, float] = kept["took"]
        print(f"{room}: {len(self._took)} tests, {time.monotonic() - begin:.0f} s", flush=True)

    def notices(self, mutant: Mutant) -> str | None:
        """Try one place in a process of its own; return what noticed it, None where nothing did."""
        tests = self._tests_of(mutant)
        if not tests:
            return None
        path = self._folder / mutant.file
        source = path.read_bytes()
        path.write_bytes(source[: mutant.start] + mutant.after.encode() + source[mutant.end :])
        limit_s = 60.0 + PATIENCE * sum(self._took[one] for one in tests)
        try:
            code = _run(lambda: _run_tests(tests, self._folder), limit_s)
        finally:
            path.write_bytes(source)
        if code is None:
            return "the time"
        if code < 0 or code == BROKEN:
            return "a crash"
        return "a test" if code in (FAILED, NOT_COLLECTED, NOT_LOADED) else None

    def _tests_of(self, mutant: Mutant) -> list[str]:
        """Return the tests that call the function of a place, or all; the quickest first."""
        calling = self._took if mutant.function is None else ()
        calling = self._tests.get(f"{mutant.file}:{mutant.function}", calling)
        tests = sorted(calling, key=self._took.__getitem__)
        spent = accumulate(self._took[one] for one in tests)
        most = sum(seconds <= self._tests_s for seconds in spent)
        return tests[: max(1, most)]


class Calls:
    """A plugin of pytest that writes which tests call which functions of a folder, and how long.

    Parameters
    ----------
    folder
        Whose functions.
    target
        A JSON file: "calls", "file:first line of a function" -> tests; "took", test -> seconds.
    """

    def __init__(self, folder: Path, target: Path) -> None:
        self._folder, self._root, self._target = str(folder), target.parent, target
        self._called: dict[tuple[str, int], set[str]] = {}
        self._took: dict[str, float] = {}
        self._seen: set[CodeType] = set()
        self._now = ""
        threading.settrace(self._see)
        sys.settrace(self._see)

    def _see(self, frame: FrameType, _event: str, _argument: object) -> None:
        code = frame.f_code
        if code in self._seen:
            return
        self._seen.add(code)
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
            self._begin(request.node.nodeid or before)
        try:
            return (yield)
        finally:
            self._begin(before)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Hear which test begins."""
        self._begin(nodeid)

    def _begin(self, name: str) -> None:
        self._now = name
        self._seen.clear()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Hear how long a test took, or what is made for it."""
        self._took[report.nodeid] = self._took.get(report.nodeid, 0.0) + report.duration

    def pytest_sessionfinish(self) -> None:
        """Write what was called."""
        sys.settrace(None)
        calls = {
            f"{Path(file).relative_to(self._root)}:{line}": sorted(self._whole(tests))
            for (file, line), tests in self._called.items()
        }
        kept = {"calls": calls, "took": self._took}
        self._target.write_text(json.dumps(kept), encoding="utf-8")

    def _whole(self, called: set[str]) -> set[str]:
        """Return tests, and in the place of a file all of its tests."""
        files = tuple(f"{one}::" for one in called - set(self._took) - {""})
        return {one for one in self._took if one in called or (files and one.startswith(files))}


def _run(tests: Callable[[], int], limit_s: float | None) -> int | None:
    """Run tests in a copy of this process, ended whatever they do; None = they took too long."""
    child = os.fork()
    if not child:
        if limit_s is not None:
            resource.setrlimit(resource.RLIMIT_CPU, (round(limit_s), round(limit_s)))
        try:
            code = tests()
        except Warning:  # is an error, as in all tests, though it comes after the last of them
            code = FAILED
        except BaseException:  # noqa: BLE001 - or it would go on as this process
            traceback.print_exc()
            code = BROKEN
        os._exit(code)
    idle = Idle(child)
    end = None if limit_s is None else time.monotonic() + WAITING * limit_s
    while end is None or not (time.monotonic() > end or idle.long):
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
            return None if code in ENDED_FOR_TIME else code
        time.sleep(0.05)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


class Idle:
    """Whether a session of processes has computed next to nothing for long; never without /proc."""

    def __init__(self, session: int) -> None:
        self._session = session
        self._since = self._looked = time.monotonic()
        self._computed = 0.0

    @property
    def long(self) -> bool:
        """Looked at every few seconds."""
        now = time.monotonic()
        if now - self._looked >= LOOKED_S:
            self._looked = now
            computed = computed_s(self._session)
            if computed is None or abs(computed - self._computed) > IDLE_CPU_S:
                self._since, self._computed = now, computed or 0.0
        return now - self._since > IDLE_S


def computed_s(session: int) -> float | None:
    """Return the processor's seconds of a session's processes and of those they waited for."""
    ticks = None
    for file in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended
            _, _, after_name = file.read_text().rpartition(")")
            fields = after_name.split()
            if int(fields[3]) == session:
                ticks = (ticks or 0) + sum(map(int, fields[11:15]))  # see proc(5)
    return None if ticks is None else ticks / os.sysconf("SC_CLK_TCK")


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
            "--timeout=0",
            "-p",
            "no:cacheprovider",
            "-k",
            "not killed",
            *tests,
        ]
        code = int(pytest.main(words, list(plugins)))
    if plugins and code:
        print(silent.getvalue(), file=sys.stderr)
    return code
