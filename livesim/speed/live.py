"""Measure what engine, source and listener manage together, each in its own process."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from livesim.io.pattern_file import write_pattern
from livesim.processes.engine import EngineProcess
from livesim.speed.scene import Scene
from livesim.values.errors import DataError
from livesim.values.results import Result
from livesim.wire.control_client import ControlClient
from livesim.wire.endpoints import beside
from livesim.wire.messages import StreamEnd
from livesim.wire.sockets import Keep, Subscriber

SOURCE = "livesim.speed.source"
LISTEN_S = 120.0
"""How long the next result may take."""
_SHARE = 0.7  # of the highest rate: what latency is measured at, so that no queue is
_SETTLING = 0.2  # of the stacks: those that wait while a stream's pipeline is prepared


@dataclass(frozen=True, slots=True)
class Latency:
    """From the last raw frame received to the result published."""

    results: int
    p50_ms: float
    p95_ms: float
    p99_ms: float

    @classmethod
    def of(cls, milliseconds: Sequence[float]) -> Latency:
        """Return the percentiles of a stream that has settled."""
        settled = milliseconds[round(_SETTLING * len(milliseconds)) :]
        return cls(len(settled), *(float(np.percentile(settled, p)) for p in (50, 95, 99)))


@dataclass(frozen=True, slots=True)
class Live:
    """What the processes manage together, at one size and with the given steps."""

    size: int
    steps: str
    first_result_s: float
    """From the start of the engine's process to the first result that a listener gets; the pattern
    is known, the source waits."""
    results_per_s: float
    """As many raw stacks as are taken."""
    paced_per_s: float
    """The rate at which the latency was measured."""
    latency: Latency
    memory_mb: float | None
    """Resident memory of the engine at the end; None where the system does not say."""


def run_live(scene: Scene, steps: str, stacks: int) -> Live:
    """Stream `stacks` raw stacks as fast as they are taken, and again at a rate that can be held.

    Raises
    ------
    DataError
        If the engine ends, or no result comes.
    """
    size = scene.counts.shape[-1]
    with tempfile.TemporaryDirectory() as folder, _source(scene, Path(folder)) as source:
        pattern = Path(folder) / "pattern.json"
        write_pattern(pattern, scene.pattern)
        begin = time.monotonic()
        with EngineProcess("--lossless", "--pattern", str(pattern)) as engine:
            control = engine.control()
            fastest = _stream(source, control, stacks, None)
            first_s = fastest.first_s - begin
            per_s = fastest.per_s
            paced_per_s = _SHARE * per_s
            rate = paced_per_s * scene.settings.pattern.stack_frames
            paced = _stream(source, control, stacks, rate)
            memory = memory_mb(engine.pid)
    return Live(size, steps, first_s, per_s, paced_per_s, paced.latency, memory)


def memory_mb(pid: int) -> float | None:
    """Return the resident memory of a process in MB; None without /proc, or if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    kilobytes = [int(line.split()[1]) for line in lines if line.startswith("VmRSS:")]
    return kilobytes[0] / 1024.0 if kilobytes else None


@contextmanager
def _source(scene: Scene, folder: Path) -> Iterator[subprocess.Popen[str]]:
    counts, settings = folder / "counts.npy", folder / "settings.json"
    np.save(counts, scene.counts.numpy())
    settings.write_text(scene.settings.model_dump_json(), encoding="utf-8")
    command = [sys.executable, "-m", SOURCE, str(counts), str(settings)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            _answer(process)
            yield process
        finally:
            process.terminate()


def _stream(
    source: subprocess.Popen[str], control: str, stacks: int, rate: float | None
) -> _Arrivals:
    """Let the source stream, as fast as it goes without a `rate` in frames per second."""
    assert source.stdin is not None
    assert source.stdout is not None
    with ControlClient(control) as client:
        results = beside(control, client.status().endpoints.results)
    with Subscriber(results, keep=Keep.DROP_OLDEST, depth=1024) as subscriber:
        request = {"control": control, "stacks": stacks, "rate": rate}
        source.stdin.write(json.dumps(request) + "\n")
        source.stdin.flush()
        came = _listen(subscriber)
    _answer(source)
    return came


def _answer(source: subprocess.Popen[str]) -> None:
    """Wait until the source says that it is ready, or has sent its frames."""
    assert source.stdout is not None
    if not source.stdout.readline():
        raise DataError(f"expected the source to send its frames, found it ended ({source.wait()})")


@dataclass(frozen=True, slots=True)
class _Arrivals:
    """The results of one stream as a listener gets them."""

    first_s: float
    """When the first one came, by this process' monotonic clock."""
    per_s: float
    """By the engine's clock when it published them; the first one waited for what is prepared."""
    latency: Latency


def _listen(subscriber: Subscriber) -> _Arrivals:
    published: list[int] = []
    took_ms: list[float] = []
    first_s = 0.0
    while True:
        message = subscriber.receive(LISTEN_S)
        if message is None:
            raise DataError(f"expected a result within {LISTEN_S:.0f} s, found none")
        if isinstance(message, StreamEnd):
            break
        if isinstance(message, Result):
            first_s = first_s or time.monotonic()
            published.append(message.published_ns)
            took_ms.append((message.published_ns - message.last_received_ns) / 1e6)
    if len(published) < 2:
        raise DataError(f"expected results of the stream, found {len(published)}")
    seconds = (published[-1] - published[0]) / 1e9
    per_s = (len(published) - 1) / max(seconds, 1e-9)
    return _Arrivals(first_s, per_s, Latency.of(took_ms))
