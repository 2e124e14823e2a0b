"""Fixtures and switches of all tests."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from livesim.engine.threads import limit_spinning

limit_spinning()  # as `livesim.cli.main` does, before torch is loaded

# Windows of the tests are nobody's business.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

DATA = "LIVESIM_DATA"
REQUIRE_ALL = "LIVESIM_REQUIRE_ALL"

# Started in the background by a shell, a process ignores Ctrl-C, and so would all that the tests
# start and interrupt; what has a handler here has the default one there.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(pluginmanager: pytest.PytestPluginManager) -> None:
    """Without Qt's system libraries the viewer's windows are not tested, but all else is."""
    try:
        import qtpy.QtTest
        import qtpy.QtWidgets
    except ImportError:
        pluginmanager.unregister(name="pytest-qt")
    else:
        # One binding for the viewer and its tests, where several are installed.
        os.environ["PYTEST_QT_API"] = qtpy.API


@pytest.fixture(autouse=True)
def end_of_children() -> Iterator[None]:
    """Leave it to Qt to learn of the end of its children.

    Lightning gives every signal back as Python knows it, and Python does not know that Qt has taken
    this one: windows of later tests would wait for ever.
    """
    if not sys.platform.startswith("linux"):
        yield
        return
    library, action = ctypes.CDLL(None), ctypes.create_string_buffer(512)  # a struct sigaction
    library.sigaction(int(signal.SIGCHLD), None, action)
    yield
    now = ctypes.create_string_buffer(512)
    library.sigaction(int(signal.SIGCHLD), None, now)
    if _handled(action) and not _handled(now):
        library.sigaction(int(signal.SIGCHLD), action, None)


def _handled(action: ctypes.Array[ctypes.c_char]) -> bool:
    """Whether a struct sigaction names a handler: its first field, which is 0 by default."""
    return any(action.raw[: ctypes.sizeof(ctypes.c_void_p)])


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of real recordings; the test is skipped where there is none."""
    folder = os.environ.get(DATA)
    if not folder:
        pytest.skip(f"{DATA} does not name the folder of real recordings")
    if not Path(folder).is_dir():
        pytest.fail(f"{DATA}: expected a folder, found {folder}")
    return Path(folder)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    return _required((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    return _required((yield))


def _required(report):
    """Turn a skip into a failure where the switch says that everything has to run."""
    skipped = report.skipped and not hasattr(report, "wasxfail")
    if skipped and os.environ.get(REQUIRE_ALL) == "1":
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{REQUIRE_ALL}=1, but this was skipped: {reason}"
    return report
