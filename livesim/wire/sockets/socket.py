"""One ZMQ socket, bound or connected, and what a full queue in front of it does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from enum import Enum
from threading import Lock
from typing import Self

import zmq

from livesim.config.settings import SettingsError
from livesim.wire.codec import MAX_PIXEL_BYTES, Buffer
from livesim.wire.endpoints import check_bindable, split_keys
from livesim.wire.header import WireError
from livesim.wire.keys import reach, serve
from livesim.wire.presence import Presence

UNDER_WAY = 32 << 20
"""Bytes of messages that are not whole yet, of all who are connected, besides the longest one."""
ALL_SUBSCRIPTIONS_BYTES = 1 << 20
"""Of what all viewers have said: ZMQ keeps subscriptions in some sixty times their length."""


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


class Socket:
    """One ZMQ socket with a context of its own, closed together."""

    def __init__(self, kind: int, depth: int) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = self._context.socket(kind)
        self._socket.set_hwm(depth)
        self._socket.setsockopt(zmq.MAXMSGSIZE, MAX_PIXEL_BYTES)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._unguard: Callable[[], None] | None = None
        self.presence: Presence | None = None
        self.lock = Lock()
        """Held by who uses the socket, where several threads do."""

    @classmethod
    def bound(cls, kind: int, depth: int, endpoint: str, most_bytes: int) -> Self:
        """Listen at `endpoint` for messages of at most `most_bytes`, or raise why not."""
        check_bindable(endpoint)
        plain, keys = split_keys(endpoint)
        socket = cls(kind, depth)
        socket._socket.setsockopt(zmq.MAXMSGSIZE, most_bytes)
        takes = kind == zmq.PULL
        grace = most_bytes + UNDER_WAY if takes else ALL_SUBSCRIPTIONS_BYTES
        socket.presence = Presence(socket._socket, grace, depth + 2 if takes else 0)
        try:
            if keys is not None:
                socket._unguard = serve(socket._context, socket._socket, keys)
            socket._socket.bind(plain)
        except zmq.ZMQError as error:
            socket.close()
            raise WireError(f"expected a free address, found '{plain}': {error}") from error
        except SettingsError:
            socket.close()
            raise
        return socket

    @classmethod
    def connected(cls, kind: int, depth: int, endpoint: str) -> Self:
        """Connect to `endpoint`, whether anybody listens there yet or not."""
        plain, keys = split_keys(endpoint)
        socket = cls(kind, depth)
        if kind == zmq.SUB:
            socket._socket.setsockopt(zmq.SUBSCRIBE, b"")
        try:
            if keys is not None:
                reach(socket._socket, keys)
        except SettingsError:
            socket.close()
            raise
        socket._socket.connect(plain)
        return socket

    @property
    def endpoint(self) -> str:
        """Where it really listens, which differs from what was asked for with port 0."""
        return self._socket.getsockopt_string(zmq.LAST_ENDPOINT)

    def readable(self, timeout_s: float) -> bool:
        """Whether a message is there, within a time."""
        return bool(self._socket.poll(_ms(timeout_s), zmq.POLLIN))

    def writable(self, timeout_s: float) -> bool:
        """Whether there is room for one, within a time."""
        return bool(self._socket.poll(_ms(timeout_s), zmq.POLLOUT))

    def send(self, parts: Sequence[Buffer]) -> None:
        """Hand the parts to ZMQ without copying; raises zmq.Again when its queue is full."""
        self._socket.send_multipart(list(parts), zmq.NOBLOCK, copy=False)

    def receive(self) -> list[Buffer]:
        """Take the parts of a message; raises zmq.Again where there is none."""
        parts = self._socket.recv_multipart(zmq.NOBLOCK, copy=False)
        if self.presence is not None:
            self.presence.heard(parts)
        return [part.buffer for part in parts]

    def tend(self) -> list[str]:
        """Cut off who would use up memory or descriptors, see `Presence`; in any thread."""
        with self.lock:
            return [] if self.presence is None else self.presence.tend()

    def close(self, linger_s: float = 0.0) -> None:
        """Close the socket and its context; what is left has `linger_s` to leave."""
        if self.presence is not None:
            self.presence.close()
        self._socket.close(linger=_ms(linger_s))
        if self._unguard is not None:
            self._unguard()
        self._context.term()


class Closing(ABC):
    """A wrapper of one socket that is closed at the end of a `with` block."""

    @abstractmethod
    def close(self) -> None:
        """Close the socket and drop what has not been sent."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _ms(seconds: float) -> int:
    return max(0, round(seconds * 1000))
