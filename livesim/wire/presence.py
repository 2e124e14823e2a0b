"""Count who is connected to a bound socket."""

from __future__ import annotations

import zmq
from zmq.utils.monitor import recv_monitor_message

KEEPALIVE = {
    zmq.TCP_KEEPALIVE: 1,
    zmq.TCP_KEEPALIVE_IDLE: 10,
    zmq.TCP_KEEPALIVE_INTVL: 5,
    zmq.TCP_KEEPALIVE_CNT: 3,
}
"""A machine that was switched off is noticed after 25 s. By the kernel, not by ZMQ's heartbeats:
those wait behind the frames that a full queue does not take, and would cut a source off because
the engine is slow."""


class Presence:
    """Counts the peers that are connected; made before the socket is bound.

    Parameters
    ----------
    socket
        Used by the same thread as this.
    """

    def __init__(self, socket: zmq.Socket[bytes]) -> None:
        for option, value in KEEPALIVE.items():
            socket.setsockopt(option, value)
        self._socket = socket
        self._peers: set[int] = set()
        self._monitor = socket.get_monitor_socket(zmq.EVENT_ACCEPTED | zmq.EVENT_DISCONNECTED)

    def count(self) -> int:
        """Return how many are connected now."""
        while self._monitor.poll(0):
            event = recv_monitor_message(self._monitor)
            if event["event"] == zmq.EVENT_ACCEPTED:
                self._peers.add(event["value"])
            else:
                self._peers.discard(event["value"])
        return len(self._peers)

    def close(self) -> None:
        """Stop counting; called before the socket is closed."""
        self._socket.disable_monitor()
        self._monitor.close(linger=0)
