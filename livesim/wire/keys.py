"""Make and use CURVE keys, so that only machines that know each other reach an engine.

The folder holds, as ZeroMQ's own certificate files:

- `server.key`, public, on both sides, and `server.key_secret` on the engine's machine alone;
- `client.key` and `client.key_secret`, on the machine of a source or viewer;
- `known_clients/NAME.key`, on the engine's machine: the public keys that it lets in.

What is exchanged is encrypted and authenticated both ways (CurveZMQ, rfc.zeromq.org/spec/26). Who
is not known gets no answer at all: the handshake ends before the first message.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import zmq
import zmq.auth
from zmq.auth.thread import ThreadAuthenticator

from livesim.config.settings import SettingsError
from livesim.wire.endpoints import CLIENT, HOW, KNOWN_CLIENTS, SERVER, split_keys

DOMAIN = "livesim"

_log = logging.getLogger("livesim.engine")

AnyContext = zmq.Context[zmq.Socket[bytes]]


def make_pair(folder: Path, name: str) -> Path:
    """Make the public and the secret key `name`; return the file of the public one.

    Raises
    ------
    SettingsError
        If one of the two exists: a key that others know is never replaced by accident.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    public, secret = folder / f"{name}.key", folder / f"{name}.key_secret"
    for file in (public, secret):
        if file.exists():
            raise SettingsError(f"expected no {name} key yet, found {file}")
    secret.touch(mode=0o600)  # before there is anything in it to be read
    zmq.auth.create_certificates(folder, name)
    return public


def read_public(file: Path) -> bytes:
    """Read the public key of a file, 40 characters in ZeroMQ's base 85.

    Raises
    ------
    SettingsError
        If the file holds none.
    """
    return _read(file)[0]


def serve(context: AnyContext, socket: zmq.Socket[bytes], keys: Path) -> Callable[[], None]:
    """Let only known clients reach a socket that is going to be bound.

    Returns
    -------
    What ends it, to be called between closing the socket and terminating the context.

    Raises
    ------
    SettingsError
        If a key cannot be read.
    """
    _, secret = _read(keys / f"{SERVER}.key_secret")
    for file in sorted((keys / KNOWN_CLIENTS).glob("*.key")):
        read_public(file)  # ZeroMQ would only log that a file is wrong, and let nobody in
    guard = ThreadAuthenticator(context)
    guard.start()
    guard.configure_curve_callback(DOMAIN, _KnownClients(keys / KNOWN_CLIENTS))
    socket.curve_server = True
    socket.curve_secretkey = secret
    socket.zap_domain = DOMAIN.encode()
    return guard.stop


@dataclass(frozen=True, slots=True)
class _KnownClients:
    """The folder of the clients that are let in, read again at every attempt to connect."""

    folder: Path

    def callback(self, domain: str, key: bytes) -> bool:
        """Whether the owner of a public key may come in; ZeroMQ's name and arguments."""
        try:
            return any(self._public(file) == key for file in sorted(self.folder.glob("*.key")))
        except OSError as error:  # raised, it would end ZeroMQ's thread, and let nobody in again
            _log.warning("a client could not be checked, and was not let in: %s", error)
            return False

    def _public(self, file: Path) -> bytes:
        try:
            return read_public(file)
        except SettingsError as error:
            _log.warning("%s", error)
            return b""


def reach(socket: zmq.Socket[bytes], keys: Path) -> None:
    """Let a socket that is going to be connected prove who it is, to the one server it knows.

    Raises
    ------
    SettingsError
        If a key is missing or cannot be read.
    """
    public, secret = _read(keys / f"{CLIENT}.key_secret")
    socket.curve_publickey = public
    socket.curve_secretkey = secret
    socket.curve_serverkey = read_public(keys / f"{SERVER}.key")


def check_reachable(address: str) -> None:
    """Raise `SettingsError` if `address` needs keys that are not there."""
    keys = split_keys(address)[1]
    if keys is not None:
        _read(keys / f"{CLIENT}.key_secret")
        read_public(keys / f"{SERVER}.key")


def _read(file: Path) -> tuple[bytes, bytes]:
    """Return the public and the secret key of a file; the latter is empty in a public one."""
    if not file.is_file():
        raise SettingsError(f"expected a CURVE key, found no file {file}: {HOW}")
    try:
        public, secret = zmq.auth.load_certificate(file)
    except (OSError, ValueError) as error:
        raise SettingsError(f"{file}: expected a CURVE key, found: {error}") from error
    for key in (public, secret or public):
        if len(key) != 40:
            raise SettingsError(f"{file}: expected a key of 40 characters, found {len(key)}")
    if file.suffix == ".key_secret" and not secret:
        raise SettingsError(f"{file}: expected a secret key, found a public one")
    return public, secret or b""
