"""`livesim restore` as a process: who works for it, and how much memory they all have."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

EVERY_S = 0.5
"""From one look at the memory to the next."""


@dataclass
class Memory:
    """What a driver and its largest worker had at moments of a run, MB, shared pages left out."""

    moments_s: list[float] = field(default_factory=list)
    driver_mb: list[float] = field(default_factory=list)
    worker_mb: list[float] = field(default_factory=list)

    def look(self, seconds: float, driver: int) -> None:
        """Add a moment."""
        self.moments_s.append(seconds)
        self.driver_mb.append(own_mb(driver))
        self.worker_mb.append(max(map(own_mb, workers_of(driver)), default=0.0))

    def at(self, share: float) -> tuple[float, float, float]:
        """Return second, driver and worker when a share of the time was over."""
        last = max(len(self.moments_s) - 3, 0)  # afterwards workers are gone
        n = round(share * last)
        return self.moments_s[n], self.driver_mb[n], self.worker_mb[n]


def started(raw: Path, out: Path, *words: str) -> subprocess.Popen[str]:
    """Start the command, with one thread for each of its processes."""
    return subprocess.Popen(
        [sys.executable, "-m", "livesim", "restore", raw, "--out", out, *words],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )


def ended(process: subprocess.Popen[str], *, well: bool = True) -> str:
    """Wait for a command, and return what it said; `well`: it has to end with status 0."""
    _, said = process.communicate()
    if well == bool(process.returncode):
        raise SystemExit(f"expected it to end {'well' if well else 'badly'}, found: {said}")
    return said


@dataclass(frozen=True, slots=True)
class Run:
    """A command that was not disturbed."""

    seconds: float
    cpu_s: float
    """Of all its processes."""
    memory: Memory


def timed(raw: Path, out: Path, workers: int) -> Run:
    """Run a whole command."""
    began, before, memory = time.monotonic(), _cpu_s(), Memory()
    process = started(raw, out, "--workers", str(workers))
    while process.poll() is None:
        memory.look(time.monotonic() - began, process.pid)
        time.sleep(EVERY_S)
    seconds = time.monotonic() - began
    ended(process)
    return Run(seconds, _cpu_s() - before, memory)


def _cpu_s() -> float:
    """Return the computing of all processes that were started from here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def killed(pid: int) -> bool:
    """Kill a process; False where it has ended."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def workers_of(pid: int) -> list[int]:
    """Return the ids of the processes that restore for a driver."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(one) for one in children if b"spawn_main" in _command_of(one)]
    except OSError:
        return []


def _command_of(pid: str) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def own_mb(pid: int) -> float:
    """Return the memory of a process without what it shares with others; 0 where it has ended."""
    try:
        _, resident, shared, *_ = Path(f"/proc/{pid}/statm").read_text().split()
    except OSError:
        return 0.0
    return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE") / 1e6
