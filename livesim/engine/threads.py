"""Tell the C library and OpenMP how an engine's many threads share memory and cores.

Imports neither torch nor zmq: `limit_spinning` has to come before torch is loaded.
"""

from __future__ import annotations

import ctypes
import os
import sys

ARENAS = 2
"""Memory arenas of the C library, which all threads share.

Every stream has threads of its own, and glibc gives threads arenas of their own, up to eight for
each processor, from which images are cut in all sizes. What a stream leaves free is scattered over
them, and glibc only returns the end of an arena by itself: on two processors an engine would hold
some hundred MB more after ten streams than after the first. (To map every image by itself instead,
M_MMAP_THRESHOLD, keeps memory flat too, but makes the frame path of 512 x 512 pixels take three
times as long.)
"""
_M_ARENA_MAX = -8
"""From glibc's malloc.h."""

SPINS = "1000"
"""Turns of the loop in which a thread of torch waits: some 30 us.

A reconstruction has some forty sections that torch's threads share, and at the end of each they
wait for the slowest. Where something else takes a core (the source, a viewer, an estimate in the
background), two of them are on the same one for a while, and the one that spins keeps the other
from running. The library's own 300 000 turns then cost a time slice in every section: 160 ms for
a stack of 256 x 256 that takes 3; 10 000 still cost 15 ms, more than there is between two stacks.
With none at all every wait is a call of the system, and networks are slower by a fifth where the
cores are free. `GOMP_SPINCOUNT=10000 python -m bench.speed.latency` shows what another number does.
"""


def limit_spinning() -> None:
    """Let torch's threads sleep soon while they wait; for the time before torch is loaded."""
    os.environ.setdefault("GOMP_SPINCOUNT", SPINS)


def limit_arenas() -> None:
    """Let all threads of this process share `ARENAS`; called at its very beginning."""
    library = _glibc()
    if library is not None:
        library.mallopt(_M_ARENA_MAX, ARENAS)


def return_free_memory() -> None:
    """Return free memory to the system; takes some milliseconds, so not while frames come."""
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    """Return the C library, where it is glibc."""
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "malloc_trim") else None
