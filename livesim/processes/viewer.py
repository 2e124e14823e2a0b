"""An engine's address in; a viewer of it as a child process out, which never holds its starter."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Self

from livesim.processes.child import own_group, wait_or_kill

APPEAR_S = 20.0
"""How long a window may take to appear."""
END_S = 10.0
"""How long a viewer may take to close."""


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
