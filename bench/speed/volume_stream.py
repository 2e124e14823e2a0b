"""Measure live volumes: how fast they may come, how late each one is, and that memory stays.

`python -m bench.speed.volume_stream` streams volumes of 32 planes x 15 frames as a camera does,
which never waits, to an engine that records them: faster and faster until volumes are skipped, and
then many of them at the highest rate that was carried. Of every tenth one a frame is lost. The
latency of a volume is from when its last frame was sent until its last plane is heard.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event

import numpy as np
from numpy.typing import NDArray

from bench.report import Row, report
from livesim.commands.simulate.command import SIMULATIONS
from livesim.config.settings import Settings, load_settings
from livesim.processes.engine import EngineProcess
from livesim.speed.live import memory_mb
from livesim.values.frames import FrameAxes, RawFrame
from livesim.values.results import Result
from livesim.wire.control_client import ControlClient
from livesim.wire.messages import StreamStart
from livesim.wire.sockets import Keep, Subscriber
from livesim.wire.status import EngineState, EngineStatus, FaultStatus
from livesim_acquisition.microscope.volume_microscope import VolumeMicroscope
from livesim_acquisition.sender import Sender

TITLE = "Live volumes of 32 planes x 15 frames"
PLANES = 32
RATES = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)
"""Volumes a second that are tried."""
TRIED = 12
"""Volumes at each of these rates."""
LOST_EVERY = 10
WAIT_S = 300.0
SETTLING_S = 2.0
"""That a volume takes while the pattern is searched for."""
LOOK_S = 0.2
DEPTH = 4096
"""Results that the listener may be behind: it must miss none."""

Counts = NDArray[np.uint16]
"""[z, angle, phase, y, x]."""


@dataclass(frozen=True, slots=True)
class Streamed:
    """One stream as source, listener and engine saw it."""

    sent_s: list[float]
    """When the last frame of each volume was sent."""
    heard_s: dict[int, float]
    """Volume -> when its last plane came."""
    before: FaultStatus
    """When the first of these volumes was sent: the pattern is searched for before."""
    faults: FaultStatus
    """At the end."""
    memory_mb: list[float]
    """Of the engine, `LOOK_S` apart."""
    took_s: float

    @property
    def lost(self) -> int:
        """Volumes of which a frame was left out."""
        return len(range(LOST_EVERY - 1, len(self.sent_s), LOST_EVERY))

    @property
    def carried(self) -> bool:
        """Whether every whole volume was made, and all that was sent was recorded."""
        whole = len(self.heard_s) + self.lost == len(self.sent_s)
        return whole and not self.faults.unrecorded_stacks

    def row(self, size: int) -> Row:
        """Return what was found."""
        late = np.array([at - self.sent_s[number] for number, at in self.heard_s.items()]) * 1e3
        third = max(len(self.memory_mb) // 3, 1)
        faults, before = self.faults, self.before
        return {
            "volume": f"{size}² x {PLANES} x 15",
            "volumes /s": len(self.sent_s) / self.took_s,
            "frames /s": len(self.sent_s) * PLANES * 15 / self.took_s,
            "volumes": len(self.sent_s),
            "with a lost frame": self.lost,
            "incomplete": faults.incomplete_volumes - before.incomplete_volumes,
            "skipped": faults.skipped_volumes - before.skipped_volumes,
            "made": len(self.heard_s),
            "p50 ms": float(np.median(late)) if late.size else None,
            "p95 ms": float(np.percentile(late, 95)) if late.size else None,
            "memory MB": float(np.median(self.memory_mb[third : 2 * third])),
            "MB at the end": float(np.median(self.memory_mb[-third:])),
        }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 128])
    parser.add_argument("--volumes", type=int, default=200)
    parser.add_argument("--rates", type=float, nargs="+", default=list(RATES))
    parser.add_argument("--tried", type=int, default=TRIED)
    asked = parser.parse_args()
    rows: list[Row] = []
    tried: list[Row] = []
    for size in asked.sizes:
        settings = settings_of(size)
        counts = VolumeMicroscope(settings).take(0).counts
        rate = 0.0
        for per_s in asked.rates:
            found = stream(counts, settings, per_s, asked.tried)
            tried.append({"asked /s": per_s, "carried": found.carried} | found.row(size))
            print(tried[-1], flush=True)
            if not found.carried:
                break
            rate = per_s
        if rate:
            rows.append(stream(counts, settings, rate, asked.volumes).row(size))
            report("volume_stream", TITLE, rows, tried=tried)  # a run that is cut off keeps these


def settings_of(size: int) -> Settings:
    """Return the settings of the simulation that comes with livesim, with small frames."""
    changes = [
        f"simulation.size=[{size}, {size}]",
        f"volumes={{planes={PLANES}, z_step_nm=125.0}}",
    ]
    return load_settings(SIMULATIONS / "volume-three-beams.toml", changes)


def stream(counts: Counts, settings: Settings, per_s: float, volumes: int) -> Streamed:
    """Send volumes at a rate to an engine of their own, once its pattern is known."""
    with (
        tempfile.TemporaryDirectory() as folder,
        ThreadPoolExecutor(2) as pool,
        EngineProcess(f"--record={folder}") as engine,
        ControlClient(engine.control()) as control,
        Subscriber(control.status(WAIT_S).endpoints.results, Keep.DROP_OLDEST, DEPTH) as viewer,
        Sender(engine.control(), Keep.DROP_OLDEST, answer_s=WAIT_S) as sender,
    ):
        over, known = Event(), Event()
        heard: dict[int, float] = {}
        listening = pool.submit(listen, viewer, heard, known, over)
        sender.start(start(settings))
        first = 0
        while not known.is_set():
            send(sender, counts, first, time.monotonic(), SETTLING_S)
            first += 1
            assert first * SETTLING_S < WAIT_S, "expected a pattern, found none"
        before = control.status(WAIT_S).faults
        memory = pool.submit(watch, engine.pid, over)
        sent: list[float] = []
        begin = time.monotonic()
        for number in range(volumes):
            lose = (number + 1) % LOST_EVERY == 0
            send(sender, counts, first + number, begin + number / per_s, 1.0 / per_s, lose=lose)
            sent.append(time.monotonic())
        took_s = time.monotonic() - begin
        sender.finish()
        status = worked_off(control)
        over.set()
        listening.result()
    made = {number - first: at for number, at in heard.items() if number >= first}
    return Streamed(sent, made, before, status.faults, memory.result(), took_s)


def start(settings: Settings) -> StreamStart:
    """Return what the source says first."""
    values = settings.model_copy(update={"simulation": None}).model_dump(mode="json")
    return StreamStart(stream="s", source="bench", settings=values, sizes={"z": PLANES})


def send(
    sender: Sender,
    counts: Counts,
    volume: int,
    begin: float,
    takes_s: float,
    *,
    lose: bool = False,
) -> None:
    """Send the frames of a volume evenly over a time; where asked, one in the middle is lost."""
    places = list(np.ndindex(*counts.shape[:3]))
    lost = len(places) // 2 if lose else None
    for number, (z, angle, phase) in enumerate(places):
        time.sleep(max(0.0, begin + number * takes_s / len(places) - time.monotonic()))
        if number != lost:
            axes = FrameAxes(time=volume, z=z, angle=angle, phase=phase)
            sequence = volume * len(places) + number
            sender.send(RawFrame("s", sequence, axes, counts[z, angle, phase]))


def listen(viewer: Subscriber, heard: dict[int, float], known: Event, over: Event) -> None:
    """Note when the last plane of every volume comes, until `over`."""
    while not over.is_set():
        message = viewer.receive(0.05)
        whole = isinstance(message, Result) and message.volume and message.volume.whole
        if isinstance(message, Result) and whole and message.ends_its_stack:
            heard[message.index.time] = time.monotonic()
            known.set()


def watch(pid: int, over: Event) -> list[float]:
    """Return how much memory a process has, again and again until `over`."""
    seen = [memory_mb(pid) or 0.0]
    while not over.wait(LOOK_S):
        seen.append(memory_mb(pid) or 0.0)
    return seen


def worked_off(control: ControlClient) -> EngineStatus:
    """Return what the engine says once it has done all that it got."""
    until = time.monotonic() + WAIT_S
    while (status := control.status(WAIT_S)).state is not EngineState.IDLE:
        assert time.monotonic() < until, status
        time.sleep(LOOK_S)
    return status


if __name__ == "__main__":
    main()
