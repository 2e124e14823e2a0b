"""Run `livesim keys`: make CURVE keys, exchange the public ones, show which there are."""

from __future__ import annotations

import platform
import re
import shutil
from pathlib import Path

from livesim.config.settings import SettingsError
from livesim.wire.endpoints import CLIENT, KNOWN_CLIENTS, SERVER
from livesim.wire.keys import make_pair, read_public


def manage_keys(
    folder: Path, *, server: bool, client: bool, allow: Path | None, trust: Path | None
) -> None:
    """Make or copy keys as asked for, then list those in the folder.

    Parameters
    ----------
    server, client
        Make that pair of keys.
    allow
        Public key of a client that the engine here is to let in.
    trust
        Public key of the engine that the clients here are to reach.

    Raises
    ------
    SettingsError
        If a key exists already, or a file holds none.
    """
    if server:
        public = make_pair(folder, SERVER)
        print(f"made {public}: copy it to the other machine, there `livesim keys --trust FILE`")
    if client:
        public = make_pair(folder, CLIENT)
        named = public.with_name(f"{_this_machine()}.key")
        shutil.copyfile(public, named)
        print(f"made {named}: copy it to the engine's machine, there `livesim keys --allow FILE`")
    if allow is not None:
        _copy(allow, folder / KNOWN_CLIENTS / allow.with_suffix(".key").name)
    if trust is not None:
        _copy(trust, folder / f"{SERVER}.key")
    _show(folder)


def _copy(public: Path, target: Path) -> None:
    """Copy a public key; a secret one stays where it is."""
    key = read_public(public)
    if public.suffix == ".key_secret":
        raise SettingsError(f"{public}: expected a public key (.key), found a secret one")
    if target.exists() and read_public(target) != key:
        raise SettingsError(f"expected no other key of this name yet, found {target}")
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    shutil.copyfile(public, target)


def _show(folder: Path) -> None:
    print(f"keys in {folder}")
    for name, words in ((SERVER, "the engine"), (CLIENT, "this machine's clients")):
        public, secret = folder / f"{name}.key", folder / f"{name}.key_secret"
        if public.is_file():
            kind = "with its secret key" if secret.is_file() else "public key"
            print(f"  {name}: {read_public(public).decode()} ({words}, {kind})")
        else:
            print(f"  {name}: none")
    known = sorted((folder / KNOWN_CLIENTS).glob("*.key"))
    for file in known:
        print(f"  known client {file.stem}: {read_public(file).decode()}")
    if not known:
        print("  known clients: none")


def _this_machine() -> str:
    """Return a file name that differs from machine to machine."""
    name = re.sub(r"[^A-Za-z0-9-]+", "-", platform.node()).strip("-")
    return name if name and name not in (SERVER, CLIENT) else f"{CLIENT}-{name or 'machine'}"
