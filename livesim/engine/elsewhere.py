"""The seam to other engines, which work on the raw stacks that this one assembles and records."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from livesim.engine.beside.steering import Steering
from livesim.engine.meters import Gauges
from livesim.engine.publishing import Outlet
from livesim.engine.queue import BoundedQueue
from livesim.engine.record.stream_recording import StreamRecording
from livesim.engine.seams import Reconstructed
from livesim.values.frames import RawStack
from livesim.wire.control import Reply, Request
from livesim.wire.messages import StreamStart
from livesim.wire.status import EngineStatus

Answer = Callable[[Request], Reply]


class StackWork(Protocol):
    """What works on the raw stacks of one stream, in the stream's processing thread."""

    def run(self) -> None:
        """Work until the queue of stacks is closed and empty; then close that of results."""
        ...

    def hurry(self) -> None:
        """Skip what has not been reconstructed yet; may be called from another thread."""
        ...


class Elsewhere(Protocol):
    """Other engines behind this one's address."""

    def attach(self, outlet: Outlet, gauges: Gauges) -> None:
        """Take what all streams of this engine share, once."""
        ...

    def open(
        self,
        start: StreamStart,
        stacks: BoundedQueue[RawStack],
        results: BoundedQueue[Reconstructed],
        recording: StreamRecording,
        steering: Steering,
    ) -> StackWork:
        """Begin a stream.

        Raises
        ------
        SettingsError, DataError
            If an engine refuses it.
        """
        ...

    def answer(self, request: Request, own: Answer) -> Reply:
        """Return the answer to a request; `own` is what this engine answers and does by itself."""
        ...

    def amended(self, status: EngineStatus) -> EngineStatus:
        """Return this engine's status with what the others say."""
        ...
