"""Run `livesim engine`: the engine in this process, until it is stopped."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path

from livesim.config.settings import Settings
from livesim.engine.descriptors import raise_limit
from livesim.engine.options import EngineOptions
from livesim.engine.process import Engine
from livesim.engine.record.recorder import RecorderFor
from livesim.engine.seams import Computing
from livesim.engine.threads import limit_arenas
from livesim.router.router import Router
from livesim.values.errors import DataError
from livesim.wire.status import EngineStatus, FaultStatus

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
FAREWELL_S = 4.0
"""After a thread has died: how long the others may take to close what they have open."""
EXIT_FAILED = 1

_log = logging.getLogger("livesim.engine")


def run_engine(
    options: EngineOptions,
    computing: Computing,
    settings: Settings | None = None,
    record: Path | None = None,
    *,
    tied: bool = False,
    router: Router | None = None,
) -> None:
    """Run an engine until a signal, a control request or, with `once`, the end of its stream.

    With `tied` it stops as well when its stdin closes, as it does when its starter is gone. With a
    `router` the engines behind that work on the raw stacks.

    Raises
    ------
    DataError
        With `once`: if not every raw stack was reconstructed; always: if something that should
        have been recorded was not, or if a thread of the engine has died.
    """
    limit_arenas()
    raise_limit()
    logging.basicConfig(format="livesim engine: %(message)s")
    recorder_for = None if record is None else _recorder_into(record, part=options.part)
    with (
        nullcontext() if router is None else router,
        Engine(options, computing, settings, recorder_for, router) as engine,
        _stopped_by_signals(engine),
        _ended_by_threads(engine),
    ):
        where = engine.endpoints
        print(
            f"listening: frames {where.frames} results {where.results} control {where.control}",
            flush=True,
        )
        if tied:
            stop = partial(os._exit, EXIT_FAILED) if options.part else engine.request_stop
            threading.Thread(target=_call_at_end_of_stdin, args=(stop,), daemon=True).start()
        threading.Thread(target=_end_after_failure, args=(engine,), daemon=True).start()
        _run(engine)
        _check(engine.status(), engine.faults, complete=options.once)


def _run(engine: Engine) -> None:
    """Let an engine work; a mistake that ends it is told in full, and in one sentence."""
    try:
        engine.run()
    except Exception as error:
        _log.exception("a thread of the engine has died")
        raise DataError(
            f"expected every thread of the engine to work until it is stopped, found that one "
            f"died: {error!r}; what was recorded until then is closed and can be read"
        ) from error


def _end_after_failure(engine: Engine) -> None:
    """End the process after a failure, whatever still holds it: nothing good can come of it.

    A recording that is not closed by then is called NAME.partial, and as readable.
    """
    engine.failed.wait()
    time.sleep(FAREWELL_S)
    print(
        "livesim: a thread of the engine has died, and others do not end: killed", file=sys.stderr
    )
    os._exit(EXIT_FAILED)


def _recorder_into(folder: Path, *, part: bool) -> RecorderFor:
    from livesim.engine.record.beside import BesideRecordings
    from livesim.engine.record.folder import record_into

    return BesideRecordings(folder) if part else record_into(folder)


def _call_at_end_of_stdin(stop: Callable[[], object]) -> None:
    """End when the starter has: one of several engines at once, for nobody takes its results."""
    while os.read(sys.stdin.fileno(), 1024):
        pass
    stop()


@contextmanager
def _stopped_by_signals(engine: Engine) -> Iterator[None]:
    before = {
        number: signal.signal(number, lambda *_: engine.request_stop()) for number in STOP_SIGNALS
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _ended_by_threads(engine: Engine) -> Iterator[None]:
    """Let an engine end where a thread dies that nobody waits for, a worker's or a library's."""
    before = threading.excepthook

    def ended(died: threading.ExceptHookArgs) -> None:
        before(died)
        engine.fail(died.exc_value)

    threading.excepthook = ended
    try:
        yield
    finally:
        threading.excepthook = before


def _check(status: EngineStatus, faults: FaultStatus, *, complete: bool) -> None:
    if faults.unrecorded_stacks:
        raise DataError(
            f"expected every raw stack and result recorded, "
            f"found {faults.unrecorded_stacks} that are not: {status.last_fault}"
        )
    lost = faults.failed_stacks + faults.skipped_stacks + faults.incomplete_stacks
    lost += faults.incomplete_volumes + faults.skipped_volumes
    published = next(stage.done for stage in status.stages if stage.name == "publish")
    if complete and (lost or not published):
        raise DataError(
            f"expected every raw stack reconstructed, found {published} done and {lost} not: "
            f"{status.last_fault or 'no complete raw stack arrived'}"
        )
