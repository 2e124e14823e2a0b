"""Run engine and recorder under faults: `python -m bench.soak [--minutes N] [--seed N]`.

A source sends frames as fast as the engine takes them, a real engine reconstructs and records them,
a real viewer shows them (drawn, but on no screen), and every few seconds something goes wrong. In
the end every raw stack that the engine had acknowledged as recorded must be on the disk with the
right bytes, and the engine must have come back each time. Exit status 1 says that it is not so.
"""

from __future__ import annotations

import argparse
import multiprocessing
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bench.soak.check import Checked, check
from bench.soak.disk import disk_in
from bench.soak.faults import FAULTS, Scene
from bench.soak.frames import Counts, KnownFrames
from bench.soak.report import Outcome, tell
from bench.soak.rig import Places, Rig
from bench.soak.watch import Watch
from livesim.engine.descriptors import raise_limit
from tests.support.addresses import free_addresses
from tests.support.scenes import CAMERA, OPTICS, settings_text, simulate

PEAK = 2000.0
"""Photo-electrons."""
RECOVERY_S = 90.0
"""After which an engine counts as lost."""
CALM_S = 10.0
"""Before the first fault, to see how fast it goes without."""
PAUSE_S = (0.5, 4.0)
"""From one recovery to the next fault."""
CONFIG = settings_text(networks=False)


def main() -> int:
    """Soak, print and write bench/results/soak.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", help="parts of the names of faults")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that its processes end with it
    raise_limit()
    with tempfile.TemporaryDirectory() as folder, disk_in(Path(folder)) as disk:
        places = _places(Path(folder), disk.folder, asked.size)
        with Rig(places) as rig, _watching(places) as watch, Checker(places, watch) as checker:
            frames = KnownFrames(np.load(places.light))
            scene = Scene(rig, watch, disk, frames, np.random.default_rng(asked.seed))
            outcome = _soak(scene, checker, asked.minutes, asked.only or [""])
            rig.kill("source")
            rig.stop_engine()
            checker.rest()
    return tell(outcome, checker.checked, watch.lives, vars(asked))


def _places(folder: Path, records: Path, size: int) -> Places:
    (folder / "journals").mkdir()
    config, light = folder / "soak.toml", folder / "light.npy"
    config.write_text(CONFIG, encoding="utf-8")
    np.save(light, _light(size))
    return Places(folder, records, light, config, OPTICS.known_pixel_nm, *free_addresses(3))


def _light(size: int) -> Counts:
    """Return filaments under a pattern, [angle, phase, y, x], as a camera without noise."""
    expected = simulate(1, (size, size), PEAK).expected.numpy()
    return np.round(CAMERA.offset + CAMERA.gain * expected).astype(np.uint16)


@contextmanager
def _watching(places: Places) -> Iterator[Watch]:
    watch = Watch(places.control, places.results)
    try:
        yield watch
    finally:
        watch.close()


def _soak(scene: Scene, checker: Checker, minutes: float, only: list[str]) -> Outcome:
    for name in ("engine", "source", "viewer"):
        scene.rig.start(name)
        if name == "engine":
            scene.watch.begin(scene.rig.pid("engine"))
    outcome = Outcome(
        own_disk=scene.disk.is_own,
        unrecorded=scene.unrecorded,
        still_acknowledged=scene.still_acknowledged,
    )
    if scene.watch.first(lambda seen: True, RECOVERY_S) is None:
        raise RuntimeError("expected a first result, found none")
    outcome.calm_per_s = _rate(scene.watch)
    names = [name for name in FAULTS if any(part in name for part in only)]
    if not scene.disk.is_own:
        names = [name for name in names if "disk" not in name]
    weights = np.array([FAULTS[name][1] for name in names])
    end = time.monotonic() + 60.0 * minutes - CALM_S
    while time.monotonic() < end:
        name = str(scene.random.choice(names, p=weights / weights.sum()))
        outcome.add(name, _harm(scene, name))
        scene.rig.check_alive()
        checker.collect()
        time.sleep(scene.random.uniform(*PAUSE_S))
    return outcome


def _harm(scene: Scene, name: str) -> float | None:
    """Do one fault; return how long the engine took to recover."""
    harm = FAULTS[name][0](scene)
    seen = scene.watch.first(harm.is_over, RECOVERY_S)
    if seen is None:
        print(f"{name}: not recovered", file=sys.stderr)
        return None
    took_s = max(0.0, (max(seen.at_ns, harm.back_ns) - harm.since_ns) / 1e9)
    print(f"{name}: {took_s:.2f} s", file=sys.stderr)
    return took_s


def _rate(watch: Watch) -> float:
    """Return how many frames a second the engine receives."""
    begin, before = time.monotonic(), _received(watch)
    time.sleep(CALM_S)
    return (_received(watch) - before) / (time.monotonic() - begin)


def _received(watch: Watch) -> int:
    return sum(stage.done for stage in watch.status.stages[:1]) if watch.status else 0


@dataclass
class Checker:
    """Checks the recordings of streams that are over, in a process of its own, and empties them."""

    places: Places
    watch: Watch
    checked: list[Checked] = field(default_factory=list)
    _under_way: dict[Path, Future[Checked | None]] = field(default_factory=dict)
    _pool: ProcessPoolExecutor = field(
        default_factory=lambda: ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
    )

    def collect(self, *, all_over: bool = False) -> None:
        """Begin with what is over, one after the other; the last recording may be running."""
        self._take()
        folders = sorted(self.places.records.glob("stream-*"), key=lambda one: one.name)
        over = folders if all_over else folders[:-1]
        fresh = [folder for folder in over if folder not in self._under_way]
        if fresh and all(future.done() for future in self._under_way.values()):
            self._begin(fresh[0])

    def rest(self) -> None:
        """Check all that is left."""
        while len(self._under_way) < len(list(self.places.records.glob("stream-*"))):
            self.collect(all_over=True)
            for future in self._under_way.values():
                future.result()
        self._take()

    def __enter__(self) -> Checker:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def _begin(self, folder: Path) -> None:
        known = {one.stream for one in self.checked}
        journals = self.places.journals
        streams = sorted(self.places.streams() - known)
        acknowledged = {
            stream: self.watch.acknowledged[stream]
            for stream in streams
            if stream in self.watch.acknowledged
        }
        self._under_way[folder] = self._pool.submit(
            check, folder, streams, acknowledged, journals, self.places.light
        )

    def _take(self) -> None:
        done = [future.result() for future in self._under_way.values() if future.done()]
        self.checked = [one for one in done if one is not None]


if __name__ == "__main__":
    sys.exit(main())
