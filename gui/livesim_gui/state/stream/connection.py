"""Complete the address of an engine as the user types it, and shorten it again to be shown."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from livesim.wire.endpoints import endpoint, split_keys, with_keys


class Connection(Enum):
    """Whether the engine answers."""

    NONE = "not connected"
    WAITING = "connecting"
    """Asked, but nobody has answered yet."""
    CONNECTED = "connected"
    LOST = "lost"
    """It has answered before, and does not any more."""
    FILE = "looking at a file"
    """No engine is asked: a recording on this machine is shown."""


def complete_address(address: str, keys: str) -> str:
    """Complete what the user has typed.

    Parameters
    ----------
    keys
        Folder of the keys for an engine on another machine, unless the address names one; empty =
        the usual folder. An engine on this machine asks for keys only where its address says so.

    Raises
    ------
    SettingsError
        If it is no address.
    """
    whole = endpoint(address)
    plain, needed = split_keys(whole)
    if needed is None or split_keys(address)[1] is not None or not keys.strip():
        return whole
    return with_keys(plain, Path(keys.strip()).expanduser())


def as_typed(address: str) -> tuple[str, str | None]:
    """Return an address without tcp://, and the folder of its keys where that is not the usual."""
    plain, keys = split_keys(address.removeprefix("tcp://"))
    if keys is None or split_keys(endpoint(plain))[1] is None:
        return address.removeprefix("tcp://"), None
    return plain, str(keys)
