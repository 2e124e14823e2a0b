"""Addresses at which nobody listens, for what is started there later."""

from __future__ import annotations

from contextlib import ExitStack

import zmq

BELOW = 32_768
"""From here on the system gives ports to connections, by chance and so to anybody."""


def free_addresses(count: int) -> list[str]:
    """Return addresses on this machine that nobody listens at just now, nor is given by chance."""
    with zmq.Context() as context, ExitStack() as opened:
        sockets = [opened.enter_context(context.socket(zmq.PULL)) for _ in range(count)]
        ports = [one.bind_to_random_port("tcp://127.0.0.1", 10_000, BELOW) for one in sockets]
    return [f"tcp://127.0.0.1:{port}" for port in ports]
