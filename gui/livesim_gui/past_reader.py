"""Read results from the disk, in another thread, once the user has gone back beyond the memory."""

from __future__ import annotations

from collections.abc import Callable

from livesim.values.results import Result
from livesim_gui.background_tasks import BackgroundTasks
from livesim_gui.state.stream.connection import Connection
from livesim_gui.state.stream.stream import Stream
from livesim_gui.state.time.archive import (
    Archive,
    OpenedFile,
    OpenPast,
    Past,
    PastShot,
    past_shots,
)
from livesim_gui.state.time.ring import Shot

Tell = Callable[[str], None]
"""Shows the user what has become of it."""


class PastReader:
    """Looks now and then at what is recorded, and reads what the user wants to see of it.

    One look and one reading are under way at a time: while the user drags through a long recording,
    only the place that is wanted when the last reading ends is read next.

    Parameters
    ----------
    open_past
        Opens a recording, where it is on this machine.
    say
        Tells what cannot be read of a file.
    """

    def __init__(
        self,
        stream: Stream,
        archive: Archive,
        tasks: BackgroundTasks,
        open_past: OpenPast,
        say: Tell = lambda words: None,
    ) -> None:
        self._say = say
        self._stream, self._archive = stream, archive
        self._tasks, self._open = tasks, open_past

    def look(self) -> None:
        """Learn what has been recorded of the stream by now."""
        folder = self._stream.folder
        if folder is not None:
            self._tasks.run("recording", lambda: self._opened(folder), self._learn)

    def read(self) -> None:
        """Read what is wanted, if it is on the disk."""
        archive = self._archive
        past, wanted = archive.past, archive.wanted
        if past is None or wanted is None:
            return
        self._tasks.run(
            "past",
            lambda: past.read(wanted.index, wanted.received_ns),
            lambda result: archive.keep(past.folder, wanted, result),
            lambda words: self._fail(wanted, words),
        )

    def _fail(self, wanted: PastShot, words: str) -> None:
        """Say which raw stack of a file cannot be restored; a recording is opened again."""
        if self._stream.news.connection is Connection.FILE:
            self._archive.leave_out(wanted)
            self._say(words)
        else:
            self._archive.give_up()

    def restore(self, file: OpenedFile, shown: Shot, done: Tell, failed: Tell) -> bool:
        """Restore with the networks what is shown of a file; False while another one is."""
        result = shown.result
        wanted = PastShot(shown.number, result.index, result.last_received_ns)

        def keep(restored: Result) -> None:
            self._archive.keep(file.folder, wanted, restored)
            done("")

        return self._tasks.run(
            "restore", lambda: file.restore(wanted.index, wanted.received_ns), keep, failed
        )

    def _opened(self, folder: str) -> tuple[Past | None, tuple[PastShot, ...]]:
        past = self._open(folder)
        return past, past_shots(past)

    def _learn(self, found: tuple[Past | None, tuple[PastShot, ...]]) -> None:
        past, shots = found
        if past is not None and past.folder == self._stream.folder:
            self._archive.take(past, shots)
