"""Few heaps in the C library, and what is free in them -> back to the system.

Every stream has threads of its own, and glibc gives threads heaps of their own, up to eight for
each processor, from which images are cut in all sizes. What a stream leaves free is scattered over
them, and glibc only returns the end of a heap by itself: on two processors an engine would hold
some hundred MB more after ten streams than after the first. (To map every image by itself instead,
M_MMAP_THRESHOLD, keeps memory flat too, but makes the frame path of 512 x 512 pixels take three
times as long.)
"""

from __future__ import annotations

import ctypes
import sys

HEAPS = 2
_M_ARENA_MAX = -8
"""From glibc's malloc.h."""


def limit_heaps() -> None:
    """Let all threads of this process share few heaps; for its very beginning."""
    library = _glibc()
    if library is not None:
        library.mallopt(_M_ARENA_MAX, HEAPS)


def give_back() -> None:
    """Return memory that is free; takes some milliseconds, so not while frames come."""
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    """Return the C library, where it is one that can be told."""
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "malloc_trim") else None
