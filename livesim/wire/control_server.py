"""Answer what sources, viewers and commands ask an engine.

Requests and replies are JSON over DEALER/ROUTER. Each request carries a number that its reply
repeats, so that a reply which comes too late is never taken for the next one's.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Self

import zmq

from livesim.config.settings import SettingsError
from livesim.wire.control import RefusedReply, Reply, Request, read_request
from livesim.wire.endpoints import check_bindable, split_keys
from livesim.wire.header import MAX_HEADER_BYTES, WireError
from livesim.wire.keys import serve
from livesim.wire.presence import Presence

UNDER_WAY = 8 << 20
"""Bytes of requests that may wait, of all who ask; each is some hundred."""


class ControlServer:
    """Listens for requests; the engine calls `answer` in a thread of its own.

    Parameters
    ----------
    endpoint
        Where to listen, with the folder of keys where only known clients are let in.

    Raises
    ------
    WireError
        If the address is not free.
    SettingsError
        If other machines could reach it without keys, or the keys cannot be read.
    """

    def __init__(self, endpoint: str) -> None:
        check_bindable(endpoint)
        plain, keys = split_keys(endpoint)
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.MAXMSGSIZE, MAX_HEADER_BYTES)
        self._presence = Presence(self._socket, UNDER_WAY)
        self._lock = Lock()
        self._unguard: Callable[[], None] | None = None
        try:
            if keys is not None:
                self._unguard = serve(self._context, self._socket, keys)
            self._socket.bind(plain)
        except zmq.ZMQError as error:
            self.close()
            raise WireError(f"expected a free address, found '{plain}': {error}") from error
        except SettingsError:
            self.close()
            raise
        self.endpoint = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)
        """Where it really listens: another port where 0 was asked for."""

    def answer(self, handle: Callable[[Request], Reply], timeout_s: float) -> None:
        """Answer one request, if one comes within `timeout_s`."""
        parts = self._receive(timeout_s)
        if len(parts) != 3:
            return  # nobody of ours: without a number there is nothing to answer to
        peer, number, text = parts
        try:
            reply = handle(read_request(text))
        except WireError as error:
            reply = RefusedReply(reason=str(error))
        with self._lock:
            self._socket.send_multipart([peer, number, reply.model_dump_json().encode()])

    def _receive(self, timeout_s: float) -> list[bytes]:
        """Return the parts of the next message; none where there is no message in time."""
        with self._lock:
            if not self._socket.poll(round(timeout_s * 1000), zmq.POLLIN):
                return []
            parts = self._socket.recv_multipart(copy=False)
            self._presence.heard(parts[1:] or parts)  # the first is the server's own name for it
            return [part.bytes for part in parts]

    def tend(self) -> list[str]:
        """Cut off who would use up the engine, and say of whom; any thread may, now and then."""
        with self._lock:
            return self._presence.tend()

    def close(self) -> None:
        """Close the socket, leaving the last reply a moment to get out."""
        self._presence.close()
        self._socket.close(linger=500)
        if self._unguard is not None:
            self._unguard()
        self._context.term()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
