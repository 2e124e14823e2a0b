"""Addresses: where the engine listens, and who may reach it."""

from __future__ import annotations

from urllib.parse import urlsplit

from livesim.config import SettingsError

FRAMES_PORT = 5601
RESULTS_PORT = 5602
CONTROL_PORT = 5603

_THIS_MACHINE = "127.0.0.1"

FRAMES_ADDRESS = f"tcp://{_THIS_MACHINE}:{FRAMES_PORT}"
RESULTS_ADDRESS = f"tcp://{_THIS_MACHINE}:{RESULTS_PORT}"
CONTROL_ADDRESS = f"tcp://{_THIS_MACHINE}:{CONTROL_PORT}"
FREE_ADDRESS = f"tcp://{_THIS_MACHINE}:0"
"""Bound, the system chooses a free port."""


def endpoint(address: str, default_port: int = CONTROL_PORT) -> str:
    """Complete what a user types (host, host:port or tcp://host:port) to an endpoint.

    Raises
    ------
    SettingsError
        If `address` is none of these.
    """
    expected = f"expected an address such as tcp://127.0.0.1:{default_port}, found '{address}'"
    try:
        parts = urlsplit(address if "://" in address else f"tcp://{address}")
        port = default_port if parts.port is None else parts.port
    except ValueError as error:
        raise SettingsError(expected) from error
    if parts.scheme != "tcp" or not parts.hostname or parts.path or parts.username:
        raise SettingsError(expected)
    # Named by number, because ZMQ does not bind to host names.
    host = _THIS_MACHINE if parts.hostname == "localhost" else parts.hostname
    return f"tcp://{host}:{port}"


def check_bindable(address: str) -> None:
    """Refuse to listen where other machines could reach us.

    Raises
    ------
    SettingsError
        If `address` is not on the loopback interface.
    """
    if urlsplit(address).hostname != _THIS_MACHINE:
        raise SettingsError(
            f"expected an address on this machine, such as tcp://127.0.0.1:{CONTROL_PORT}, "
            f"found '{address}': listening to other machines needs CURVE keys, "
            "which are not set up yet"
        )


def beside(control: str, other: str) -> str:
    """Name the engine's endpoint `other` as it is seen by one who reaches it at `control`."""
    return f"tcp://{urlsplit(control).hostname}:{urlsplit(other).port}"
