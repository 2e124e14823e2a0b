"""Run the processes of a soak, to be killed and started again: engine, source and viewer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from livesim.wire.control_client import ControlClient
from livesim.wire.header import WireError

Name = Literal["engine", "source", "viewer"]
STOP_S = 60.0


@dataclass(frozen=True, slots=True)
class Places:
    """Where all is that the processes need."""

    folder: Path
    records: Path
    light: Path
    config: Path
    pixel_nm: float
    frames: str
    results: str
    control: str

    @property
    def journals(self) -> Path:
        return self.folder / "journals"

    def streams(self) -> set[str]:
        """Return the streams that the sources have begun so far."""
        return {file.stem for file in self.journals.glob("*.sent")}

    def command(self, name: Name) -> list[str]:
        """Return what starts a process."""
        python = [sys.executable, "-m"]
        if name == "engine":
            addresses = ["--frames", self.frames, "--results", self.results]
            files = ["--record", str(self.records), "--config", str(self.config)]
            own = ["--tied", "--control", self.control]
            return [*python, "livesim", "engine", *own, *addresses, *files]
        if name == "viewer":
            own = ["--memory", "64", "--remember", str(self.folder / "viewer.json")]
            return [*python, "livesim", "view", "--engine", self.control, *own]
        words = [self.control, str(self.journals), str(self.light), str(self.pixel_nm)]
        return [*python, "bench.soak.source", *words]


@dataclass
class Rig:
    """The running processes; all end with the `with` block."""

    places: Places
    _running: dict[Name, subprocess.Popen[str]] = field(default_factory=dict)

    def start(self, name: Name) -> None:
        """Start a process, and wait for the line with which it says that it is there."""
        log = (self.places.folder / f"{name}.log").open("a")
        with log:
            process = subprocess.Popen(
                self.places.command(name),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                bufsize=1,
                env=os.environ | self._environment(),
                start_new_session=True,
            )
        self._running[name] = process
        if name != "source":
            self.line(name)

    def _environment(self) -> dict[str, str]:
        # Qt makes a folder for its sockets beside this one where none is named.
        return {"QT_QPA_PLATFORM": "offscreen", "XDG_RUNTIME_DIR": str(self.places.folder)}

    def line(self, name: Name) -> str:
        """Wait for the next line of a process."""
        stdout = self._running[name].stdout
        assert stdout is not None
        line = stdout.readline()
        if not line:
            raise RuntimeError(f"expected a line of the {name}, found that it has ended")
        return line.strip()

    def tell(self, name: Name, word: str) -> None:
        """Write a line to a process."""
        stdin = self._running[name].stdin
        assert stdin is not None
        stdin.write(f"{word}\n")
        stdin.flush()

    def kill(self, name: Name) -> None:
        """End a process as the kernel does when memory is short, and what it has started.

        A viewer tries in a process of its own whether Qt opens windows: left alone, that would
        make the folder of its sockets once more when all is over.
        """
        process = self._running.pop(name)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()

    def pid(self, name: Name) -> int:
        """Return the process's number."""
        return self._running[name].pid

    def check_alive(self) -> None:
        """Raise RuntimeError if a process has ended by itself."""
        for name, process in self._running.items():
            if process.poll() is not None:
                raise RuntimeError(f"the {name} has ended by itself: {process.returncode}")

    def stop_engine(self) -> None:
        """Let the engine end in order."""
        process = self._running["engine"]
        try:
            with ControlClient(self.places.control) as client:
                client.stop()
            process.wait(STOP_S)
        except (WireError, subprocess.TimeoutExpired):
            pass  # it is killed like the others
        time.sleep(0.1)

    def __enter__(self) -> Rig:
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self._running):
            self.kill(name)
