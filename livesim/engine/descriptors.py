"""Share the system's file descriptors between connections and recording.

Every connection takes one, wanted or not, and so does every file while it is written. Strangers are
cut off beyond a number (`livesim.wire.presence`); until that has happened a write waits.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import TypeVar

ENOUGH = 65_536
"""Far more than all connections that are kept."""
AGAIN_S = 0.02
PATIENCE_S = 60.0
"""Longer than any peer that says nothing is kept."""

SPARE = 16
"""Descriptors that beginning a recording takes at most."""

Done = TypeVar("Done")


def raise_limit() -> None:
    """Let this process have as many descriptors as it may, `ENOUGH` at most; Unix alone limits it.

    The system's usual limit of 1024, on macOS 256, is meant for programs that ask for more.
    """
    if sys.platform == "win32":
        return
    import resource  # not there on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < enough:
        resource.setrlimit(resource.RLIMIT_NOFILE, (enough, hard))


def spare() -> None:
    """Raise OSError unless a file can be begun, which takes several descriptors at once."""
    with ExitStack() as opened:
        for _ in range(SPARE):
            opened.enter_context(open(os.devnull, "rb"))


def patiently(write: Callable[[], Done]) -> Done:
    """Write what can be written again, waiting while there is no descriptor for it.

    Raises
    ------
    OSError
        If it fails for another reason, or if there is none for `PATIENCE_S`.
    """
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return write()
        except OSError as error:
            none_left = error.errno in (errno.EMFILE, errno.ENFILE)
            if not none_left or time.monotonic() > deadline:
                raise
        time.sleep(AGAIN_S)
