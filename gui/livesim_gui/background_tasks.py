"""Do in one thread what takes longer than a frame, and give the result to the window's thread."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from qtpy.QtCore import QObject, Signal

FAULTS = (OSError, ValueError)
"""What a disk or an image can do to a task; anything else is a mistake of ours."""


class BackgroundTasks(QObject):
    """Runs everything that must not hold the window, in one thread, one after the other.

    A task has a name. While one of a name is under way, another of that name is refused: the
    next frame brings a newer one.
    """

    _done = Signal(str, object, object)

    def __init__(self) -> None:
        super().__init__()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="livesim-task")
        self._waiting: dict[str, Callable[[Any], None]] = {}
        self._failed: dict[str, Callable[[str], None]] = {}
        self._done.connect(self._deliver)

    def run(
        self,
        name: str,
        work: Callable[[], Any],
        done: Callable[[Any], None],
        failed: Callable[[str], None] = lambda words: None,
    ) -> bool:
        """Do `work` in the thread, then call `done` with its result in the window's thread.

        Parameters
        ----------
        failed
            Called instead with what went wrong.

        Returns
        -------
        bool
            False if a task of this name is under way: nothing was begun.
        """
        if name in self._waiting:
            return False
        self._waiting[name], self._failed[name] = done, failed
        self._pool.submit(work).add_done_callback(lambda future: self._finish(name, future))
        return True

    def close(self) -> None:
        """Wait for what is under way; nothing is delivered any more."""
        self._waiting.clear()
        self._pool.shutdown(cancel_futures=True)

    def _finish(self, name: str, future: Future[Any]) -> None:
        if not future.cancelled():
            error = future.exception()
            self._done.emit(name, None if error else future.result(), error)

    def _deliver(self, name: str, result: Any, error: BaseException | None) -> None:
        done, failed = self._waiting.pop(name, None), self._failed.pop(name, None)
        if done is None or failed is None:
            return
        if error is None:
            done(result)
        elif isinstance(error, FAULTS):
            failed(str(error))
        else:
            raise error
