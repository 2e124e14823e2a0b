"""Run an engine as a child process that never outlives the program that started it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from livesim.processes.child import own_group, wait_or_kill
from livesim.values.errors import DataError
from livesim.wire.control_client import ControlClient
from livesim.wire.endpoints import FREE_ADDRESS, with_keys
from livesim.wire.header import WireError

STOP_S = 15.0
"""How long an engine that was asked to stop may work off what is queued."""
ANSWER_S = 2.0


class EngineProcess:
    """`livesim engine` on free ports, ended in order at the end of a `with` block.

    The engine has a process group of its own: Ctrl-C at the terminal reaches only the one who
    started it, who ends the stream first and the engine after it, so that all files are whole.
    Should the starter be killed, its end of the engine's stdin closes, and the engine stops.

    Parameters
    ----------
    flags
        For `livesim engine`, in addition to the addresses.
    environment
        What is different in its environment.
    keys
        Folder of keys that it asks for, and that are asked with; None = none.
    """

    def __init__(
        self,
        *flags: str,
        environment: Mapping[str, str] | None = None,
        keys: Path | None = None,
    ) -> None:
        own = with_keys(FREE_ADDRESS, keys)
        addresses = [f"--{name}={own}" for name in ("frames", "results", "control")]
        command = [sys.executable, "-m", "livesim", "engine", "--tied", *addresses, *flags]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
            **own_group(),
        )
        self._keys = keys
        self._control: str | None = None

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    @property
    def status(self) -> int | None:
        """What it has ended with, a negative number of a signal; None while it runs."""
        return self._process.poll()

    def control(self) -> str:
        """Return the engine's control endpoint with its keys, waiting until it listens.

        Raises
        ------
        DataError
            If the engine ends before.
        """
        if self._control is None:
            assert self._process.stdout is not None
            words = self._process.stdout.readline().split()
            if not words:
                raise DataError(
                    f"expected the engine to start, found that it ended ({self._process.wait()})"
                )
            self._control = with_keys(words[words.index("control") + 1], self._keys)
        return self._control

    def stage_done(self, name: str) -> int | None:
        """Return what a stage of the engine has done; None where it does not answer any more."""
        try:
            with ControlClient(self.control()) as client:
                stages = client.status(ANSWER_S).stages
        except WireError:
            return None
        return next(stage.done for stage in stages if stage.name == name)

    def wait(self) -> None:
        """Wait until the engine has ended by itself.

        Raises
        ------
        DataError
            If it says that not everything was done; it has said on stderr why.
        """
        status = self._process.wait()
        if status:
            raise DataError(f"expected the engine to end with status 0, found {status}")

    def kill(self) -> None:
        """End it at once, whatever it is at; any thread may."""
        self._process.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._stop()
        assert self._process.stdout is not None
        assert self._process.stdin is not None
        self._process.stdout.close()
        self._process.stdin.close()

    def _stop(self) -> None:
        """Ask the engine to end; one that does not is ended."""
        if self._control is None:
            self._process.terminate()  # it has not begun to listen, so there are no files yet
        else:
            self._ask_to_stop(self._control)
        wait_or_kill(self._process, STOP_S)

    def _ask_to_stop(self, control: str) -> None:
        try:
            with ControlClient(control) as client:
                client.stop(ANSWER_S)
        except WireError:
            pass  # it is ending already
