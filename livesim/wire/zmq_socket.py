"""Open and close one ZMQ socket, with the keys that it asks for, and know its peers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Self

import zmq

from livesim.config.settings import SettingsError
from livesim.wire.codec import Buffer
from livesim.wire.endpoints import check_bindable, split_keys
from livesim.wire.header import WireError
from livesim.wire.keys import reach, serve
from livesim.wire.presence import Presence


class Socket:
    """One ZMQ socket with a context of its own, closed together."""

    def __init__(self, kind: int, most_bytes: int, depth: int | None) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.zmq = self._context.socket(kind)
        if depth is not None:
            self.zmq.set_hwm(depth)
        self.zmq.setsockopt(zmq.MAXMSGSIZE, most_bytes)
        self.zmq.setsockopt(zmq.LINGER, 0)
        self._named = kind == zmq.ROUTER
        """Whether every message begins with ZMQ's own name for its sender."""
        self._unguard: Callable[[], None] | None = None
        self.presence: Presence | None = None
        self.lock = Lock()
        """Held by who uses the socket, where several threads do."""

    @classmethod
    def bound(
        cls,
        kind: int,
        endpoint: str,
        most_bytes: int,
        grace: int,
        depth: int | None = None,
        waiting: int = 0,
    ) -> Self:
        """Listen at `endpoint` for messages of at most `most_bytes`.

        `grace` and `waiting` are the bytes and messages of `Presence` that may be under way.

        Raises
        ------
        WireError
            If the address is not free.
        SettingsError
            If other machines could reach it without keys, or the keys cannot be read.
        """
        check_bindable(endpoint)
        plain, keys = split_keys(endpoint)
        socket = cls(kind, most_bytes, depth)
        socket.presence = Presence(socket.zmq, grace, waiting)
        try:
            if keys is not None:
                socket._unguard = serve(socket._context, socket.zmq, keys)
            socket.zmq.bind(plain)
        except zmq.ZMQError as error:
            socket.close()
            raise WireError(f"expected a free address, found '{plain}': {error}") from error
        except SettingsError:
            socket.close()
            raise
        return socket

    @classmethod
    def connected(cls, kind: int, endpoint: str, most_bytes: int, depth: int | None = None) -> Self:
        """Connect to `endpoint`, whether anybody listens there yet or not.

        Raises
        ------
        SettingsError
            If the keys cannot be read.
        """
        plain, keys = split_keys(endpoint)
        socket = cls(kind, most_bytes, depth)
        if kind == zmq.SUB:
            socket.zmq.setsockopt(zmq.SUBSCRIBE, b"")
        try:
            if keys is not None:
                reach(socket.zmq, keys)
        except SettingsError:
            socket.close()
            raise
        socket.zmq.connect(plain)
        return socket

    @property
    def endpoint(self) -> str:
        """Where it really listens, which differs from what was asked for with port 0."""
        return self.zmq.getsockopt_string(zmq.LAST_ENDPOINT)

    def readable(self, timeout_s: float) -> bool:
        """Wait until there is a message; False if there is none in time."""
        return bool(self.zmq.poll(_ms(timeout_s), zmq.POLLIN))

    def writable(self, timeout_s: float) -> bool:
        """Wait until there is room for a message; False if there is none in time."""
        return bool(self.zmq.poll(_ms(timeout_s), zmq.POLLOUT))

    def send(self, parts: Sequence[Buffer]) -> None:
        """Hand the parts to ZMQ without copying; raises zmq.Again when its queue is full."""
        self.zmq.send_multipart(list(parts), zmq.NOBLOCK, copy=False)

    def receive(self) -> list[Buffer]:
        """Take a message that is there, see `readable`."""
        parts = self.zmq.recv_multipart(zmq.NOBLOCK, copy=False)
        if self.presence is not None:
            self.presence.heard((parts[1:] or parts) if self._named else parts)
        return [part.buffer for part in parts]

    def tend(self) -> list[str]:
        """Cut off who would use up memory or descriptors, see `Presence`; in any thread."""
        with self.lock:
            return [] if self.presence is None else self.presence.tend()

    def close(self, linger_s: float = 0.0) -> None:
        """Close socket and context; what ZMQ still holds has `linger_s` to leave."""
        if self.presence is not None:
            self.presence.close()
        self.zmq.close(linger=_ms(linger_s))
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
