"""Measure `livesim serve` with 0, 1, 5 and 20 watchers: `python -m bench.speed.browser`.

An engine takes raw stacks at a fixed rate, without networks. The first watcher is Chromium, which
draws; the others take every picture and draw nothing, as if they were on machines of their own.
Both run at the lowest priority, for the same reason; where other programs keep the machine busy,
they would not run at all: --niceness 0. Measured are what the engine publishes and what a stack
costs it, what is drawn, and how old it is then.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import numpy as np
from playwright.sync_api import Page

from bench.pictures.browser import DESKTOP, chromium, opened, serving
from bench.report import Row, report
from bench.speed.looped_stream import STACKS, looped_stream
from livesim.config.settings import Settings
from livesim.processes.engine import EngineProcess
from livesim.wire.control_client import ControlClient
from livesim.wire.status import EngineStatus
from livesim_acquisition.microscope.demo import demo_settings

WATCHERS = (0, 1, 5, 20)
SETTLED_S = 5.0
LOWEST = 19
WORDS = re.compile(r"([\d.]+) pictures/s(?:, (\d+) ms)?")


def _microscope(side: int) -> Settings:
    """Return the settings of the stream: the demo's, without networks."""
    known = demo_settings(side, 300.0, stacks=STACKS)
    steps = known.steps.model_copy(update={"one": "none", "two": "none"})
    return known.model_copy(update={"steps": steps})


@contextmanager
def _watching(address: str, count: int, niceness: int) -> Iterator[subprocess.Popen[str] | None]:
    """Run watchers that draw nothing."""
    if not count:
        yield None
        return
    where = urlsplit(address)
    command = [sys.executable, "-m", "bench.speed.browser_watchers"]
    words = [*command, str(where.hostname), str(where.port), str(count)]
    with subprocess.Popen(
        words,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: os.nice(niceness),
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _cpu_s(pid: int) -> float:
    """Return the time of processors that a process has had."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        words = file.read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def measure(
    engine: EngineProcess, watchers: int, seconds: float, per_s: float, niceness: int = LOWEST
) -> Row:
    """Measure with so many watchers, while a stream runs."""
    with (
        ControlClient(engine.control()) as client,
        serving(engine.control()) as address,
        _watching(address, max(watchers - 1, 0), niceness) as others,
        _drawing(address, watchers, niceness) as page,
    ):
        time.sleep(SETTLED_S)
        _tell(others)
        before, began = client.status(10.0), time.monotonic()
        cpu_s = _cpu_s(engine.pid)
        drawn = _seen(page, seconds)
        elapsed = time.monotonic() - began
        cpu_s = _cpu_s(engine.pid) - cpu_s
        after = client.status(10.0)
        had = _tell(others, last=True)
    done = _published(after) - _published(before)
    latency = after.latency
    return {
        "method": f"{watchers} watchers" if watchers != 1 else "1 watcher",
        "watchers": watchers,
        "sent /s": per_s,
        "published /s": done / elapsed,
        "engine ms of a core": 1000.0 * cpu_s / max(done, 1),
        "engine ms": None if latency is None else latency.p50_ms,
        "drawn /s": _median([rate for rate, _ in drawn]),
        "to the canvas ms": _median([ms for _, ms in drawn if ms is not None]),
        "others /s": None if had is None else statistics.mean(had),
        "slowest /s": None if had is None else min(had),
    }


@contextmanager
def _drawing(address: str, watchers: int, niceness: int) -> Iterator[Page | None]:
    """Open the page in Chromium, unless nobody watches."""
    if not watchers:
        yield None
        return
    with chromium(niceness) as browser:
        yield opened(browser, address, DESKTOP)


def _seen(page: Page | None, seconds: float) -> list[tuple[float, float | None]]:
    """Return what the page says of its rate and of its pictures' age, again and again."""
    seen = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.5)
        if page is not None:
            found = WORDS.match(page.locator("#rate").inner_text())
            if found is not None:
                seen.append((float(found[1]), None if found[2] is None else float(found[2])))
    return seen


def _tell(others: subprocess.Popen[str] | None, *, last: bool = False) -> list[float] | None:
    """Tell the watchers to begin to count, or to say what they have counted."""
    if others is None:
        return None
    assert others.stdin is not None
    assert others.stdout is not None
    others.stdin.write("\n")
    others.stdin.flush()
    if not last:
        return None
    said = json.loads(others.stdout.readline())
    return [pictures / said["seconds"] for pictures in said["pictures"]]


def _published(status: EngineStatus) -> int:
    return next(stage.done for stage in status.stages if stage.name == "publish")


def _median(values: list[float]) -> float | None:
    return float(np.median(values)) if values else None


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=256, help="rows and columns of a raw frame")
    parser.add_argument("--per-s", type=float, default=20.0)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--niceness", type=int, default=LOWEST, help="of Chromium and the others")
    options = parser.parse_args()
    rounds = []
    known = _microscope(options.side)
    with EngineProcess() as engine, looped_stream(engine.control(), known, options.per_s):
        for _ in range(options.rounds):
            for watchers in WATCHERS:
                rounds.append(
                    measure(engine, watchers, options.seconds, options.per_s, options.niceness)
                )
                print(rounds[-1], flush=True)
    rows = [_over_rounds([one for one in rounds if one["watchers"] == n]) for n in WATCHERS]
    title = (
        f"livesim serve: raw stacks of {options.side} x {options.side}, {options.per_s:g} a second"
    )
    report("browser", title, rows, seconds=options.seconds, rounds=options.rounds)


def _over_rounds(rows: list[Row]) -> Row:
    """Return the medians of the same measured again and again."""
    return {
        name: value if not isinstance(value, float) else _median([row[name] for row in rows])
        for name, value in rows[0].items()
    }


if __name__ == "__main__":
    main()
