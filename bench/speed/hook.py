"""Measure what the hook costs an acquisition: `python -m bench.speed.hook [--rounds N]`.

pycromanager acquires from a camera written in Python that has all its frames ready, so what is
measured is pycromanager, the hook and the wire. Each round takes all methods in turn. The engines
are processes of their own that assemble raw stacks and reconstruct nothing. The hook costs the time
that it takes of pycromanager's image thread, waiting for the interpreter included.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from pycromanager import Acquisition

from bench.report import Row, report
from livesim.config.settings import Settings
from livesim.engine.options import EngineOptions
from livesim.engine.process import Engine
from livesim.engine.record.folder import record_into
from livesim.engine.seams import Computing, PipelineFactory
from livesim.wire.control_client import ControlClient
from livesim.wire.endpoints import FREE_ADDRESS
from livesim_acquisition.hook import BackgroundSender, make_hook
from livesim_acquisition.microscope.camera import SimulatedCamera, simulated_core

FRAMES = {512: 450, 1024: 180, 2048: 45}
"""Of one acquisition, by rows and columns."""
BUFFER_MB = 512
"""Of Micro-Manager: holds a whole acquisition, so that it never overflows."""
WAIT_S = 300.0
SETTINGS = Settings.model_validate(
    {"optics": {"numerical_aperture": 1.4, "emission_nm": 520.0, "pixel_nm": 65.0}}
)


@dataclass(frozen=True, slots=True)
class Method:
    """What happens to the frames."""

    name: str
    saved: bool
    """By Micro-Manager, as NDTiff."""
    streamed: bool = True
    recorded: bool = False
    """By the engine."""


METHODS = (
    Method("memory, no hook", saved=False, streamed=False),
    Method("memory, hook to engine", saved=False),
    Method("NDTiff, no hook", saved=True, streamed=False),
    Method("NDTiff, hook to engine", saved=True),
    Method("NDTiff, hook to engine, which records", saved=True, recorded=True),
)


@dataclass(frozen=True, slots=True)
class Run:
    """One acquisition."""

    frames_per_s: float
    costs_us: tuple[float, ...]
    """Of the hook, one a frame."""
    unsent: int = 0
    streamed_per_s: float = 0.0
    """From the first frame until the engine has the last one."""


def main() -> None:
    """Measure, print and write bench/results/hook.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(FRAMES))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, engine("") as plain, engine(folder) as recording:
        rows = []
        for size in asked.sizes:
            runs = all_runs(size, asked.rounds, plain, recording)
            rows += [_row(size, name, own) for name, own in runs.items()]
    report("hook", f"pycromanager and the hook, median of {asked.rounds} rounds", rows)


def all_runs(size: int, rounds: int, plain: str, recording: str) -> dict[str, list[Run]]:
    """Acquire with all methods in turn; the first round does not count."""
    frames = np.random.default_rng(1).integers(100, 4000, (18, size, size), np.uint16)
    runs: dict[str, list[Run]] = {method.name: [] for method in METHODS}
    with simulated_core(SimulatedCamera(frames, 0.01), buffer_mb=BUFFER_MB):
        for number in range(rounds + 1):
            for method in METHODS:
                run = acquired(method, size, recording if method.recorded else plain)
                if number:
                    runs[method.name].append(run)
    return runs


def acquired(method: Method, size: int, control: str) -> Run:
    """Acquire once."""
    if not method.streamed:
        return _run(method, size, None)
    with BackgroundSender(control, SETTINGS) as sender:
        return _run(method, size, sender)


def _run(method: Method, size: int, sender: BackgroundSender | None) -> Run:
    costs_s: list[float] = []
    hook = None if sender is None else make_hook(sender)

    def timed(image: Any, metadata: Any) -> Any:
        begin = time.perf_counter()
        result = (image, metadata) if hook is None else hook(image, metadata)
        costs_s.append(time.perf_counter() - begin)
        return result

    events = [
        {"axes": {"time": stack, "sim": number}}
        for stack in range(FRAMES[size] // 9)
        for number in range(9)
    ]
    with tempfile.TemporaryDirectory() as folder:
        where = folder if method.saved else None
        start = time.perf_counter()
        with Acquisition(directory=where, name="raw", image_process_fn=timed) as acquisition:
            acquisition.acquire(events)
        taken_s = time.perf_counter() - start
    costs_us = tuple(1e6 * cost for cost in costs_s)
    if sender is None:
        return Run(len(costs_s) / taken_s, costs_us)
    counts = sender.close()
    sent_s = time.perf_counter() - start
    return Run(len(costs_s) / taken_s, costs_us, counts.unsent, counts.received / sent_s)


def _row(size: int, name: str, runs: list[Run]) -> Row:
    frames_per_s = median(run.frames_per_s for run in runs)
    streamed = median(run.streamed_per_s for run in runs)
    costs_us = np.concatenate([run.costs_us for run in runs])
    return {
        "frames": f"{size} x {size}",
        "method": name,
        "acquired/s": round(frames_per_s, 1),
        "to engine/s": round(streamed, 1),
        "MB/s": round(frames_per_s * size * size * 2 / 1e6, 1),
        "hook p50 us": round(float(np.percentile(costs_us, 50)), 1),
        "hook p99 us": round(float(np.percentile(costs_us, 99)), 1),
        "given up": sum(run.unsent for run in runs),
    }


@contextmanager
def engine(record: str) -> Iterator[str]:
    """Run an engine in a process of its own; yield its control address."""
    command = [sys.executable, "-m", "bench.speed.hook", "engine", record]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        control = process.stdout.readline().strip()
        try:
            yield control
        finally:
            with ControlClient(control) as client:
                client.stop(WAIT_S)
            process.wait(WAIT_S)


class Nothing(Computing):
    """Never knows a pattern, and so computes nothing."""

    def factory_for(self, settings: Settings) -> PipelineFactory:
        """Return what makes no pipeline."""
        return lambda stacks, ended: None


def serve(record: str) -> None:
    """Be an engine whose pipeline never knows the pattern, and so does nothing."""
    options = EngineOptions(FREE_ADDRESS, FREE_ADDRESS, FREE_ADDRESS)
    recorder = record_into(Path(record)) if record else None
    with Engine(options, Nothing(), None, recorder) as own:
        print(own.endpoints.control, flush=True)
        own.run()


if __name__ == "__main__":
    if sys.argv[1:2] == ["engine"]:
        serve(sys.argv[2])
    else:
        main()
