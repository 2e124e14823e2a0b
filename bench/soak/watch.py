"""Watch a running engine: when results come, what it acknowledges, how its memory grows."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from bench.soak.check import Acknowledged
from livesim.speed.live import memory_mb
from livesim.values.results import Result
from livesim.wire.control_client import ControlClient
from livesim.wire.header import WireError
from livesim.wire.sockets import Keep, Subscriber
from livesim.wire.status import EngineStatus

ASK_S = 0.1
ANSWER_S = 0.5
MEMORY_S = 1.0
REMEMBERED = 4096
"""Results, of minutes."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A result that has arrived."""

    at_ns: int
    """By the wall clock."""
    stream: str
    time: int
    received_ns: int
    """When the engine had all of its frames."""


@dataclass
class Life:
    """One engine process, from start to end."""

    pid: int
    began: float = field(default_factory=time.monotonic)
    memory: list[tuple[float, float]] = field(default_factory=list)
    """(seconds since its start, resident MB)."""
    status: EngineStatus | None = None
    """The last one."""

    def measure(self) -> None:
        """Take the memory of now, unless the process is gone."""
        resident_mb = memory_mb(self.pid)
        if resident_mb is not None:
            self.memory.append((time.monotonic() - self.began, resident_mb))


class Watch:
    """Follows the engine that answers at an address, from threads of its own."""

    def __init__(self, control: str, results: str) -> None:
        self._control, self._results = control, results
        self.lives: list[Life] = []
        self.acknowledged: dict[str, Acknowledged] = {}
        """What was last acknowledged of each stream."""
        self._seen: deque[Seen] = deque(maxlen=REMEMBERED)
        self._arrived = threading.Condition()
        self._over = threading.Event()
        works: tuple[Callable[[], None], ...] = (self._listen, self._ask, self._weigh)
        self._threads = [threading.Thread(target=work) for work in works]
        for thread in self._threads:
            thread.start()

    def begin(self, pid: int) -> None:
        """Say that a new engine has been started."""
        self.lives.append(Life(pid))

    @property
    def status(self) -> EngineStatus | None:
        """The last one of the present engine."""
        return self.lives[-1].status

    def said(self, stream: str | None) -> Acknowledged:
        """Return what was last acknowledged of a stream."""
        return self.acknowledged.get(stream or "", Acknowledged())

    def first(self, wanted: Callable[[Seen], bool], limit_s: float) -> Seen | None:
        """Return the first of the last results that is wanted, waiting for it; None = none came."""
        with self._arrived:
            return self._arrived.wait_for(
                lambda: next((one for one in self._seen if wanted(one)), None), limit_s
            )

    def wait_for(self, condition: Callable[[EngineStatus], bool], limit_s: float) -> bool:
        """Wait until the engine's status fulfils a condition; whether it did."""
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            if self.status is not None and condition(self.status):
                return True
            time.sleep(ASK_S)
        return False

    def close(self) -> None:
        """End the threads."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _listen(self) -> None:
        with Subscriber(self._results, Keep.LATEST) as subscriber:
            while not self._over.is_set():
                message = subscriber.receive(ASK_S)
                if isinstance(message, Result):
                    self._take_result(message)

    def _take_result(self, result: Result) -> None:
        index, received_ns = result.index, result.last_received_ns
        with self._arrived:
            self._seen.append(Seen(time.time_ns(), result.stream, index.time, received_ns))
            self._arrived.notify_all()

    def _ask(self) -> None:
        while not self._over.is_set():
            try:
                with ControlClient(self._control) as client:
                    while not self._over.wait(ASK_S):
                        self._take(client)
            except WireError:
                continue  # killed: the next one answers at the same address

    def _take(self, client: ControlClient) -> None:
        status = client.status(ANSWER_S)
        if self.lives:
            self.lives[-1].status = status
        if status.stream is not None:
            reply = client.ready(status.stream, ANSWER_S)
            self.acknowledged[status.stream] = max(
                self.said(status.stream),
                Acknowledged(reply.received, reply.recorded),
                key=lambda said: (said.received, said.recorded),
            )

    def _weigh(self) -> None:
        while not self._over.wait(MEMORY_S):
            if self.lives:
                self.lives[-1].measure()
