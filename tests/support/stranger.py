"""A peer that speaks ZMTP 3.0 by itself, so that it can do what ZMQ's own sockets never do.

Source: rfc.zeromq.org/spec/23.
"""

from __future__ import annotations

import socket
import struct
from urllib.parse import urlsplit

WAIT_S = 60.0
MORE, LONG, COMMAND = 1, 2, 4
GREETING = b"\xff" + 8 * b"\0" + b"\x7f\3\0" + b"NULL".ljust(20, b"\0") + 32 * b"\0"


def bare(address):
    """Connect and say nothing."""
    parts = urlsplit(address)
    return socket.create_connection((parts.hostname, parts.port), WAIT_S)


def introduced(address, kind):
    """Connect as a socket of a kind, b"PUSH", and say so."""
    connection = bare(address)
    connection.sendall(GREETING)
    ready = b"\5READY" + b"\x0bSocket-Type" + struct.pack(">I", len(kind)) + kind
    connection.sendall(bytes([COMMAND, len(ready)]) + ready)
    received = b""
    while len(received) < len(GREETING) + 2:
        received += connection.recv(4096)
    return connection


def part(content, *, more=False):
    """A part of a message as it is on the wire."""
    return struct.pack(">BQ", LONG | (MORE if more else 0), len(content)) + content


def is_closed(connection):
    """Whether the other side has ended a connection."""
    connection.setblocking(False)
    try:
        while connection.recv(4096):
            pass
    except BlockingIOError:
        return False
    except ConnectionError:
        pass
    finally:
        connection.setblocking(True)
    return True


def floods(connection, chunk, ended):
    """Send a chunk again and again until `ended` is true of it or nobody takes it any more.

    Return how many bytes were sent, and what `ended` said.
    """
    sent, left = 0, b""
    connection.settimeout(0.01)
    while not (said := ended()):
        assert sent < 2_000_000_000, "the stranger is still listened to"
        left = left or chunk
        try:
            count = connection.send(left)
        except (TimeoutError, ConnectionError):
            continue  # not taken now, or cut off: then `ended` says so next
        sent, left = sent + count, left[count:]
    return sent, said
