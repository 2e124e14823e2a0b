"""One binding of Qt for the viewer, its plots and these tests, whichever is installed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from livesim.config.errors import SettingsError
from livesim.processes import viewer
from livesim.values.extras import install_command


def test_plots_and_tests_use_the_binding_of_the_viewer():
    qtpy = pytest.importorskip("qtpy")
    pytest.importorskip("qtpy.QtWidgets", reason="Qt's system libraries", exc_type=ImportError)
    from pytestqt.qt_compat import qt_api

    from livesim_gui.plotting import pg

    assert qtpy.API_NAME == pg.Qt.QT_LIB
    assert qt_api.pytest_qt_api == qtpy.API


def test_what_the_viewer_knows_loads_no_qt():
    code = (
        "import sys, livesim_gui.state.viewer, livesim_gui.state.dose.ladder, "
        "livesim_gui.state.steering, livesim_gui.state.trust.trusted; "
        "loaded = {'qtpy', 'PyQt5', 'PyQt6', 'PySide6', 'pyqtgraph'} & set(sys.modules); "
        "sys.exit(' '.join(loaded) or 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize(
    ("installed", "missing"),
    [
        ((), "qtpy and pyqtgraph and PyQt5"),
        (("qtpy", "pyqtgraph"), "PyQt5"),
        (("qtpy", "PySide6"), "pyqtgraph"),
        (("qtpy", "pyqtgraph", "PyQt6"), None),
    ],
)
def test_without_any_binding_it_is_said_what_is_missing(monkeypatch, installed, missing):
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    monkeypatch.setattr(viewer, "find_spec", lambda name: name if name in installed else None)
    assert viewer._no_qt() == (missing and f"the viewer needs {missing}: {install_command('gui')}")


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (
            'Got keys from plugin meta data ("xcb")\n'
            "qt.qpa.xcb: could not connect to display :987\n"
            'qt.qpa.plugin: Could not load the Qt platform plugin "xcb" in "" even though it was '
            "found.\nThis application failed to start …\n\nAvailable platform plugins are: xcb.\n",
            "could not connect to display :987",
        ),
        (
            "Cannot load library /x/libqxcb.so: (libxcb-icccm.so.4: cannot open shared object "
            "file: No such file or directory)\n"
            'qt.qpa.plugin: Could not load the Qt platform plugin "xcb" in "" even though …\n',
            "libxcb-icccm.so.4 not installed: README.md names the packages that Qt needs",
        ),
        (
            "Traceback (most recent call last):\n  from PyQt5 import QtWidgets\n"
            "ImportError: libGL.so.1: cannot open shared object file: No such file or directory\n",
            "libGL.so.1 not installed: README.md names the packages that Qt needs",
        ),
        (
            'qt.qpa.plugin: Could not find the Qt platform plugin "xyz" in ""\n'
            "This application failed to start …\n",
            'Could not find the Qt platform plugin "xyz" in ""',
        ),
        ("", "Qt ended without a word"),
    ],
)
def test_what_qt_says_of_a_display_is_one_line(said, reason):
    assert viewer._reason(said) == reason


@pytest.mark.skipif(sys.platform != "linux", reason="tried on Linux alone")
def test_a_display_that_cannot_be_reached_is_a_sentence(monkeypatch):
    pytest.importorskip("qtpy.QtWidgets", reason="Qt's system libraries", exc_type=ImportError)
    monkeypatch.setenv("DISPLAY", ":987")
    monkeypatch.delenv("QT_QPA_PLATFORM", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(SettingsError, match="found: could not connect to display :987"):
        viewer.check_window()
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    viewer.check_window()
