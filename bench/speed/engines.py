"""Measure what a second engine brings a stream of two channels: `python -m bench.speed.engines`.

The same raw stacks are streamed to one engine and to two behind one address, in turn: without a
pause, the source waiting (`--lossless`), for the rate; and then as a camera takes them, at a rate
that one engine keeps up with easily, for the time from the last raw frame to the result. Without
GPUs the engines share the cores: one has all of them, two have half each.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from statistics import median

import numpy as np
import torch

from bench.report import Row, report
from livesim.config.settings import Settings, Steps
from livesim.processes.engine import EngineProcess
from livesim.values.frames import FrameAxes, RawFrame
from livesim.wire.control_client import ControlClient
from livesim.wire.messages import StreamStart
from livesim_acquisition.sender import Sender
from tests.support.scenes import CAMERA, OPTICS, Scene, simulate

CHANNELS = 2
NETWORKS = {"plain": Steps(one="none", two="none"), "quick": Steps(one="none", two="quick")}
ENGINES = (1, 2)
PACED_S, PER_S = 12.0, 4.0
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


def stream(
    sender: Sender, scenes: Sequence[Scene], steps: Steps, times: int, per_s: float
) -> float:
    """Stream so many time points; return when the first was sent."""
    settings = Settings(optics=OPTICS, camera=CAMERA, steps=steps)
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


def rate(engines: int, scenes: Sequence[Scene], steps: Steps, times: int) -> float:
    """Return the raw stacks a second of a source that waits, the first stream left out."""
    with (
        EngineProcess("--lossless", f"--workers={engines}") as engine,
        ControlClient(engine.control()) as control,
        Sender(engine.control(), answer_s=START_S) as sender,
    ):
        for _ in range(2):
            began = stream(sender, scenes, steps, times, 0.0)
            sender.finish()
            while control.status(ANSWER_S).stream is not None:
                time.sleep(0.01)
            took = time.monotonic() - began
    return CHANNELS * times / took


def latency(engines: int, scenes: Sequence[Scene], steps: Steps) -> float:
    """Return the median time from the last raw frame to the plain result, ms."""
    with (
        EngineProcess(f"--workers={engines}") as engine,
        ControlClient(engine.control()) as control,
        Sender(engine.control(), answer_s=START_S) as sender,
    ):
        stream(sender, scenes, steps, round(PACED_S * PER_S), PER_S)
        found = control.status(ANSWER_S).latency
        sender.finish(aborted=True)
    assert found is not None
    return found.p50_ms


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--times", type=int, default=40)
    options = parser.parse_args()
    torch.set_num_threads(1)
    shape = (options.side, options.side)
    scenes = [simulate(channel, shape, times=4) for channel in range(CHANNELS)]
    rows: list[Row] = []
    for name, steps in NETWORKS.items():
        times = options.times if name == "plain" else max(options.times // 4, 2)
        rates: dict[int, list[float]] = {one: [] for one in ENGINES}
        for _ in range(options.rounds):
            for one in ENGINES:
                rates[one].append(rate(one, scenes, steps, times))
        for one in ENGINES:
            row: Row = {"method": f"{name}, {options.side}²", "engines": one}
            row |= {"stacks/s": median(rates[one]), "lowest": min(rates[one])}
            row |= {"highest": max(rates[one]), "to the result, ms": latency(one, scenes, steps)}
            rows.append(row)
    title = f"Two channels, {options.rounds} rounds in turn"
    report("engines", title, rows, side=options.side, rounds=options.rounds)


if __name__ == "__main__":
    main()
