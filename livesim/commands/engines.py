"""Run `livesim engine --workers N`: several engines behind one address, until they are stopped."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import torch

from livesim.commands.engine import run_engine
from livesim.config.settings import Settings
from livesim.engine.options import EngineOptions
from livesim.pipeline.devices import GPUS, visible_gpus
from livesim.pipeline.networks import resolved
from livesim.router.router import NothingHere, Router

THREADS = "OMP_NUM_THREADS"


def run_engines(
    options: EngineOptions,
    settings: Settings | None,
    pattern: Path | None,
    record: Path | None,
    workers: int,
    *,
    tied: bool,
) -> None:
    """Run a router and its engines, each on a GPU or on a share of the cores.

    Raises
    ------
    DataError
        As `run_engine`, or if an engine does not start.
    """
    flags = tuple(_flags(options, pattern, record))
    router = Router(flags, environments(workers), lossless=options.lossless)
    # To measure what a GPU is fast in is to use it: there each engine asks its own.
    places = () if torch.cuda.is_available() else None
    own = NothingHere(partial(resolved, places=places))
    run_engine(options, own, settings, record, tied=tied, router=router)


def environments(workers: int) -> list[dict[str, str]]:
    """Return what is different in the environment of each engine: its GPU, how many cores."""
    gpus, threads = visible_gpus(), max(1, torch.get_num_threads() // workers)
    places = [gpus[number % len(gpus)] for number in range(workers)]
    return [{THREADS: str(threads)} | ({} if gpu is None else {GPUS: gpu}) for gpu in places]


def _flags(options: EngineOptions, pattern: Path | None, record: Path | None) -> Iterator[str]:
    yield "--part"
    yield f"--networks={options.networks}"
    if options.lossless:
        yield "--lossless"
    if pattern is not None:
        yield f"--pattern={pattern}"
    if record is not None:
        yield from (f"--record={record.resolve()}", "--record-later")
