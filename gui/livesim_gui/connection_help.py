"""Explain why an engine does not answer."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from livesim.wire.endpoints import split_keys

PATIENCE_S = 1.0


def why_silent(address: str, otherwise: str) -> str:
    """Say whether keys are refused, which get no answer at all, or the engine is not there.

    Parameters
    ----------
    address
        Its control endpoint.
    otherwise
        What is said where no keys are needed.
    """
    plain, keys = split_keys(address)
    if keys is None:
        return otherwise
    if not _listens(plain):
        return f"Nobody listens at {plain}: the engine is not there, or a firewall lets nobody in."
    return (
        f"The engine at {plain} does not accept the keys in {keys}: it must know its client.key "
        "(livesim keys --allow, over there), and server.key must be the engine's own (livesim "
        "keys --trust, here); docs/use/remote.md"
    )


def _listens(plain: str) -> bool:
    parts = urlsplit(plain)
    try:
        with socket.create_connection((parts.hostname or "", parts.port or 0), PATIENCE_S):
            return True
    except OSError:
        return False
