"""Addresses: where the engine listens, and who may reach it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

from livesim.config.settings import SettingsError

FRAMES_PORT = 5601
RESULTS_PORT = 5602
CONTROL_PORT = 5603

_THIS_MACHINE = "127.0.0.1"

FRAMES_ADDRESS = f"tcp://{_THIS_MACHINE}:{FRAMES_PORT}"
RESULTS_ADDRESS = f"tcp://{_THIS_MACHINE}:{RESULTS_PORT}"
CONTROL_ADDRESS = f"tcp://{_THIS_MACHINE}:{CONTROL_PORT}"
FREE_ADDRESS = f"tcp://{_THIS_MACHINE}:0"
"""Bound, the system chooses a free port."""

SERVER, CLIENT, KNOWN_CLIENTS = "server", "client", "known_clients"
"""Names in a folder of keys."""
HOW = (
    "run `livesim keys --server` on the engine's machine and `livesim keys --client` on the other "
    "one, and exchange their public keys (docs/use/remote.md)"
)


def default_keys() -> Path:
    """Return the folder of keys that is taken where none is named."""
    return Path.home() / ".livesim" / "keys"


def endpoint(address: str, default_port: int = CONTROL_PORT) -> str:
    """Complete what a user types (host, host:port or tcp://host:port) to an address.

    An address on another machine says in which folder the keys for it are: behind `?keys=`, or
    else in the default folder.

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
    if parts.fragment or not set(parse_qs(parts.query, keep_blank_values=True)) <= {"keys"}:
        raise SettingsError(expected)
    # Named by number, because ZMQ does not bind to host names.
    host = _THIS_MACHINE if parts.hostname == "localhost" else parts.hostname
    keys = split_keys(address)[1]
    if keys is None and host != _THIS_MACHINE:
        keys = default_keys()
    return with_keys(f"tcp://{host}:{port}", keys)


def listening(
    address: str, default_port: int, bind: str | None = None, keys: Path | None = None
) -> str:
    """Complete where an engine is to listen; `bind` is the interface, and `keys` its keys.

    Raises
    ------
    SettingsError
        As `endpoint`.
    """
    own = urlsplit(endpoint(address, default_port))
    whole = endpoint(address if bind is None else f"{bind}:{own.port}", default_port)
    plain, found = split_keys(whole)
    return with_keys(plain, found if keys is None else keys)


def split_keys(address: str) -> tuple[str, Path | None]:
    """Split an address into what ZMQ takes and the folder of keys, if it names one."""
    plain, _, query = address.partition("?")
    named = parse_qs(query).get("keys")
    return plain, Path(named[0]) if named else None


def with_keys(plain: str, keys: Path | None) -> str:
    """Join what `split_keys` splits."""
    return plain if keys is None else f"{plain}?keys={quote(str(keys))}"


def check_bindable(address: str) -> None:
    """Refuse to listen where other machines could reach us, unless only those with keys can.

    Raises
    ------
    SettingsError
        If `address` is not on the loopback interface and there are no keys, or, where it names
        keys, if there is none of the server's own or none of a client.
    """
    plain, keys = split_keys(address)
    if keys is None and urlsplit(plain).hostname != _THIS_MACHINE:
        raise SettingsError(
            f"expected an address on this machine, such as tcp://127.0.0.1:{CONTROL_PORT}, "
            f"found '{plain}': listening to other machines needs CURVE keys: {HOW}"
        )
    if keys is None:
        return
    if not (keys / f"{SERVER}.key_secret").is_file():
        raise SettingsError(
            f"listening at '{plain}' needs CURVE keys, found no {SERVER}.key_secret in {keys}: "
            f"{HOW}"
        )
    if not any((keys / KNOWN_CLIENTS).glob("*.key")):
        raise SettingsError(
            f"listening at '{plain}' needs CURVE keys of known clients, found none in "
            f"{keys / KNOWN_CLIENTS}: {HOW}"
        )


def beside(control: str, other: str) -> str:
    """Name the engine's endpoint `other` as it is seen by one who reaches it at `control`."""
    plain, keys = split_keys(control)
    return with_keys(f"tcp://{urlsplit(plain).hostname}:{urlsplit(other).port}", keys)
