"""Take what threads learn from an engine, and give the window one frozen snapshot of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any

from livesim.values.results import Result
from livesim.wire.messages import Published, StreamEnd, TrustMaps
from livesim.wire.status import EngineStatus
from livesim.wire.stream_status import InUse
from livesim_gui.state.stream.connection import Connection
from livesim_gui.state.stream.facts import (
    StreamFacts,
    facts_in_use,
    facts_of_start,
    merged,
)
from livesim_gui.state.time.ring import Ring, Shot

RATE_S = 3.0
"""Seconds over which the rate of results is taken."""


@dataclass(frozen=True, slots=True, eq=False)
class News:
    """All that the window needs to know; replaced as a whole."""

    generation: int = 0
    """Counts the connections made."""
    address: str | None = None
    connection: Connection = Connection.NONE
    words: str | None = None
    """What stands in the way of the connection."""
    status: EngineStatus | None = None
    statuses: int = 0
    """Received so far."""
    stream: str | None = None
    ended: bool = False
    facts: StreamFacts = field(default_factory=StreamFacts)
    maps: Mapping[tuple[int, int], TrustMaps] = field(default_factory=dict)
    """(channel, z) -> where the last result of the channel that was reviewed can be trusted, of a
    volume every plane of it; the newest last."""
    shots: tuple[Shot, ...] = ()
    shot_bytes: int = 0
    """Of the pixels that are remembered."""
    per_second: float = 0.0
    """Results received by the viewer."""
    missed: int = 0
    """Results that the viewer was too slow for; only the display misses them."""

    def is_of_stream(self, other: News) -> bool:
        """Return whether these news are of the same connection and stream as others."""
        return (self.generation, self.stream) == (other.generation, other.stream)


class Feed:
    """Keeps what the threads of a connection learn; any thread may call it.

    Every connection has a number. What a thread of an older connection still brings is dropped.

    Parameters
    ----------
    ring
        Of the results.
    given
        Facts that hold for every stream, where the stream does not say otherwise.
    told
        Called in the thread of a connection whenever it has brought something.
    """

    def __init__(
        self,
        ring: Ring | None = None,
        given: StreamFacts | None = None,
        told: Callable[[], None] = lambda: None,
    ) -> None:
        self.ring = ring or Ring()
        self._told = told
        self._given = given or StreamFacts()
        self._news = News(facts=self._given)
        self._arrivals: deque[float] = deque(maxlen=512)
        self._lock = Lock()

    def begin(self, address: str) -> int:
        """Begin a new connection; return its number."""
        with self._lock:
            generation = self._news.generation + 1
            self._news = News(
                generation=generation,
                address=address,
                connection=Connection.WAITING,
                facts=self._given,
            )
            self.ring.clear()
            self._arrivals.clear()
            return generation

    def show_file(self, name: str, in_use: InUse) -> None:
        """Leave the engine: from now on a recording of this name is looked at."""
        with self._lock:
            self._news = News(
                generation=self._news.generation + 1,
                connection=Connection.FILE,
                stream=name,
                facts=merged(facts_in_use(in_use), self._given),
            )
            self.ring.clear()
            self._arrivals.clear()

    def end(self) -> None:
        """Go back to no connection; the results stay to be looked at."""
        with self._lock:
            self._news = replace(
                self._news,
                generation=self._news.generation + 1,
                connection=Connection.NONE,
                status=None,
            )

    def answer(self, generation: int, status: EngineStatus) -> None:
        """Take what the engine says of itself; what it uses wins over what its source said."""
        count = self._news.statuses + 1
        facts = self._news.facts
        if status.in_use is not None and self._news.stream in (None, status.stream):
            facts = merged(facts_in_use(status.in_use), facts)
        self._change(
            generation,
            connection=Connection.CONNECTED,
            words=None,
            status=status,
            statuses=count,
            facts=facts,
        )

    def silence(self, generation: int, words: str) -> None:
        """Note that the engine does not answer."""
        before = self._news.connection in (Connection.CONNECTED, Connection.LOST)
        now = Connection.LOST if before else Connection.WAITING
        self._change(generation, connection=now, words=words, status=None)

    def refuse(self, generation: int, words: str) -> None:
        """Note that there can be no connection as things are."""
        self._change(generation, connection=Connection.NONE, words=words)

    def fault(self, generation: int, words: str) -> None:
        """Note that a message could not be used."""
        self._change(generation, words=words)

    def take(
        self,
        generation: int,
        message: Published,
        now_s: float,
        missed: int = 0,
    ) -> None:
        """Take a message of the results' socket."""
        with self._lock:
            if generation == self._news.generation:
                self._take(message, now_s, missed)
        self._told()

    def _take(self, message: Published, now_s: float, missed: int) -> None:
        self._news = replace(self._news, missed=missed)
        if isinstance(message, StreamEnd):
            self._news = replace(self._news, ended=message.stream == self._news.stream)
            return
        if isinstance(message, TrustMaps):
            self._take_maps(message)
            return
        if message.stream != self._news.stream:
            self._begin_stream(message.stream)
        if isinstance(message, Result):
            self.ring.add(message, now_s)
            self._arrivals.append(now_s)
        else:
            facts = merged(facts_of_start(message), self._given)
            self._news = replace(self._news, facts=facts)

    @property
    def connected(self) -> bool:
        """Whether the engine answers."""
        return self._news.connection is Connection.CONNECTED

    @property
    def statuses(self) -> int:
        """Received from this engine so far."""
        return self._news.statuses

    def news(self, now_s: float) -> News:
        """Return what is known now."""
        with self._lock:
            recent = sum(now_s - moment < RATE_S for moment in self._arrivals)
            return replace(
                self._news,
                shots=self.ring.shots,
                shot_bytes=self.ring.bytes,
                per_second=recent / RATE_S,
            )

    def _take_maps(self, maps: TrustMaps) -> None:
        """Keep them, unless they are of a stream that is over."""
        if self._news.stream is None:
            self._begin_stream(maps.stream)
        if self._news.stream == maps.stream:
            own, before = maps.index, self._news.maps
            known = {
                key: one
                for key, one in before.items()
                if key[0] != own.channel or (one.index.volume == own.volume and key[1] != own.z)
            }
            self._news = replace(self._news, maps={**known, (own.channel, own.z): maps})

    def _begin_stream(self, stream: str) -> None:
        self.ring.clear()
        self._news = replace(self._news, stream=stream, ended=False, facts=self._given, maps={})

    def _change(self, generation: int, **values: Any) -> None:
        with self._lock:
            if generation == self._news.generation:
                self._news = replace(self._news, **values)
        self._told()
