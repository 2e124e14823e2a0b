"""Fixtures and switches of all tests."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path

import pytest

from livesim.engine.threads import limit_spinning

limit_spinning()  # as `livesim.cli.main` does, before torch is loaded

import torch  # noqa: E402

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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item, nextitem):
    """Give back what a test or its fixtures, of its module too, have taken of the whole process.

    Torch works on as many cores as before; what any thread has set holds for all threads that begin
    later, so it is set again in any case. Qt learns of the end of its children: Lightning gives
    signals back as Python knows them, and torch's loader takes this one; neither knows that Qt had
    taken it, and windows of later tests would wait for ever.
    """
    threads = torch.get_num_threads()
    if not sys.platform.startswith("linux"):
        outcome = yield
        torch.set_num_threads(threads)
        return outcome
    before, pythons = _action(signal.SIGCHLD), (None, _action(signal.SIGINT).handler)
    outcome = yield
    torch.set_num_threads(threads)
    if before.handler not in pythons and _action(signal.SIGCHLD).handler in pythons:
        ctypes.CDLL(None).sigaction(int(signal.SIGCHLD), ctypes.byref(before), None)
    return outcome


class _Action(ctypes.Structure):
    """The beginning of a struct sigaction, and room for the rest."""

    _fields_ = (("handler", ctypes.c_void_p), ("rest", ctypes.c_byte * 512))


def _action(number: signal.Signals) -> _Action:
    """Return what the system does at a signal; its handler is None by default."""
    action = _Action()
    ctypes.CDLL(None).sigaction(int(number), None, ctypes.byref(action))
    return action


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
