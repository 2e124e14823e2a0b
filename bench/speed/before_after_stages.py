"""Time each stage of a raw stack with the livesim that is on the path; prints JSON.

`python bench/speed/before_after_stages.py FOLDER`, run by `bench.speed.before_after` with the
modules of one revision after another: whatever it imports, it imports in the stage that needs it,
by names that have not changed since, but for `OLD_NAMES`. A revision that has not got them yet has
no such stage.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

FREE = "tcp://127.0.0.1:0"
PHOTONS = 100.0
"""What the networks' brightness is scaled by; it does not matter to the time."""
WAIT_S = 60.0
OLD_NAMES = {
    "livesim.config.settings": "livesim.config",
    "livesim.pipeline.networks": "livesim.build_networks",
    "livesim.reconstruction.estimate.estimation": "livesim.reconstruction.estimation",
    "livesim.values.frames": "livesim.frames",
}
"""What modules were called before they moved into rooms."""
Task = Callable[[], float]
"""Does its work once and returns the milliseconds it took."""


@dataclass(frozen=True)
class Given:
    """What is timed, in a folder that `bench.speed.before_after` has made."""

    folder: Path

    def counts(self, side: int) -> Any:
        """Return a raw stack [time, angle, phase, y, x] as a tensor."""
        import torch

        return torch.from_numpy(np.load(self.folder / f"{side}.npy"))

    def settings(self, **steps: str) -> Any:
        """Return the settings as the revision reads them, with these networks."""
        from livesim.config.settings import Settings

        return Settings.model_validate({**self.values(), "steps": steps})

    def values(self) -> dict[str, Any]:
        """Return the settings as JSON values: what every revision knows."""
        found: dict[str, Any] = json.loads((self.folder / "settings.json").read_text())
        return found


def estimate(given: Given, side: int) -> Any:
    """Return the pattern of the raw stack."""
    from livesim.reconstruction.estimate.estimation import estimate_pattern

    own = given.settings()
    pixel_nm = own.optics.pixel_nm
    return estimate_pattern(given.counts(side), own.optics, own.pattern, own.camera, pixel_nm)


def estimation(given: Given, side: int) -> Task:
    """Prepare an estimate of the pattern."""
    return clocked(lambda: estimate(given, side))


def reconstruction(given: Given, side: int) -> Task:
    """Prepare a plain reconstruction with a plan that is there."""
    from livesim.reconstruction.otf import Otf
    from livesim.reconstruction.plan import make_plan
    from livesim.reconstruction.reconstructor import Reconstructor

    own, counts = given.settings(), given.counts(side)
    otf = Otf.theoretical(own.optics)
    plan = make_plan(estimate(given, side), otf, own.camera, own.reconstruction)
    reconstruct = Reconstructor(plan)
    return clocked(lambda: reconstruct(counts))


def network(given: Given, side: int, step: str, precision: str) -> Task:
    """Prepare one of the shipped networks."""
    import torch

    from livesim.pipeline.networks import load_networks
    from livesim.values.pattern import Levels

    names = {"one": "none", "two": "none", step: "pair"}
    networks = load_networks(given.settings(**names, precision=precision), torch.device("cpu"))
    photons = given.counts(side)[0].flatten(0, 1).float()
    image = photons[0].repeat(2, 2)
    levels = Levels(0.0, PHOTONS)

    @torch.inference_mode()
    def work() -> object:
        return networks.one(photons) if step == "one" else networks.two(image, levels)

    return clocked(work)


def chosen(given: Given, side: int) -> Task:
    """Prepare both networks in the precision that the revision chooses by itself."""
    one, two = (network(given, side, step, "auto") for step in ("one", "two"))
    return lambda: one() + two()


def first_result(given: Given, side: int) -> Task:
    """Prepare an engine's way from the start of its process to its first result."""
    from livesim.io.pattern_file import write_pattern

    pattern = given.folder / f"pattern-{time.monotonic_ns()}.json"
    write_pattern(pattern, replace(estimate(given, side), warnings=()))
    counts = given.counts(side)[0].numpy()
    return lambda: stream_one(given, pattern, counts)


def stream_one(given: Given, pattern: Path, counts: Any) -> float:
    """Start an engine, send one raw stack, and return after how many ms its result is here."""
    ends = [word for name in ("frames", "results", "control") for word in (f"--{name}", FREE)]
    begin = time.perf_counter()
    command = [sys.executable, "-m", "livesim", "engine", "--once", *ends]
    with subprocess.Popen(
        [*command, "--pattern", str(pattern)], stdout=subprocess.PIPE, text=True
    ) as engine:
        try:
            return _first_ms(engine, begin, given, counts)
        finally:
            engine.terminate()


def _first_ms(engine: subprocess.Popen[str], begin: float, given: Given, counts: Any) -> float:
    from livesim.wire.sockets import Keep, Subscriber

    assert engine.stdout is not None
    where = engine.stdout.readline().split()
    results, control = (where[where.index(name) + 1] for name in ("results", "control"))
    with Subscriber(results, keep=Keep.DROP_OLDEST, depth=16) as viewer:
        send(given, control, counts)
        while not hasattr(message := viewer.receive(WAIT_S), "image"):
            assert message is not None, f"expected a result within {WAIT_S:.0f} s, found none"
        return _since(begin)


def send(given: Given, control: str, counts: Any) -> None:
    """Send one raw stack as a stream of its own."""
    from livesim.values.frames import FrameAxes, RawFrame
    from livesim.wire.codec import StreamStart
    from livesim_acquisition.sender import Sender

    settings = {**given.values(), "steps": {"one": "none", "two": "none"}}
    start = StreamStart(stream="one", source="bench", settings=settings)
    angles, phases = counts.shape[:2]
    with Sender(control) as sender:
        sender.start(start)
        for number in range(angles * phases):
            angle, phase = divmod(number, phases)
            axes = FrameAxes(angle=angle, phase=phase)
            sender.send(RawFrame("one", number, axes, counts[angle, phase]))
        sender.finish()


@dataclass(frozen=True)
class Stage:
    """What is timed."""

    prepare: Callable[[Given], Task]
    repeats: int
    """Of which the median counts."""
    warm: bool = True
    """Whether it is done once before."""


STAGES = {
    "estimation, 512²": Stage(lambda given: estimation(given, 512), 3),
    "plain reconstruction, 512²": Stage(lambda given: reconstruction(given, 512), 15),
    "step one, float32, 256²": Stage(lambda given: network(given, 256, "one", "float32"), 3),
    "step two, float32, 256²": Stage(lambda given: network(given, 256, "two", "float32"), 3),
    "step one, bfloat16, 256²": Stage(lambda given: network(given, 256, "one", "bfloat16"), 3),
    "step two, bfloat16, 256²": Stage(lambda given: network(given, 256, "two", "bfloat16"), 3),
    "both networks as chosen, 256²": Stage(lambda given: chosen(given, 256), 3),
    "start to first result, 128²": Stage(lambda given: first_result(given, 128), 1, warm=False),
}


def milliseconds(stage: Stage, given: Given) -> float | None:
    """Return what a stage takes; None where this revision has no such stage."""
    try:
        task = stage.prepare(given)
    except ImportError:
        return None
    if stage.warm:
        task()
    return statistics.median(task() for _ in range(stage.repeats))


def clocked(work: Callable[[], object]) -> Task:
    """Return a task that does `work`."""

    def task() -> float:
        begin = time.perf_counter()
        work()
        return _since(begin)

    return task


def _since(begin: float) -> float:
    return 1000.0 * (time.perf_counter() - begin)


def import_by_old_names() -> None:
    """Let a revision's modules be imported by today's names."""
    for name, old in OLD_NAMES.items():
        try:
            import_module(name)
        except ModuleNotFoundError:
            with suppress(ModuleNotFoundError):
                sys.modules[name] = import_module(old)


def main() -> None:
    """Time every stage and print one line of JSON."""
    given = Given(Path(sys.argv[1]))
    import_by_old_names()
    print(json.dumps({name: milliseconds(stage, given) for name, stage in STAGES.items()}))


if __name__ == "__main__":
    main()
