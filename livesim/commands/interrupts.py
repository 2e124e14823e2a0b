"""Ctrl-C in; an interrupt at a place where no write is under way out."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event


@contextmanager
def interrupts_held() -> Iterator[Callable[[], None]]:
    """Hold Ctrl-C back until the work calls what this yields, which then raises KeyboardInterrupt.

    Zarr writes in a thread of its own: an interrupt in the middle of a write would leave that
    thread writing into a folder that is being removed.
    """
    asked = Event()

    def check() -> None:
        if asked.is_set():
            raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:  # started in the background: it stays uninterruptible
        yield check
        return
    signal.signal(signal.SIGINT, lambda *_: asked.set())
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, before)
