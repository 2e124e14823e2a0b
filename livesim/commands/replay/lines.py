"""A replay that runs in, a line of JSON for programs at every change of its state out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from livesim.commands.export.progress import tell_program
from livesim_acquisition.replay.pace import Pace
from livesim_acquisition.replay.rate import rate_text
from livesim_acquisition.replay.replay import Progress

EVERY_S = 0.1
"""No more lines than one in so many seconds."""


@contextmanager
def state_told(name: str, pace: Pace) -> Iterator[Progress]:
    """Write how far a replay is and what it does to stdout, whenever that has changed.

    Parameters
    ----------
    name
        Of the recording.
    pace
        Of the replay; also its pauses are told.
    """
    counted = (0, 0)
    over = Event()

    def count(sent: int, total: int) -> None:
        nonlocal counted
        counted = (sent, total)

    def told() -> dict[str, object]:
        sent, total = counted
        state = pace.state
        known = {"recording": name, "sent": sent, "total": total}
        return known | {"paused": state.paused, "rate": rate_text(state.rate)}

    def tell() -> None:
        last: dict[str, object] = {}
        while True:
            ending = over.wait(EVERY_S)
            if (now := told()) != last:
                tell_program(**now)
                last = now
            if ending:
                return

    thread = Thread(target=tell, name="livesim told")
    thread.start()
    try:
        yield count
    finally:
        over.set()
        thread.join()
