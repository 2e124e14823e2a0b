"""Run `livesim engine --workers N`: several engines behind one address, until they are stopped."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from livesim.commands.engine import run_engine
from livesim.config.settings import Settings
from livesim.engine.options import EngineOptions
from livesim.pipeline.devices import GPUS, visible_gpus
from livesim.pipeline.networks import resolved
from livesim.router.router import NothingHere, Router
from livesim.wire.endpoints import CLIENT, KNOWN_CLIENTS, SERVER, split_keys
from livesim.wire.keys import make_pair

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
    asks = any(split_keys(one)[1] for one in (options.frames, options.results, options.control))
    # To measure what a GPU is fast in is to use it: there each engine asks its own.
    places = () if torch.cuda.is_available() else None
    own = NothingHere(partial(resolved, places=places))
    with keys_between() if asks else nullcontext() as keys:
        router = Router(flags, environments(workers), lossless=options.lossless, keys=keys)
        run_engine(options, own, settings, record, tied=tied, router=router)


@contextmanager
def keys_between() -> Iterator[Path]:
    """Make keys with which nobody but this user reaches engines, in a folder for a while."""
    with TemporaryDirectory(prefix="livesim-keys-") as name:
        folder = Path(name)
        make_pair(folder, SERVER)
        known = folder / KNOWN_CLIENTS
        known.mkdir()
        shutil.copy(make_pair(folder, CLIENT), known)
        yield folder


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
