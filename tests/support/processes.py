"""Start commands as processes that are watched and never outlive their test."""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from livesim.wire.control_client import ControlClient
from tests.support.waiting import wait_for

LIMIT_S = 120.0
"""For anything that takes a second or two where nobody else wants the processors."""
ENGINE = Path(__file__).parents[1] / "system" / "engine_with_fake.py"
LIVESIM = [sys.executable, "-c", "from livesim.cli import main; main()"]


def livesim(*words, check=True):
    """Run a sub-command to its end; return what it has printed and its status."""
    command = [*LIVESIM, *map(str, words)]
    return subprocess.run(command, check=check, timeout=LIMIT_S, capture_output=True, text=True)


@dataclass
class Process:
    """A process and what it has written so far."""

    popen: subprocess.Popen
    out: list[str]
    said: threading.Condition

    def wait(self, limit_s=LIMIT_S):
        return self.popen.wait(limit_s)

    def line(self, beginning):
        """Wait for a line that begins so."""
        with self.said:
            found = self.said.wait_for(lambda: self._find(beginning), LIMIT_S)
        assert found, f"expected a line '{beginning} ...', found {self.out}"
        return found

    def _find(self, beginning):
        return next((line for line in self.out if line.startswith(beginning)), None)

    @property
    def text(self):
        return "".join(self.out)


@contextmanager
def process(*command):
    """Start a command; kill it if it still runs at the end."""
    words = [str(word) for word in command]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as popen:
        started = Process(popen, [], threading.Condition())
        reader = threading.Thread(target=_read, args=(started,))
        reader.start()
        try:
            yield started
        finally:
            if popen.poll() is None:
                popen.kill()
            reader.join(LIMIT_S)


def _read(process):
    for line in process.popen.stdout:
        with process.said:
            process.out.append(line)
            process.said.notify_all()


@dataclass
class Engine:
    """An engine process and where it listens."""

    process: Process
    results: str
    control: str

    def status(self):
        with ControlClient(self.control) as client:
            return client.status(LIMIT_S)

    def wait_for(self, condition):
        return wait_for(self.status, condition)

    def done(self, stage):
        return {one.name: one.done for one in self.status().stages}[stage]


@contextmanager
def listening(*command):
    """Start an engine by a command; wait until it says where it listens."""
    with process(*command) as started:
        line = started.line("listening:").split()
        where = dict(zip(line[1::2], line[2::2], strict=True))
        yield Engine(started, where["results"], where["control"])


def engine(record, *words, within=()):
    """Start an engine that only averages, `within` what another command makes for it."""
    return listening(*within, sys.executable, ENGINE, record, *words)
