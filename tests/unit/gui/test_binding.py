"""One binding of Qt for the viewer, its plots and these tests, whichever is installed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from livesim.processes import viewer


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
    words = viewer.why_no_window()
    assert words == (missing and f'the viewer needs {missing} (pip install "livesim[gui]")')
