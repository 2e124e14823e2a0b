"""Run the viewer as a child process, and say where no window can be opened."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from importlib.util import find_spec
from typing import Self

from livesim.processes.child import own_group, wait_or_kill

APPEAR_S = 20.0
"""How long a window may take to appear."""
END_S = 10.0
"""How long a viewer may take to close."""

INSTALL = 'pip install "livesim[gui]"'
_BINDINGS = ("PyQt5", "PyQt6", "PySide6")
"""Of Qt: one of them is enough."""
_UNSEEN = ("offscreen", "minimal")
"""Platforms of Qt that draw, but where nobody can see it."""


class ViewerProcess:
    """`livesim view` of one engine; closed at the end of a `with` block.

    Parameters
    ----------
    engine
        Its control endpoint.
    """

    def __init__(self, engine: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "livesim", "view", "--engine", engine],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # where it fails, Qt says much and nothing that helps
            text=True,
            **own_group(),
        )
        self._ready = threading.Event()
        self._word = ""
        """What the viewer says when its window is there; nothing if it ends before."""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def appeared(self) -> bool:
        """Wait until the window is there; False if the viewer ended before, or takes too long."""
        self._ready.wait(APPEAR_S)
        return self._word != ""

    def wait(self) -> None:
        """Wait until the user closes the window."""
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            wait_or_kill(self._process, END_S)
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        self._word = self._process.stdout.readline()
        self._ready.set()


def why_no_window() -> str | None:
    """Say why no window can be opened here; None where one can, be it offscreen."""
    asked = os.environ.get("QT_QPA_PLATFORM")
    return (None if asked else _no_display()) or _no_qt()


def why_nobody_watches() -> str | None:
    """Say why nobody would see a window that is opened unasked; None where somebody would."""
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
