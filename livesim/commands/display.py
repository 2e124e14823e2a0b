"""Say whether a window can be opened on this machine, and if not, why not."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec

INSTALL = 'pip install "livesim[gui]"'
_BINDINGS = ("PyQt5", "PyQt6", "PySide6")
"""Of Qt: one of them is enough."""
_UNSEEN = ("offscreen", "minimal")
"""Platforms of Qt that draw, but where nobody can see it."""


def no_window() -> str | None:
    """Say why no window can be opened here; None where one can, be it offscreen."""
    asked = os.environ.get("QT_QPA_PLATFORM")
    return (None if asked else _no_display()) or _no_qt()


def nobody_watches() -> str | None:
    """Say why no window should be opened unasked; None where one can be seen."""
    if os.environ.get("QT_QPA_PLATFORM") in _UNSEEN:
        return "no display found"
    return _no_display() or _no_qt()


def _no_display() -> str | None:
    if sys.platform in ("win32", "darwin"):
        return None
    if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        return None
    return "no display found"


def _no_qt() -> str | None:
    missing = [name for name in ("qtpy", "pyqtgraph") if find_spec(name) is None]
    if all(find_spec(name) is None for name in _BINDINGS):
        missing.append(_BINDINGS[0])
    return f"the viewer needs {' and '.join(missing)} ({INSTALL})" if missing else None
