"""Both ends of the way of raw frames: a source pushes, the engine pulls."""

from __future__ import annotations

import time
from collections import deque

import zmq

from livesim.values.clock import steady_ns
from livesim.values.frames import RawFrame
from livesim.values.results import Result
from livesim.wire.codec import MAX_FRAME_BYTES, Buffer, decode, encode
from livesim.wire.header import MAX_HEADER_BYTES, WireError
from livesim.wire.messages import StreamEnd, StreamStart, TrustMaps
from livesim.wire.sockets.socket import Closing, Keep, Socket

FRAME_DEPTH = 64


class FramePusher(Closing):
    """A source's end of the frame socket.

    Parameters
    ----------
    endpoint
        Where the engine takes frames.
    keep
        `Keep.BLOCK` waits for a slow engine; `Keep.DROP_OLDEST` never waits.
    depth
        Messages in each queue.
    held_bytes
        The own queue of `Keep.DROP_OLDEST` holds more than `depth` frames where they are smaller
        than this together.
    """

    def __init__(
        self,
        endpoint: str,
        keep: Keep = Keep.BLOCK,
        depth: int = FRAME_DEPTH,
        held_bytes: int = 0,
    ) -> None:
        if keep is Keep.LATEST:
            raise ValueError("expected block or drop-oldest for raw frames, found latest")
        self.keep = keep
        self._queue: deque[list[Buffer]] = deque()
        self._depth, self._held_bytes = depth, held_bytes
        self._dropped = 0
        self._socket = Socket.connected(zmq.PUSH, depth, endpoint)

    @property
    def dropped(self) -> int:
        """Messages given up because the engine did not take them in time."""
        return self._dropped

    def send(self, message: RawFrame | StreamStart | StreamEnd, timeout_s: float = 0.0) -> bool:
        """Send one message; its pixels must not be changed afterwards.

        Returns
        -------
        bool
            False if `Keep.BLOCK` found no room within `timeout_s`: nothing was sent, try again.
            Always True for `Keep.DROP_OLDEST`, which does not wait.
        """
        if self.keep is Keep.BLOCK:
            return self._socket.writable(timeout_s) and self._hand_over(encode(message))
        self._queue.append(encode(message))
        self.flush()
        limit = self._depth
        if isinstance(message, RawFrame):
            limit = max(limit, self._held_bytes // message.pixels.nbytes)
        while len(self._queue) > limit:
            self._queue.popleft()
            self._dropped += 1
        return True

    def flush(self, timeout_s: float = 0.0) -> bool:
        """Send what the own queue holds; True once it is empty."""
        deadline = time.monotonic() + timeout_s
        while self._queue:
            if not self._socket.writable(max(0.0, deadline - time.monotonic())):
                return False
            if not self._hand_over(self._queue[0]):
                return False
            self._queue.popleft()
        return True

    def _hand_over(self, parts: list[Buffer]) -> bool:
        try:
            self._socket.send(parts)
        except zmq.Again:
            return False  # the engine that had room a moment ago is gone
        return True

    def close(self, linger_s: float = 0.0) -> None:
        """Close the socket; what ZMQ still holds has `linger_s` to leave."""
        self._dropped += len(self._queue)
        self._queue.clear()
        self._socket.close(linger_s)


class FramePuller(Closing):
    """The engine's end of the frame socket; a full queue blocks the source."""

    def __init__(self, endpoint: str, depth: int = FRAME_DEPTH) -> None:
        self._socket = Socket.bound(zmq.PULL, depth, endpoint, MAX_FRAME_BYTES + MAX_HEADER_BYTES)
        self.endpoint = self._socket.endpoint
        """Where it really listens."""

    def receive(self, timeout_s: float) -> RawFrame | StreamStart | StreamEnd | None:
        """Take the next message, or None after `timeout_s`.

        Raises
        ------
        WireError
            If a message arrived that cannot be used; the next call takes the next one.
        """
        with self._socket.lock:
            if not self._socket.readable(timeout_s):
                return None
            parts = self._socket.receive()
        message = decode(parts, received_ns=steady_ns())
        if isinstance(message, Result | TrustMaps):
            raise WireError("expected a raw frame, a stream start or a stream end, found a result")
        return message

    @property
    def sources(self) -> int:
        """How many are connected now and have said who they are.

        A machine that was switched off counts for 25 s more.
        """
        presence = self._socket.presence
        with self._socket.lock:
            return 0 if presence is None else presence.count()

    def tend(self) -> list[str]:
        """Cut off who would use up the engine, and say of whom; any thread may, now and then."""
        return self._socket.tend()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
