"""Send an engine streams of plausible values: `python -m bench.soak.fuzz [--streams N] [--seed N]`.

Prints what became of them, keeps it in bench/results, and ends with exit status 1 where
the engine is gone, a good stream was disturbed, or an acknowledged stack cannot be read.
"""

from __future__ import annotations

import argparse
import re
import signal
import sys
import tempfile
import time
import tomllib
from contextlib import AbstractContextManager, closing
from pathlib import Path

import numpy as np

from bench.report import report
from bench.soak.plausible import Plausible, Tally
from tests.support.processes import LIVESIM, Engine, listening
from tests.support.processes import engine as averaging
from tests.support.scenes import CAMERA, settings_text, simulate

SIDE = 64
PEAK = 2000.0
"""Photo-electrons."""
EVERY = 100
"""Streams from one look at the engine's memory to the next."""


def main() -> int:
    """Fuzz, print and keep what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=2000)
    parser.add_argument("--minutes", type=float, default=60.0, help="no more streams after that")
    parser.add_argument("--averaging", action="store_true", help="reconstruct nothing: far quicker")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        records = Path(folder) / "records"
        with averaging(records) if asked.averaging else _reconstructing(records) as engine:
            tally, alive = _fuzz(engine, records, asked)
    return _tell(tally, alive, vars(asked))


def _reconstructing(records: Path) -> AbstractContextManager[Engine]:
    addresses = [f"--{name}=tcp://127.0.0.1:0" for name in ("frames", "results", "control")]
    return listening(*LIVESIM, "engine", *addresses, "--record", records)


def _fuzz(engine: Engine, records: Path, asked: argparse.Namespace) -> tuple[Tally, bool]:
    expected = simulate(1, (SIDE, SIDE), PEAK).expected.numpy()
    light = np.round(CAMERA.offset + CAMERA.gain * expected)
    settings = tomllib.loads(settings_text(networks=False))
    records.mkdir(exist_ok=True)
    pid, end = engine.process.popen.pid, time.monotonic() + 60.0 * asked.minutes
    with closing(Plausible(engine.control, records, light, settings, asked.seed)) as plausible:
        while plausible.tally.streams < asked.streams and time.monotonic() < end:
            try:
                plausible.stream()
            except Exception as error:
                error.add_note(f"stream {plausible.tally.streams - 1}, seed {asked.seed}")
                engine.process.popen.send_signal(signal.SIGABRT)  # tells what its threads are at
                engine.process.popen.wait()
                error.add_note(engine.process.text[-8000:])
                raise
            if plausible.tally.streams % EVERY == 0:
                plausible.tally.memory_mb.append(_memory_mb(pid, "VmRSS"))
                print(f"{plausible.tally.streams} streams", file=sys.stderr)
        plausible.tally.peak_mb = _memory_mb(pid, "VmHWM")
        alive = engine.process.popen.poll() is None and engine.status().stream is None
    return plausible.tally, alive


def _memory_mb(pid: int, name: str) -> float:
    text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    found = re.search(rf"{name}:\s+(\d+) kB", text)
    assert found is not None
    return int(found[1]) / 1e3


def _tell(tally: Tally, alive: bool, asked: dict[str, object]) -> int:
    memory = tally.memory_mb or [tally.peak_mb]
    row = {
        "streams": tally.streams,
        "good": tally.good,
        "refused": tally.refused,
        "odd messages": tally.odd_messages,
        "acknowledged": tally.acknowledged,
        "disturbed": tally.disturbed,
        "unreadable": tally.unreadable,
        "engine alive": alive,
        "MB first": memory[0],
        "MB last": memory[-1],
        "MB most": tally.peak_mb,
    }
    words = dict(tally.words.most_common(40))
    name = "_".join(["fuzz", *["averaging"] * bool(asked["averaging"]), f"seed_{asked['seed']}"])
    report(name, "Streams of plausible values", [row], asked=asked, memory_mb=memory, said=words)
    return 0 if alive and not tally.disturbed and not tally.unreadable else 1


if __name__ == "__main__":
    sys.exit(main())
