"""Measure what is on the screen while networks are slower than the camera.

`python -m bench.speed.plain_first` streams raw stacks as a camera does, which never waits, to an
engine, at multiples of the rate that the networks reach by themselves. A listener notes when each
result comes; twenty times a second it is looked how old what is on the screen is: the newest
result, by when the last raw frame of its stack was sent. Afterwards the raw stacks on the disk are
counted.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import numpy as np
import torch
import zarr
from numpy.typing import NDArray

from bench.report import Row, report
from bench.speed.latency import Stacks, raw_stacks
from livesim.config.settings import Settings, Steps
from livesim.pipeline.calibration import calibrate
from livesim.pipeline.pipeline import ReconstructionPipeline
from livesim.processes.engine import EngineProcess
from livesim.speed.live import memory_mb
from livesim.values.frames import FrameAxes, RawFrame, RawStack, StackIndex
from livesim.values.results import Result
from livesim.wire.control_client import ControlClient
from livesim.wire.messages import StreamEnd, StreamStart
from livesim.wire.sockets import Keep, Subscriber
from livesim_acquisition.sender import Sender
from tests.support.scenes import CAMERA, OPTICS

TITLE = "What is on the screen while the camera is faster than the networks"
SIDES = (256, 512)
FACTORS = (2, 10, 50)
SECONDS = 20.0
SETTLING_S = 6.0
"""From the first result on, in which nothing is counted."""
LOOK_S = 0.05
WAIT_S = 120.0
SETTINGS = Settings(optics=OPTICS, camera=CAMERA, steps=Steps())


@dataclass(frozen=True, slots=True)
class Heard:
    """One result as the listener got it."""

    at_s: float
    time: int
    networks: bool


@dataclass(frozen=True, slots=True)
class Streamed:
    """One stream as camera, listener and disk saw it."""

    sent_s: NDArray[np.float64]
    """When the last raw frame of each stack was sent."""
    heard: list[Heard]
    memory_mb: list[float]
    """Of the engine, `LOOK_S` apart, once everything has settled."""
    lost_frames: int
    unrecorded: int
    """Raw stacks that are not on the disk."""


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sides", type=int, nargs="+", default=list(SIDES))
    parser.add_argument("--factors", type=float, nargs="+", default=list(FACTORS))
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--name", default="plain_first")
    asked = parser.parse_args()
    rows: list[Row] = []
    alone: dict[str, float] = {}
    more = {"seconds": asked.seconds, "threads": torch.get_num_threads(), "networks_per_s": alone}
    for side in asked.sides:
        pixels = raw_stacks(side)
        alone[str(side)] = per_s = networks_per_s(pixels)
        for factor in asked.factors:
            name = f"{side}², camera {factor:g} x the networks"
            found = row(stream(pixels, factor * per_s, asked.seconds), factor * per_s)
            rows.append({"method": name} | found)
            report(asked.name, TITLE, rows, **more)  # a run that is cut off keeps these


def networks_per_s(pixels: Stacks) -> float:
    """Return how many stacks a second the networks do at best, where nothing else runs."""
    stacks = [RawStack("s", StackIndex(time=n), one) for n, one in enumerate(pixels)]
    pattern = calibrate(stacks, SETTINGS)
    pipeline = ReconstructionPipeline(SETTINGS, pattern)
    times = []
    for stack in (*stacks, *stacks):
        begin = time.monotonic()
        pipeline.reconstruct(stack)
        times.append(time.monotonic() - begin)
    return 1.0 / min(times)


def stream(pixels: Stacks, per_s: float, seconds: float) -> Streamed:
    """Send raw stacks as a camera does, at a rate, to an engine of its own that records them."""
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        with (
            EngineProcess(f"--record={folder}") as engine,
            ControlClient(engine.control()) as control,
            Subscriber(control.status(WAIT_S).endpoints.results, Keep.DROP_OLDEST, 512) as viewer,
            Sender(engine.control(), Keep.DROP_OLDEST, answer_s=WAIT_S) as sender,
        ):
            heard: list[Heard] = []
            first, over = Event(), Event()
            listening = pool.submit(listen, viewer, heard, first, over)
            sent: list[float] = []
            sender.start(start())
            send(sender, pixels, per_s, first.is_set, sent)
            begin = time.monotonic()
            send(sender, pixels, per_s, lambda: time.monotonic() > begin + SETTLING_S, sent)
            ended = Event()
            memory = pool.submit(watch, engine.pid, ended)
            begin = time.monotonic()
            send(sender, pixels, per_s, lambda: time.monotonic() > begin + seconds, sent)
            ended.set()
            over.set()
            listening.result()
            delivery = sender.finish()
        recorded = written(Path(folder))
    lost = delivery.sent + delivery.unsent - delivery.received
    return Streamed(np.array(sent), heard, memory.result(), lost, len(sent) - recorded)


def start() -> StreamStart:
    """Return what the source says first."""
    return StreamStart(stream="s", source="bench", settings=SETTINGS.model_dump(mode="json"))


def send(
    sender: Sender, pixels: Stacks, per_s: float, done: Callable[[], bool], sent: list[float]
) -> None:
    """Send raw stacks frame by frame until `done`; note when the last frame of each was sent."""
    gap_s, begin, first = 1.0 / (9 * per_s), time.monotonic(), len(sent)
    while not done():
        number = len(sent)
        stack = pixels[number % len(pixels)]
        for place, (angle, phase) in enumerate(np.ndindex(3, 3)):
            due = begin + (9 * (number - first) + place) * gap_s
            time.sleep(max(0.0, due - time.monotonic()))
            axes = FrameAxes(time=number, angle=angle, phase=phase)
            sender.send(RawFrame("s", 9 * number + place, axes, stack[angle, phase]))
        sent.append(time.monotonic())


def listen(viewer: Subscriber, heard: list[Heard], first: Event, over: Event) -> None:
    """Note every reconstructed result until `over`."""
    while not over.is_set():
        message = viewer.receive(0.05)
        if isinstance(message, StreamEnd):
            return
        if isinstance(message, Result) and not message.searching:
            networks = message.plain is not None
            heard.append(Heard(time.monotonic(), message.index.time, networks))
            first.set()


def watch(pid: int, over: Event) -> list[float]:
    """Return how much memory a process has, again and again until `over`."""
    seen: list[float] = []
    while not over.wait(LOOK_S):
        seen.append(memory_mb(pid) or 0.0)
    return seen


def written(folder: Path) -> int:
    """Return how many raw stacks are on the disk."""
    (raw,) = folder.glob("stream-001/raw.zarr*")
    return int(zarr.open_group(raw, mode="r")["written"][:].sum())


def row(found: Streamed, per_s: float) -> Row:
    """Return rates and ages of a stream that has settled."""
    begin = found.heard[0].at_s + SETTLING_S
    end = float(found.sent_s[-1])
    late = [one for one in found.heard if begin <= one.at_s <= end]
    networks = [one for one in found.heard if one.networks]
    third = len(found.memory_mb) // 3
    shown, restored = (
        ages(found.heard, found.sent_s, begin, end),
        ages(networks, found.sent_s, begin, end),
    )
    return {
        "camera /s": per_s,
        "images /s": len({one.time for one in late}) / (end - begin),
        "age s": float(np.median(shown)),
        "age 95 % s": float(np.percentile(shown, 95)),
        "networks /s": sum(one.networks for one in late) / (end - begin),
        "their age s": float(np.median(restored)) if restored.size else None,
        "memory MB": float(np.median(found.memory_mb[:third])),
        "MB at the end": float(np.median(found.memory_mb[-third:])),
        "raw frames lost": found.lost_frames,
        "raw stacks not on the disk": found.unrecorded,
    }


def ages(
    heard: list[Heard], sent_s: NDArray[np.float64], begin: float, end: float
) -> NDArray[np.float64]:
    """Return how old the newest of these results is, looked at again and again."""
    looks = np.arange(begin, end, LOOK_S)
    came = np.array([one.at_s for one in heard])
    newest = np.maximum.accumulate(np.array([one.time for one in heard], np.int64))
    place = np.searchsorted(came, looks, side="right") - 1
    known = place >= 0
    found: NDArray[np.float64] = looks[known] - sent_s[newest[place[known]]]
    return found


if __name__ == "__main__":
    main()
