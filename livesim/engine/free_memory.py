"""What the C library keeps for later -> back to the system, where it can be asked to."""

from __future__ import annotations

import ctypes
import sys


def give_back() -> None:
    """Return memory that is free already; takes some milliseconds, so not while frames come.

    Every stream has threads of its own, and glibc gives threads heaps of their own, from which
    images are cut in all sizes. What a stream leaves free there is scattered, and glibc only
    returns the end of a heap by itself: an engine would hold some hundred MB more after ten streams
    than after the first.
    """
    if not sys.platform.startswith("linux"):
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "malloc_trim"):  # other C libraries than glibc have none
        library.malloc_trim(0)
