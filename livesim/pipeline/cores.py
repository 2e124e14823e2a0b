"""How many cores torch uses in which thread of the engine's process."""

from __future__ import annotations

from threading import Lock, Thread

import torch


class TorchCores:
    """Lets torch work on every core in the frame path's thread, and on one beside it.

    torch keeps a number of cores for each thread, and gives a thread that it meets for the first
    time the number that was set last in any other. So a thread that it meets while a worker sets
    its own would keep a single core, and bfloat16 sums come out differently on another number of
    cores: the frame path claims its own, and the two never set theirs at the same time.

    For a process of our own alone: it changes what torch gives to threads that begin later.

    Parameters
    ----------
    count
        Of all cores; None = as many as torch uses now.
    """

    def __init__(self, count: int | None = None) -> None:
        self._all = torch.get_num_threads() if count is None else count
        self._setting = Lock()

    def use_all(self) -> None:
        """Let torch work on every core when called from this thread."""
        with self._setting:
            _set_threads(self._all)

    def use_one(self) -> None:
        """Let torch work in the calling thread alone: the other cores are the frame path's."""
        with self._setting:
            _set_threads(1)
            # It holds for this thread and for all that begin later: they have to get all again.
            later = Thread(target=_set_threads, args=(self._all,))
            later.start()
            later.join()


def _set_threads(count: int) -> None:
    torch.get_num_threads()  # the first call from a thread sets what holds for all: let it be this
    torch.set_num_threads(count)
