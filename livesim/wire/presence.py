"""Know who is connected to a bound socket, and cut off who would use up the engine.

ZMQ limits a part of a message, but neither a message of endless parts nor what subscriptions cost,
and it accepts connections until the process has no file descriptors left. So this counts what each
peer has sent and what was taken of it, as far as the system tells (Linux does).
"""

from __future__ import annotations

import socket as system
import struct
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

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
HANDSHAKE_S = 5.0
"""How long a peer has to say who it is; then ZMQ closes its connection."""
MOST_PEERS = 256
"""Connected to one socket; those that came last and said nothing are cut off beyond it."""
_FRAMING = 64
"""Bytes on the wire around each part of a message, at most; encryption included."""
_COUNT = struct.Struct("i")
_RECEIVED = struct.Struct("Q")
_RECEIVED_AT = 128
"""Where the bytes received stand in Linux' struct tcp_info."""
_EVENTS = zmq.EVENT_ACCEPTED | zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED


@dataclass(slots=True)
class _Peer:
    """One connection."""

    since: float
    address: Any
    settled: bool = False
    """It has said who it is."""
    taken: int = 0
    """Bytes of the messages that were taken from the socket."""
    longest: int = 0
    """Bytes of the longest of them."""


class Presence:
    """Counts the peers that are connected; made before the socket is bound.

    Parameters
    ----------
    socket
        Nobody else uses it while a method is called.
    grace
        Bytes that all peers together may have sent beyond the messages that were taken from them.
    depth
        Messages of a peer that may wait besides.
    """

    def __init__(self, socket: zmq.Socket[bytes], grace: int, depth: int = 0) -> None:
        for option, value in KEEPALIVE.items():
            socket.setsockopt(option, value)
        socket.setsockopt(zmq.HANDSHAKE_IVL, round(1000 * HANDSHAKE_S))
        self._socket, self._grace, self._depth = socket, grace, depth
        self._peers: dict[int, _Peer] = {}
        self._monitor = socket.get_monitor_socket(_EVENTS)

    def count(self) -> int:
        """Return how many are connected now and have said who they are."""
        self._look()
        old = time.monotonic() - 1.1 * HANDSHAKE_S
        return sum(peer.settled or peer.since < old for peer in self._peers.values())

    def heard(self, parts: Sequence[zmq.Frame]) -> None:
        """Count a message that was taken from the socket."""
        number = int(parts[0].get(zmq.SRCFD))
        if number not in self._peers:
            self._look()
        peer = self._peers.get(number)
        if peer is not None:
            size = sum(len(part) + _FRAMING for part in parts)
            peer.settled = True
            peer.taken += size
            peer.longest = max(peer.longest, size)

    def tend(self) -> list[str]:
        """Cut off who sends what is no message, and whom there are too many of; say of whom."""
        self._look()
        for number in self._superfluous():
            self._cut(number)
        return self._limit_bytes()

    def close(self) -> None:
        """Stop counting; called before the socket is closed."""
        self._socket.disable_monitor()
        self._monitor.close(linger=0)

    def _look(self) -> None:
        while self._monitor.poll(0):
            event = recv_monitor_message(self._monitor)
            if event["event"] == zmq.EVENT_ACCEPTED:
                number = event["value"]
                self._peers[number] = _Peer(time.monotonic(), _address(number))
            elif event["event"] == zmq.EVENT_DISCONNECTED:
                self._peers.pop(event["value"], None)
            else:
                self._settle()

    def _settle(self) -> None:
        """Settle a peer whose handshake is over: ZMQ does not say whose, but it has sent most.

        Who is mistaken for it is gone in `HANDSHAKE_S`, and it itself settles by what it says.
        """
        unsettled = {n: peer for n, peer in self._peers.items() if not peer.settled}
        if unsettled:
            number = max(unsettled, key=lambda n: _received(n) or 0)
            unsettled[number].settled = True

    def _superfluous(self) -> list[int]:
        """Return those who came last of more than `MOST_PEERS`, without who has said something."""
        surplus = len(self._peers) - MOST_PEERS
        if surplus <= 0:
            return []
        silent = [number for number, peer in self._peers.items() if not peer.taken]
        return silent[-surplus:]

    def _limit_bytes(self) -> list[str]:
        """Cut off the peers with the longest unfinished messages until all are short enough."""
        excess = {number: self._excess(number, peer) for number, peer in self._peers.items()}
        said = []
        while excess and sum(excess.values()) > self._grace:
            number = max(excess, key=excess.__getitem__)
            size = excess.pop(number)
            self._cut(number)
            said.append(
                f"expected messages of at most {self._grace} B, found {size} B of one without an "
                "end: its sender was cut off"
            )
        return said

    def _excess(self, number: int, peer: _Peer) -> int:
        """Return what a peer has sent beyond what was taken and may wait."""
        received = _received(number)
        if received is None:
            return 0
        peer.taken = min(peer.taken, received)  # the framing was less than its most
        return max(0, received - peer.taken - self._depth * peer.longest)

    def _cut(self, number: int) -> None:
        """End a connection as if its peer had: ZMQ then forgets it and what it sent."""
        peer = self._peers.pop(number)
        with _borrowed(number) as connection:
            if connection is not None and connection.getpeername() == peer.address:
                connection.shutdown(system.SHUT_RDWR)


@contextmanager
def _borrowed(number: int) -> Iterator[system.socket | None]:
    """Look at a socket of ZMQ's by its file descriptor; None where it is closed already."""
    try:
        borrowed = system.socket(fileno=number)
    except OSError:
        yield None
        return
    try:
        yield borrowed
    except OSError:  # closed at this very moment
        pass
    finally:
        borrowed.detach()


def _address(number: int) -> Any:
    address = None
    with _borrowed(number) as connection:
        if connection is not None:
            address = connection.getpeername()
    return address


def _received(number: int) -> int | None:
    """Return how many bytes ZMQ has read from a connection; None where the system does not tell."""
    if sys.platform != "linux":
        return None
    read = None
    with _borrowed(number) as connection:
        if connection is not None:
            info = connection.getsockopt(system.IPPROTO_TCP, system.TCP_INFO, 256)
            if len(info) >= _RECEIVED_AT + _RECEIVED.size:
                (received,) = _RECEIVED.unpack_from(info, _RECEIVED_AT)
                read = max(0, int(received) - _unread(number))
    return read


def _unread(number: int) -> int:
    """Return how many bytes wait in the system's buffer of a connection."""
    import fcntl  # as termios, not there on Windows
    import termios

    return int(_COUNT.unpack(fcntl.ioctl(number, termios.FIONREAD, bytes(_COUNT.size)))[0])
