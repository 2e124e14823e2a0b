"""Listen for browsers, on this machine alone unless there is a token."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

import uvicorn

from livesim.config.errors import SettingsError
from livesim_gui.browser.app import application
from livesim_gui.browser.door import THIS_MACHINE
from livesim_gui.browser.trial import Trials

PORT = 5680
MOST_CONNECTIONS = 256
SHORTEST_TOKEN = 20
"""Characters: none that can be guessed."""
EVERYWHERE = ("0.0.0.0", "::")
_BACKLOG = 64
_MESSAGE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Listening:
    """Where the server listens, and what has to be known to come in.

    Raises
    ------
    SettingsError
        If other machines could come in without a token, or it is short.
    """

    host: str = THIS_MACHINE[0]
    port: int = PORT
    token: str | None = None

    def __post_init__(self) -> None:
        if self.token is None and self.host not in THIS_MACHINE:
            raise SettingsError(
                f"--listen {self.host}: expected an address on this machine, such as 127.0.0.1: "
                "listening to other machines needs a token: `livesim keys --browser` makes one "
                "(docs/use/browser.md)"
            )
        if self.token is not None and len(self.token) < SHORTEST_TOKEN:
            raise SettingsError(
                f"expected a token of at least {SHORTEST_TOKEN} characters, found "
                f"{len(self.token)}: `livesim keys --browser` makes one"
            )


def listening(address: str, token: str | None) -> Listening:
    """Complete what a user types (host, port, host:port or [host]:port).

    Raises
    ------
    SettingsError
        If it is none of these; and as `Listening`.
    """
    expected = f"--listen: expected an address such as 127.0.0.1:{PORT}, found '{address}'"
    try:
        parts = urlsplit(f"//:{address}" if address.isdecimal() else f"//{address}")
        port = PORT if parts.port is None else parts.port
    except ValueError as error:
        raise SettingsError(expected) from error
    if parts.path or parts.query or parts.username or parts.fragment:
        raise SettingsError(expected)
    return Listening(parts.hostname or THIS_MACHINE[0], port, token)


def serve(where: Listening, engine: str, trials: Trials | None) -> None:
    """Serve until a signal ends it; say the address on stdout once it listens.

    Raises
    ------
    SettingsError
        If the address is taken, or none of this machine.
    """
    with _bound(where) as listener:
        config = uvicorn.Config(
            application(engine, where.token, trials),
            http="h11",
            ws="wsproto",
            loop="asyncio",
            lifespan="on",
            log_level="error",
            access_log=False,
            server_header=False,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_keep_alive=10,
            timeout_graceful_shutdown=2,
            ws_max_size=_MESSAGE_BYTES,
            ws_per_message_deflate=False,  # pictures are compressed already, and once for all
        )
        print(address_of(where.host, listener.getsockname()[1]), flush=True)
        asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))


def _bound(where: Listening) -> socket.socket:
    try:
        family = socket.getaddrinfo(where.host, where.port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((where.host, where.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise SettingsError(
            f"--listen: expected a free address of this machine, found {where.host}:{where.port}: "
            f"{error.strerror or error}"
        ) from error


def address_of(host: str, port: int) -> str:
    """Return what is typed into a browser; for all interfaces, the machine's own name."""
    named = socket.gethostname() if host in EVERYWHERE else host
    return f"http://[{named}]:{port}/" if ":" in named else f"http://{named}:{port}/"
