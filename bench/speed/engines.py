"""Measure what a second engine brings a stream of two channels: `python -m bench.speed.engines`.

The same raw stacks are streamed to one engine and to two behind one address, in turn: without a
pause, the source waiting (`--lossless`), for the rate; and then at a rate that one engine keeps up
with easily, for the time from the last raw frame to the result. Nothing is recorded. Without GPUs
the engines share the cores: one has all of them, two have half each.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from statistics import median

import numpy as np

from bench.report import Row, report
from livesim.config.settings import Settings
from livesim.processes.engine import EngineProcess
from livesim.values.frames import FrameAxes, RawFrame
from livesim.wire.control_client import ControlClient
from livesim.wire.messages import StreamStart
from livesim_acquisition.sender import Sender
from tests.support.scenes import CAMERA, OPTICS, PLAIN, Scene, simulate

CHANNELS = 2
ENGINES = (1, 2)
PACED_S, PER_S = 15.0, 1.0
ANSWER_S = 60.0
START_S = 300.0


def frames(scenes: Sequence[Scene], times: range) -> Iterator[list[RawFrame]]:
    """Yield the frames of each time point, channel after channel."""
    for at in times:
        taken = []
        for channel, scene in enumerate(scenes):
            stack = scene.counts[at % len(scene.counts)].numpy()
            for angle, phase in np.ndindex(3, 3):
                axes = FrameAxes(at, channel, 0, 0, angle, phase)
                taken.append(RawFrame("bench", at, axes, stack[angle, phase], 5.0))
        yield taken


def stream(sender: Sender, scenes: Sequence[Scene], times: int, per_s: float) -> float:
    """Stream so many time points; return when the first was sent."""
    settings = Settings(optics=OPTICS, camera=CAMERA, steps=PLAIN)
    patterns = {channel: scene.pattern for channel, scene in enumerate(scenes)}
    values = settings.model_dump(mode="json", exclude_none=True)
    sizes = {"channel": CHANNELS, "time": times}
    sender.start(StreamStart(stream="bench", settings=values, sizes=sizes, patterns=patterns))
    began = time.monotonic()
    for number, taken in enumerate(frames(scenes, range(times))):
        if per_s:
            time.sleep(max(0.0, began + number / per_s - time.monotonic()))
        for frame in taken:
            sender.send(frame)
    return began


def measured(engines: int, scenes: Sequence[Scene], times: int) -> tuple[float, float]:
    """Return the raw stacks a second, and the median time from the last raw frame, ms."""
    with (
        EngineProcess("--lossless", f"--workers={engines}") as engine,
        ControlClient(engine.control()) as control,
        Sender(engine.control(), answer_s=START_S) as sender,
    ):
        for _ in range(2):  # the first one warms up
            began = stream(sender, scenes, times, 0.0)
            sender.finish()
            while control.status(ANSWER_S).stream is not None:
                time.sleep(0.01)
            took_s = time.monotonic() - began
        stream(sender, scenes, round(PACED_S * PER_S), PER_S)
        latency = control.status(ANSWER_S).latency
        sender.finish()
    assert latency is not None
    return CHANNELS * times / took_s, latency.p50_ms


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--times", type=int, default=100)
    options = parser.parse_args()
    shape = (options.side, options.side)
    scenes = [simulate(channel, shape, times=4) for channel in range(CHANNELS)]
    found: dict[int, list[tuple[float, float]]] = {one: [] for one in ENGINES}
    for _ in range(options.rounds):
        for one in ENGINES:
            found[one].append(measured(one, scenes, options.times))
    rows: list[Row] = []
    for one, rounds in found.items():
        rates, latencies = zip(*rounds, strict=True)
        row: Row = {"method": f"{one}, {options.side} x {options.side}", "stacks/s": median(rates)}
        row |= {"lowest": min(rates), "highest": max(rates)}
        rows.append(row | {"to the result, ms": median(latencies)})
    title = f"Two channels, plain images, {options.rounds} rounds in turn"
    report("engines", title, rows, side=options.side, rounds=options.rounds)


if __name__ == "__main__":
    main()
