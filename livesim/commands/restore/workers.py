"""Restore a recording by several processes on this machine; those that die are started again."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.context import SpawnProcess
from multiprocessing.sharedctypes import Synchronized
from typing import TypeAlias

import torch

from livesim.commands.progress import interrupts_held, progress_bar, words_console
from livesim.commands.restore.command import tell_hits, tell_left_out, tell_uneven
from livesim.commands.restore.part import Part
from livesim.commands.restore.parts import finish_parts, restore_part
from livesim.commands.restore.parts_folder import PartsFolder
from livesim.commands.restore.request import RestoreRequest
from livesim.config.settings import SettingsError
from livesim.engine.threads import limit_spinning
from livesim.pipeline.devices import GPUS, visible_gpus
from livesim.values.errors import DataError

POLL_S = 0.1
END_S = 10.0
"""How long a worker that was asked to end may work on the raw stack under its hands."""
INTERRUPTED = 128 + signal.SIGINT
"""Exit status of a worker that was asked to end."""
IN_VAIN = 3
"""How often a worker may die one time after the other without a raw stack done."""

Counter: TypeAlias = "Synchronized[int]"
_context = multiprocessing.get_context("spawn")


def restore_with_workers(asked: RestoreRequest, workers: int) -> None:
    """Restore a recording into one OME-Zarr by so many processes; go on where they were ended.

    Raises
    ------
    SettingsError, DataError
        As `livesim.commands.restore.command.restore_file`, or if workers die again and again.
    """
    console, total = words_console(), plan_parts(asked)
    workers = min(workers, total)
    gpus = visible_gpus()
    threads = max(1, torch.get_num_threads() // workers)
    running = [
        _Worker(asked, Part(number + 1, workers), threads, gpus[number % len(gpus)])
        for number in range(workers)
    ]
    with (
        interrupts_held() as check_interrupt,
        progress_bar("restore", total, console) as bar,
    ):
        try:
            while sum([worker.is_done() for worker in running]) < workers:
                check_interrupt()
                bar.show(sum(worker.done for worker in running))
                time.sleep(POLL_S)
        finally:
            for worker in running:
                worker.ask_to_end()
            until = time.monotonic() + END_S
            for worker in running:
                worker.end(until)
    finish(asked)


def plan_parts(asked: RestoreRequest) -> int:
    """Find what holds for all parts, where nobody has; return how many raw stacks there are.

    Raises
    ------
    SettingsError, DataError
        As `livesim.commands.restore.parts_folder.PartsFolder.planned`.
    """
    folder = PartsFolder(asked)
    with folder.refusing(), folder.open() as recording:
        folder.planned(recording, words_console())
        return len(recording.indices)


def finish(asked: RestoreRequest) -> None:
    """Check that all parts are there, close the result, and say what the parts have told.

    Raises
    ------
    SettingsError, DataError
        As `livesim.commands.restore.parts.finish_parts`.
    """
    told, console = finish_parts(asked), words_console()
    tell_left_out([words for _, words in told.left_out], console)
    tell_hits(told.hits, console)
    tell_uneven(dict(told.uneven), console)
    console.print(f"wrote {asked.out}")


def restore_part_here(asked: RestoreRequest, part: Part) -> None:
    """Restore one part in this process, and show how far it is.

    Raises
    ------
    SettingsError, DataError
        As `livesim.commands.restore.parts.restore_part`.
    """
    console = words_console()
    with (
        interrupts_held() as check_interrupt,
        progress_bar(f"part {part}", None, console) as bar,
    ):

        def step() -> None:
            bar.advance()
            check_interrupt()

        restore_part(asked, part, console, step, lambda total: bar.show(0, total))
    console.print(f"part {part} is done; livesim restore … --finish when all are")


@dataclass(eq=False)
class _Worker:
    """A process that restores a part, and the one that takes its place when it dies."""

    asked: RestoreRequest
    part: Part
    threads: int
    gpu: str | None = None
    """The only one that it sees; None = whatever is there."""
    _process: SpawnProcess | None = None
    _counter: Counter = field(default_factory=lambda: _context.Value(ctypes.c_long, 0))
    _seen: int = 0
    _in_vain: int = 0

    @property
    def done(self) -> int:
        """Raw stacks of its part that are there."""
        return self._counter.value

    def is_done(self) -> bool:
        """Whether its part is done; start it, or start it again, where it is not.

        Raises
        ------
        DataError
            If it ended with an error, which it has said, or died again and again.
        """
        if self._process is None:
            self._start()
        assert self._process is not None
        status = self._process.exitcode
        if status is not None and (status < 0 or status == INTERRUPTED):
            self._died(signal.SIGTERM if status > 0 else -status)
        elif status:
            raise DataError(f"part {self.part}: expected it to be restored, found the error above")
        return status == 0

    def ask_to_end(self) -> None:
        """Ask the process to end, which it does between two raw stacks where it can."""
        if self._process is not None and self._process.is_alive():
            self._process.terminate()

    def end(self, until: float) -> None:
        """Wait until it has ended; kill it if it has not at that time of the monotonic clock."""
        if self._process is None:
            return
        self._process.join(max(until - time.monotonic(), 0.0))
        if self._process.is_alive():  # halted, or a long raw stack: the next run makes it
            words = f"expected its process to end within {END_S:g} s, found it at work; killed"
            words_console().print(f"livesim: part {self.part}: {words}")
            self._process.kill()
            self._process.join()

    def _start(self) -> None:
        self._seen, self._counter.value = self._counter.value, 0
        self._process = _context.Process(
            target=_restore,
            args=(self.asked, self.part, self.threads, self.gpu, self._counter),
            daemon=True,
        )
        with _keyboard_for_the_starter_alone():
            self._process.start()

    def _died(self, number: int) -> None:
        self._in_vain = 0 if self.done > self._seen else self._in_vain + 1
        name = signal.Signals(number).name
        if self._in_vain == IN_VAIN:
            raise DataError(
                f"part {self.part}: expected a process that lives, found {name} {IN_VAIN} times "
                "without a raw stack done"
            )
        words_console().print(f"livesim: part {self.part}: the process died of {name}; begun again")
        self._start()


@contextmanager
def _keyboard_for_the_starter_alone() -> Iterator[None]:
    """Keep Ctrl-C from processes that are started here; it ends them by way of their starter."""
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _restore(
    asked: RestoreRequest, part: Part, threads: int, gpu: str | None, done: Counter
) -> None:
    """Run in a process of its own: restore a part; end when the starter is gone."""
    if gpu is not None:
        os.environ[GPUS] = gpu  # read when the first tensor goes there, which none has
    limit_spinning()
    torch.set_num_threads(threads)
    starter = multiprocessing.parent_process()
    assert starter is not None
    try:
        with interrupts_held() as check_interrupt:

            def step() -> None:
                done.value += 1
                check_interrupt()
                if not starter.is_alive():
                    raise KeyboardInterrupt

            restore_part(asked, part, words_console(), step)
    except (DataError, SettingsError, OSError) as error:
        sys.exit(f"livesim: {error}")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
