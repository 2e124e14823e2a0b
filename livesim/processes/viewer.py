"""Run the viewer as a child process, and say where no window can be opened."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from importlib.util import find_spec
from tempfile import TemporaryFile
from typing import Self

from livesim.config.errors import SettingsError
from livesim.processes.child import own_group, wait_or_kill
from livesim.values.extras import install_command

APPEAR_S = 20.0
"""How long a window may take to appear."""
END_S = 10.0
"""How long a viewer may take to close."""

_BINDINGS = ("PyQt5", "PyQt6", "PySide6")
"""Of Qt: one of them is enough."""
_EXPECTED = "expected a display and Qt for the viewer, found: "
_UNSEEN = ("offscreen", "minimal")
"""Platforms of Qt that draw, but where nobody can see it."""

_OPEN_QT = "from qtpy.QtWidgets import QApplication; QApplication([])"
_REACH_S = 20.0
"""How long Qt may take to reach a display."""
_MISSING_LIBRARY = re.compile(r"(lib[\w.+-]+): cannot open shared object file")
_OF_QT = re.compile(r"^qt\.qpa\.(?!plugin: (?:Could not load|loaded))[\w.]+: (.+)$", re.MULTILINE)
"""What Qt says of a display, in front of the line that ends the process."""


class ViewerProcess:
    """`livesim view` of one engine; closed at the end of a `with` block.

    Parameters
    ----------
    engine
        Its control endpoint.
    """

    def __init__(self, engine: str) -> None:
        self._said = TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115  # closed with the process
        self._process = subprocess.Popen(
            [sys.executable, "-m", "livesim", "view", "--engine", engine],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._said,  # a file: Qt may say more than anybody reads
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

    @property
    def why_not(self) -> str:
        """What a viewer without a window has said last; of one that says nothing, that."""
        self._said.seek(0)
        lines = self._said.read().strip().splitlines()
        if not lines:
            return f"no window within {APPEAR_S:.0f} s"
        return lines[-1].removeprefix("livesim: ").removeprefix(_EXPECTED)

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
        self._said.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        self._word = self._process.stdout.readline()
        self._ready.set()


def check_window() -> None:
    """Raise SettingsError, with the reason, where no window can be opened, be it offscreen."""
    asked = os.environ.get("QT_QPA_PLATFORM")
    why_not = (None if asked else _no_display()) or _no_qt() or _refused()
    if why_not is not None:
        raise SettingsError(_EXPECTED + why_not)


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
    return (
        f"the viewer needs {' and '.join(missing)}: {install_command('gui')}" if missing else None
    )


def _refused() -> str | None:
    """Say why Qt opens no window; it is asked in another process, which it ends where it fails."""
    if sys.platform != "linux":
        return None
    try:
        tried = subprocess.run(
            [sys.executable, "-c", _OPEN_QT],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_REACH_S,
            env=os.environ | {"QT_DEBUG_PLUGINS": "1"},  # names a library that is missing
        )
    except subprocess.TimeoutExpired:
        return f"the display did not answer within {_REACH_S:.0f} s"
    return None if tried.returncode == 0 else _reason(tried.stderr)


def _reason(said: str) -> str:
    """Return the one line that matters of what Qt says when it fails."""
    missing = dict.fromkeys(_MISSING_LIBRARY.findall(said))
    if missing:
        return f"{' and '.join(missing)} not installed: README.md names the packages that Qt needs"
    lines = _OF_QT.findall(said) or said.strip().splitlines()[-1:] or ["Qt ended without a word"]
    return str(lines[0])
