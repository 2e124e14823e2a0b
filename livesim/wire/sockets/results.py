"""Both ends of the way of results: the engine publishes, any number of viewers subscribe."""

from __future__ import annotations

import time
from collections import deque

import zmq

from livesim.values.frames import RawFrame
from livesim.values.results import Result
from livesim.wire.codec import Buffer, decode, encode
from livesim.wire.header import WireError
from livesim.wire.messages import Published
from livesim.wire.sockets.socket import Closing, Keep, Socket

RESULT_DEPTH = 8
MAX_SUBSCRIPTION_BYTES = 1024
"""Of what a viewer says at once; our own says some hundred bytes when it connects, then no more."""
_COUNT_BYTES = 8
_ROOM_S = 0.002
"""Between two looks whether there is room, where a result waits for it."""


class Publisher(Closing):
    """The engine's end of the result socket; a viewer that is too slow misses results.

    In front of the codec's parts each message has one part with its number, 8 bytes big-endian
    counted from 1, by which a subscriber sees what it missed.

    Parameters
    ----------
    endpoint
        Where to listen.
    depth
        Messages under way to each subscriber.
    keep
        `Keep.BLOCK` has one subscriber, of the same policy, and waits for it.
    """

    def __init__(
        self, endpoint: str, depth: int = RESULT_DEPTH, keep: Keep = Keep.DROP_OLDEST
    ) -> None:
        kind = zmq.PUSH if keep is Keep.BLOCK else zmq.PUB
        self._socket = Socket.bound(kind, depth, endpoint, MAX_SUBSCRIPTION_BYTES)
        self._waits, self._number = keep is Keep.BLOCK, 0
        self.endpoint = self._socket.endpoint
        """Where it really listens."""

    def publish(self, message: Published) -> None:
        """Send to all who listen; its pixels must not be changed afterwards. Any thread may."""
        parts = encode(message)
        while not self._sent(parts):
            time.sleep(_ROOM_S)  # others use the socket meanwhile

    def _sent(self, parts: list[Buffer]) -> bool:
        """Send a message, unless there is no room and it has to wait."""
        with self._socket.lock:
            if self._waits and not self._socket.writable(0.0):
                return False
            self._number += 1
            self._socket.send([self._number.to_bytes(_COUNT_BYTES, "big"), *parts])
            return True

    def tend(self) -> list[str]:
        """Cut off who would use up the engine, and say of whom; any thread may, now and then."""
        return self._socket.tend()

    def close(self, linger_s: float = 0.0) -> None:
        """Close the socket; what ZMQ still holds has `linger_s` to leave."""
        self._socket.close(linger_s)


class Subscriber(Closing):
    """A viewer's end of the result socket."""

    def __init__(self, endpoint: str, keep: Keep = Keep.LATEST, depth: int = RESULT_DEPTH) -> None:
        self._keep, self._depth = keep, 1 if keep is Keep.LATEST else depth
        self._queue: deque[Published] = deque()
        self._last_number: int | None = None
        self._dropped = 0
        kind = zmq.PULL if keep is Keep.BLOCK else zmq.SUB
        self._socket = Socket.connected(kind, depth, endpoint)

    @property
    def dropped(self) -> int:
        """Messages missed: dropped here, or by ZMQ on the way."""
        return self._dropped

    def receive(self, timeout_s: float) -> Published | None:
        """Take the next message that the policy keeps, or None after `timeout_s`.

        Stream starts and ends are never dropped here, nor are maps; only results are.

        Raises
        ------
        WireError
            If a message arrived that cannot be used.
        """
        if not self._queue:
            self._socket.readable(timeout_s)
        while not self._is_full and self._socket.readable(0.0):
            self._queue.append(self._next())
            self._trim()
        return self._queue.popleft() if self._queue else None

    @property
    def _is_full(self) -> bool:
        """Whether the rest has to wait, since nothing may be dropped."""
        return self._keep is Keep.BLOCK and bool(self._queue)

    def _next(self) -> Published:
        number, *parts = self._socket.receive()
        self._count_missing(int.from_bytes(number, "big"))
        message = decode(parts)
        if isinstance(message, RawFrame):
            raise WireError("expected a result, a stream start or a stream end, found a raw frame")
        return message

    def _count_missing(self, number: int) -> None:
        if self._last_number is not None and number > self._last_number:
            self._dropped += number - self._last_number - 1
        self._last_number = number

    def _trim(self) -> None:
        """Drop the oldest result that is one too many of its kind.

        A first result must not push out the fuller one of a stack before it, nor that the first.
        """
        for provisional in (False, True):
            own = [one for one in self._queue if _is_result(one, provisional=provisional)]
            if len(own) > self._depth:
                self._queue.remove(own[0])
                self._dropped += 1

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def _is_result(message: Published, *, provisional: bool) -> bool:
    return isinstance(message, Result) and message.provisional is provisional
