"""Keep the newest images of a running engine for a viewer that looks when it has time."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Event, Lock, Thread

from livesim.api.live import listen
from livesim.values.results import Result


class Newest:
    """Listens in a thread; what the viewer does not look at in time is passed over.

    Parameters
    ----------
    engine
        Its control address, as for `livesim.listen`.
    """

    def __init__(self, engine: str) -> None:
        self._engine = engine
        self._stop, self._lock = Event(), Lock()
        self._found: dict[int, Result] = {}
        self._fault = ""
        self._thread = Thread(target=self._listen, name="livesim results", daemon=True)
        self._thread.start()

    @property
    def fault(self) -> str:
        """Why nothing comes any more, in a sentence; empty while it listens."""
        return self._fault

    def take(self) -> Mapping[int, Result]:
        """Return the newest result of each channel that was not taken yet."""
        with self._lock:
            found, self._found = self._found, {}
        return found

    def close(self) -> None:
        """Stop to listen; returns at once, as a window has to. The thread ends within seconds."""
        self._stop.set()

    def _listen(self) -> None:
        try:
            results = listen(self._engine, keep="drop-oldest", streams=None, stop=self._stop)
            for result in results:
                with self._lock:
                    self._found[result.index.channel] = result
        except ValueError as error:  # one sentence: no engine, no address, no keys
            self._fault = str(error)
