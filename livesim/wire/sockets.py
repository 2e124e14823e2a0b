"""Carry messages over ZMQ: raw frames to the engine (PUSH/PULL), results to viewers (PUB/SUB).

Every queue names its policy, `Keep`. What ZMQ does of its own accord is not always that policy: a
PUB socket at its high-water mark drops the *newest* message, and CONFLATE keeps only the last
*part* of a multipart message. So drop-oldest and latest are kept here, in a short queue in front
of the socket (frames) or behind it (results); ZMQ's own queues only bound what is under way.

A socket belongs to the thread that uses it; hand it on only after the first thread has ended.
"""

from __future__ import annotations

import time
from collections import deque
from enum import Enum

import zmq

from livesim.values.clock import steady_ns
from livesim.values.frames import RawFrame
from livesim.values.results import Result
from livesim.wire.codec import MAX_FRAME_BYTES, MAX_PIXEL_BYTES, Buffer, decode, encode
from livesim.wire.header import MAX_HEADER_BYTES, WireError
from livesim.wire.messages import Published, StreamEnd, StreamStart, TrustMaps
from livesim.wire.zmq_socket import Closing, Socket

FRAME_DEPTH = 64
RESULT_DEPTH = 8
UNDER_WAY = 32 << 20
"""Bytes of messages that are not whole yet, of all who are connected, besides the longest one."""
MAX_SUBSCRIPTION_BYTES = 1024
"""Of what a viewer says at once; our own says some hundred bytes when it connects, then no more."""
ALL_SUBSCRIPTIONS_BYTES = 1 << 20
"""Of what all viewers have said: ZMQ keeps subscriptions in some sixty times their length."""
_COUNT_BYTES = 8
_ROOM_S = 0.002
"""Between two looks whether there is room, where a result waits for it."""


class Keep(Enum):
    """What a full queue does.

    =============  =======================  ==================================================
    policy         frames (PUSH → PULL)     results (PUB → SUB)
    =============  =======================  ==================================================
    BLOCK          SNDHWM = RCVHWM = depth  PUSH → PULL, for the one listener of an engine that
                   and the sender waits     is one of several; a viewer never holds an engine
    DROP_OLDEST    own queue of `depth`     RCVHWM = depth; whatever has arrived is drained
                   in front of PUSH,        into an own queue of `depth`
                   NOBLOCK sends
    LATEST         refused: a raw frame     as DROP_OLDEST with depth 1 (CONFLATE would tear
                   alone is of no use       multipart messages apart)
    =============  =======================  ==================================================
    """

    BLOCK = "block"
    DROP_OLDEST = "drop-oldest"
    LATEST = "latest"


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
        self._socket = Socket.connected(zmq.PUSH, endpoint, MAX_PIXEL_BYTES, depth)

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
        most = MAX_FRAME_BYTES + MAX_HEADER_BYTES
        self._socket = Socket.bound(zmq.PULL, endpoint, most, most + UNDER_WAY, depth, depth + 2)
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
        self._socket = Socket.bound(
            kind, endpoint, MAX_SUBSCRIPTION_BYTES, ALL_SUBSCRIPTIONS_BYTES, depth
        )
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
        self._socket = Socket.connected(kind, endpoint, MAX_PIXEL_BYTES, depth)

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
