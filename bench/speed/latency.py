"""Measure the time from raw frame to result: `python -m bench.speed.latency [--shares 0.5 0.9]`.

A sender in this process, the engine in one of its own, a subscriber in this one, the plain
reconstruction. First the raw stacks go as fast as the engine takes them, which gives the highest
rate; then at shares of that rate, frame by frame. The times by stage are the engine's own, by its
monotonic clock; the last line is what a listener sees, by the clock that both share: from just
before the last raw frame is sent until the result is here.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.report import Row, report
from livesim.config.settings import Settings
from livesim.processes.engine import EngineProcess
from livesim.values.frames import FrameAxes, RawFrame
from livesim.values.results import Result
from livesim.wire.control_client import ControlClient
from livesim.wire.messages import StreamEnd, StreamStart
from livesim.wire.sockets import Keep, Subscriber
from livesim.wire.status import EngineStatus, PartLatency
from livesim_acquisition.sender import Sender
from tests.support.scenes import CAMERA, OPTICS, PLAIN, simulate

SIDES = (256, 512)
SHARES = (0.5, 0.9)
AT_FIRST = 32
"""Raw stacks of a stream that do not count: the pattern is looked for, and caches are cold. The
rest goes once their results are here."""
STACKS = AT_FIRST + 1024
"""The engine's percentiles are over its last ten seconds."""
WAIT_S = 120.0
SETTINGS = Settings(optics=OPTICS, camera=CAMERA, steps=PLAIN)

Stacks = NDArray[Any]
"""Raw stacks [time, angle, phase, y, x] that take turns."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One stream as sender, engine and listener saw it."""

    seconds: float
    """Of all stacks but the first, by the results."""
    results: int
    """Made in that time; some may not have been heard."""
    ends_ms: NDArray[np.float64]
    """From the last raw frame sent to the result heard."""
    status: EngineStatus


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stacks", type=int, default=STACKS)
    parser.add_argument("--sides", type=int, nargs="+", default=list(SIDES))
    parser.add_argument("--shares", type=float, nargs="+", default=list(SHARES))
    asked = parser.parse_args()
    rows = [
        row
        for side in asked.sides
        for row in measure(raw_stacks(side), side, asked.stacks, asked.shares)
    ]
    title = f"From the last raw frame to the result, {asked.stacks} stacks of 3 x 3, ms"
    report("latency", title, rows, stacks=asked.stacks, left_out=AT_FIRST)


def measure(pixels: Stacks, side: int, stacks: int, shares: list[float]) -> list[Row]:
    """Stream as fast as possible, then at each share of the rate that was reached."""
    fastest = stream(pixels, stacks, None)
    most = fastest.results / fastest.seconds
    rows = _rows(side, f"highest rate, {most:.0f} stacks/s", fastest)
    for share in shares:
        paced = stream(pixels, stacks, share * most)
        rows += _rows(side, f"{share:.0%} of it", paced)
    return rows


def stream(pixels: Stacks, stacks: int, per_s: float | None) -> Heard:
    """Send raw stacks to an engine of its own at a rate; None = as fast as it takes them."""
    with (
        EngineProcess("--lossless") as engine,
        ControlClient(engine.control()) as control,
        Subscriber(control.status(WAIT_S).endpoints.results, Keep.DROP_OLDEST, stacks) as viewer,
        ThreadPoolExecutor(1) as pool,
    ):
        arrived: dict[int, float] = {}
        over = Event()
        listening = pool.submit(_listen, viewer, arrived, over)
        with Sender(engine.control(), answer_s=WAIT_S) as sender:
            sender.start(_start())
            sent = _send(sender, pixels, range(AT_FIRST), None)
            while _published(control) < AT_FIRST:
                time.sleep(0.05)
            sent += _send(sender, pixels, range(AT_FIRST, stacks), per_s)
            sender.finish()
            while control.status(WAIT_S).stream is not None:
                time.sleep(0.05)
        over.set()
        listening.result()
        status = control.status(WAIT_S)
    counted = sorted(number for number in arrived if number >= AT_FIRST)
    ends = np.array([arrived[number] - sent[number] for number in counted])
    seconds = arrived[counted[-1]] - arrived[counted[0]]
    return Heard(seconds, counted[-1] - counted[0], 1000.0 * ends, status)


def _published(control: ControlClient) -> int:
    stages = {stage.name: stage.done for stage in control.status(WAIT_S).stages}
    return stages["publish"]


def _listen(viewer: Subscriber, arrived: dict[int, float], over: Event) -> None:
    """Note when each time point's result comes, until nothing comes any more.

    A listener that is not quick enough misses some: they have no time from sent to heard.
    """
    while (message := viewer.receive(1.0)) is not None or not over.is_set():
        if isinstance(message, StreamEnd):
            return
        if isinstance(message, Result):
            arrived[message.index.time] = time.monotonic()


def _start() -> StreamStart:
    return StreamStart(stream="latency", source="bench", settings=SETTINGS.model_dump(mode="json"))


def _send(
    sender: Sender, pixels: Stacks, numbers: Iterable[int], per_s: float | None
) -> list[float]:
    """Send raw stacks at a rate; return when the last frame of each was sent."""
    gap_s = 0.0 if per_s is None else 1.0 / (per_s * 9)
    begin, sent = time.monotonic(), []
    for turn, number in enumerate(numbers):
        for place in range(9):
            due = begin + (9 * turn + place) * gap_s
            time.sleep(max(0.0, due - time.monotonic()))
            moment = time.monotonic()
            sender.send(_frame(pixels[number % len(pixels)], 9 * number + place))
        sent.append(moment)
    return sent


def _frame(stack: NDArray[Any], sequence: int) -> RawFrame:
    number, place = divmod(sequence, 9)
    angle, phase = divmod(place, 3)
    axes = FrameAxes(time=number, angle=angle, phase=phase)
    return RawFrame("latency", sequence, axes, stack[angle, phase])


def raw_stacks(side: int) -> Stacks:
    """Return raw stacks of this many rows and columns."""
    scene = simulate(0, (side, side), peak=300.0, times=4)
    return scene.counts.numpy()


def _rows(side: int, rate: str, heard: Heard) -> list[Row]:
    latency = heard.status.latency
    assert latency is not None
    total = {name: getattr(latency, name) for name in ("p50_ms", "p95_ms", "p99_ms")}
    p50, p95, p99 = np.percentile(heard.ends_ms, [50, 95, 99])
    end = PartLatency(name="sent to heard", p50_ms=p50, p95_ms=p95, p99_ms=p99)
    parts = (*latency.stages, PartLatency(name="in all", **total), end)
    return [
        {
            "method": f"{side}², {rate}: {part.name}",
            "p50": round(part.p50_ms, 3),
            "p95": round(part.p95_ms, 3),
            "p99": round(part.p99_ms, 3),
        }
        for part in parts
    ]


if __name__ == "__main__":
    main()
