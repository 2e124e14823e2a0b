"""Answer what sources, viewers and commands ask an engine.

Requests and replies are JSON over DEALER/ROUTER. Each request carries a number that its reply
repeats, so that a reply which comes too late is never taken for the next one's.
"""

from __future__ import annotations

from collections.abc import Callable

import zmq

from livesim.wire.control import RefusedReply, Reply, Request, read_request
from livesim.wire.header import MAX_HEADER_BYTES, WireError
from livesim.wire.zmq_socket import Closing, Socket

UNDER_WAY = 8 << 20
"""Bytes of requests that may wait, of all who ask; each is some hundred."""
FAREWELL_S = 0.5


class ControlServer(Closing):
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
        self._socket = Socket.bound(zmq.ROUTER, endpoint, MAX_HEADER_BYTES, UNDER_WAY)
        self.endpoint = self._socket.endpoint
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
        with self._socket.lock:
            self._socket.send([peer, number, reply.model_dump_json().encode()])

    def _receive(self, timeout_s: float) -> list[bytes]:
        """Return the parts of the next message; none where there is no message in time."""
        with self._socket.lock:
            found = self._socket.receive() if self._socket.readable(timeout_s) else []
        return [bytes(part) for part in found]

    def tend(self) -> list[str]:
        """Cut off who would use up the engine, and say of whom; any thread may, now and then."""
        return self._socket.tend()

    def close(self) -> None:
        """Close the socket, leaving the last reply a moment to get out."""
        self._socket.close(FAREWELL_S)
